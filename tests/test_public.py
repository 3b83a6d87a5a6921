import ast
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gradless

NAMES = {
    "Dataset",
    "GradientFreeClassifier",
    "GradientFreeRegressor",
    "History",
    "HillClimbing",
    "InputError",
    "MLP",
    "Minimum",
    "Objective",
    "RandomSearch",
    "Record",
    "Stop",
    "Strategy",
    "SupervisedProblem",
    "begin",
    "load",
    "minimize",
    "split",
}
SOURCES = sorted(Path(gradless.__file__).parent.rglob("*.py"))


def python(code: str, **environment: str) -> str:
    """Standard output of a fresh interpreter."""
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_NUM_CPU_DEVICES"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=inherited | environment,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout.strip()


# --- Names ----------------------------------------------------------------------------------------


def test_the_public_names_are_these():
    assert set(gradless.__all__) == NAMES
    assert len(gradless.__all__) == len(NAMES)


def test_dir_has_the_public_names_before_they_are_loaded():
    listed = python("import gradless; print(*dir(gradless))").split()
    assert set(listed) >= NAMES | {"__version__"}
    assert listed == sorted(listed)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_public_name_is_what_it_says(name):
    assert getattr(gradless, name).__name__ == name
    assert getattr(gradless, name).__module__.startswith("gradless.")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'gradless' has no attribute 'nonsense'"):
        gradless.nonsense  # noqa: B018
    assert not hasattr(gradless, "nonsense")


def test_the_version_is_that_of_the_distribution():
    assert gradless.__version__ == importlib.metadata.version("gradless")


def test_the_package_runs_as_the_command_line():
    run = [sys.executable, "-m", "gradless"]
    version = subprocess.run([*run, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"gradless {gradless.__version__}\n"
    assert subprocess.run([*run, "nonsense"], capture_output=True).returncode == 2


# --- Importing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    ["import gradless", "import gradless.cli; gradless.cli.main(['--version'])"],
    ids=["package", "command line"],
)
def test_importing_is_cheap(code):
    heavy = ("jax", "sklearn", "matplotlib", "numpy", "optax")
    loaded = python(f"{code}; import sys; print(*({set(heavy)} & set(sys.modules)))")
    assert loaded.removeprefix(f"gradless {gradless.__version__}").split() == []


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="counts the cores by it")
def test_every_core_is_a_device_unless_the_user_decides():
    code = "import os, gradless; print(os.environ['JAX_NUM_CPU_DEVICES'])"
    assert python(code) == str(len(os.sched_getaffinity(0)))
    assert python(code, JAX_NUM_CPU_DEVICES="3") == "3"
    assert python("import gradless, jax; print(jax.device_count())", JAX_NUM_CPU_DEVICES="3") == "3"


def test_a_jax_that_was_imported_before_gets_the_cores():
    code = "import jax, gradless, os; print(jax.device_count() == len(os.sched_getaffinity(0)))"
    assert python(code, JAX_PLATFORMS="cpu") == "True"


def test_a_jax_that_runs_already_is_left_alone():
    code = "import jax; before = jax.devices(); import gradless; print(before == jax.devices())"
    assert python(code, JAX_PLATFORMS="cpu") == "True"


# --- Documentation --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_everything_public_has_a_docstring(path):
    module = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

    def missing(node, name):
        if not (ast.get_docstring(node) or "").strip():
            yield name
        for child in node.body if isinstance(node, ast.Module | ast.ClassDef) else ():
            if isinstance(child, kinds) and not child.name.startswith("_"):
                yield from missing(child, f"{name}.{child.name}")

    assert list(missing(module, path.stem)) == []


def test_the_sources_were_found():
    assert {"cli.py", "train.py", "hill_climbing.py"} <= {path.name for path in SOURCES}
