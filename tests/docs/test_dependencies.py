"""What is imported is declared in pyproject.toml, and what is declared is imported."""

import ast
import functools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
NEVER_IMPORTED = {
    "httpx",  # Starlette asks by it in tests
    "filelock",  # JAX limits the size of its cache only with it
    "pytest-xdist",  # a plugin
}
WHERE_THEY_ARE = {"flax", "ipython", "pandas"}  # imported by who has their modules and frames
PROVIDED_BY = {
    "mlflow": "mlflow-skinny",
    "cocoex": "coco-experiment",
}  # where they are not installed


def names(requirements: list) -> set[str]:
    """Of distributions, without extras and versions."""
    return {re.match(r"[\w.-]+", each)[0].lower() for each in requirements if isinstance(each, str)}


PACKAGE = names(PYPROJECT["project"]["dependencies"])
WITH_EXTRAS = PACKAGE.union(*(names(EXTRAS[extra]) for extra in EXTRAS if extra != "gpu"))
TESTS = names(PYPROJECT["dependency-groups"]["test"])
EXAMPLES = names(PYPROJECT["dependency-groups"]["examples"])
DOCS = names(PYPROJECT["dependency-groups"]["docs"]) | {"nbformat"}  # of nbconvert
WEB = names(PYPROJECT["dependency-groups"]["web"])
OF_STAGE = {"dm-haiku", "onnxruntime"}  # of .ci/run: tests that need them are skipped elsewhere
BENCHMARKS = names(
    [
        line
        for file in sorted((ROOT / "benchmarks").rglob("requirements.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
)


@functools.cache
def imported(folder: str) -> dict[str, str]:
    """Top-level modules from elsewhere that the files of a folder import, and one that does."""
    files = sorted((ROOT / folder).rglob("*.py"))
    here = {"gradless", "tests", "benchmarks", "docs"}
    if folder == "tests":  # they import each other by name
        here |= {path.stem for path in files} | {"helpers", "pages"}
    found = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                modules = [a.value for a in node.args if isinstance(a, ast.Constant)]
            found |= {name.partition(".")[0]: path.name for name in modules}
    return {k: v for k, v in found.items() if k not in here | sys.stdlib_module_names}


installed = functools.cache(packages_distributions)  # which looks at every file of every one


def distributions(modules: dict[str, str]) -> dict[str, str]:
    """Who provides them; a module that is not installed is taken for its own distribution."""
    known = installed()
    return {
        each.lower().replace("_", "-"): where
        for module, where in modules.items()
        for each in known.get(module, [PROVIDED_BY.get(module, module)])
    }


@pytest.mark.parametrize(
    ("folder", "declared"),
    [
        ("src", WITH_EXTRAS | WHERE_THEY_ARE),
        ("tests", WITH_EXTRAS | TESTS | EXAMPLES | WEB | OF_STAGE),
        ("examples", WITH_EXTRAS | TESTS | EXAMPLES),
        (".ci", set()),
        ("docs", WITH_EXTRAS | DOCS | {"grimp", "pillow", "playwright"}),  # of pictures
        ("benchmarks", WITH_EXTRAS | TESTS | BENCHMARKS | WEB),
    ],
)
def test_what_is_imported_is_declared(folder: str, declared: set[str]) -> None:
    needed = distributions(imported(folder))
    assert {name: where for name, where in needed.items() if name not in declared} == {}


def test_what_is_declared_is_imported() -> None:
    assert WITH_EXTRAS - set(distributions(imported("src"))) - NEVER_IMPORTED == set()
    of_tests = distributions({**imported("tests"), **imported("examples")})
    assert TESTS - set(of_tests) - NEVER_IMPORTED == set()


def test_what_is_declared_has_a_lowest_version() -> None:
    """Which `.ci/run lowest` installs."""
    groups = PYPROJECT["dependency-groups"].values()
    groups = [PYPROJECT["project"]["dependencies"], *EXTRAS.values(), *groups]
    every = [each for group in groups for each in group if isinstance(each, str)]
    assert [each for each in every if ">=" not in each] == []
