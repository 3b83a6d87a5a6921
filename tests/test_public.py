import ast
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gradless

NAMES = {
    "Comparison",
    "Dataset",
    "FunctionProblem",
    "GradientFreeClassifier",
    "GradientFreeRegressor",
    "History",
    "InputError",
    "MLP",
    "MetricTunedClassifier",
    "Minimum",
    "Objective",
    "Observer",
    "PythonProblem",
    "Recipe",
    "Record",
    "Replayed",
    "Run",
    "Search",
    "Stop",
    "Strategy",
    "SupervisedProblem",
    "TrainedRun",
    "begin",
    "compare",
    "enable_cache",
    "load_dataset",
    "load_estimator",
    "load_run",
    "minimize",
    "optuna_sampler",
    "prepare",
    "replay",
    "scipy_method",
    "split",
    "train",
    "use_all_cores",
}
MODULES = {
    "book": "gradless.book",
    "loggers": "gradless.views.loggers",
    "objectives": "gradless.objectives",
    "problems": "gradless.problems",
    "strategies": "gradless.strategies",
}
# Their names at home.
OTHERWISE = {"enable_cache": "enable", "load_dataset": "load", "load_estimator": "load"}
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
    assert sorted(gradless.__all__) == sorted(NAMES | MODULES.keys())


def test_dir_shows_the_public_names_alone_whatever_was_loaded():
    show = "print(*dir(gradless)); "
    listed = python(
        f"import gradless; {show}import gradless.objectives, gradless.training.loop; "
        f"import gradless.estimators.base, gradless.views.loggers, gradless.cli.train; {show}"
    )
    before, after = map(str.split, listed.splitlines())
    assert before == after == sorted(NAMES | MODULES.keys() | {"__version__"})


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_public_name_is_what_it_says(name):
    assert getattr(gradless, name).__name__ == OTHERWISE.get(name, name)
    assert getattr(gradless, name).__module__.startswith("gradless.")


def test_no_module_takes_the_place_of_a_public_name():
    """Importing gradless.x makes it the attribute x of the package, whatever that was before."""
    home = Path(gradless.__file__).parent
    modules = {path.stem for path in home.iterdir()}
    assert modules & (NAMES | MODULES.keys()) == {*MODULES} - {"loggers"}
    code = "import gradless.training.loop; from gradless import train; print(train.__module__)"
    assert python(code) == "gradless.training.loop"


def test_public_modules_come_with_the_package():
    show = "".join(f"print(gradless.{name}.__name__); " for name in sorted(MODULES))
    assert python(f"import gradless; {show}").split() == [MODULES[name] for name in sorted(MODULES)]


def test_type_checkers_know_the_same_names():
    tree = ast.parse(Path(gradless.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = [name for node in block.body for name in node.names]
    assert {name.asname or name.name for name in imported} == NAMES | MODULES.keys()


SCRIPT = """
import numpy as np
import gradless
from gradless import loggers

log = [loggers.TensorBoard("logs")]
found = gradless.minimize(lambda p: p @ p, np.ones(2), evaluations=100, observers=log, verbose=1)
loss: float = found.best_loss
other = gradless.minimize(lambda p: p @ p, np.ones(2), "cma_es", sigma=0.1)
gradless.minimize(lambda p: p @ p, np.ones(2), evaluation=100)  # refused: no such argument
gradless.load("spiral")  # refused: no such name
"""


@pytest.mark.slow
def test_a_type_checker_refuses_what_is_misspelled_in_a_users_script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    run = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path, "script.py"]
    source = str(Path(gradless.__file__).parents[1])
    said = subprocess.run(
        run, capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"MYPYPATH": source}
    )
    errors = [line for line in said.stdout.splitlines() if "error:" in line]
    wrong = [n for n, line in enumerate(SCRIPT.splitlines(), 1) if "# refused" in line]
    assert [int(line.split(":")[1]) for line in errors] == wrong
    assert "No overload variant" in errors[0]
    assert 'has no attribute "load"' in errors[1]


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


def test_importing_changes_nothing_outside():
    code = (
        "import os, jax; before = dict(os.environ), dict(jax.config.values); "
        "import gradless, gradless.training.loop, gradless.estimators.classifier; "
        "print((dict(os.environ), dict(jax.config.values)) == before)"
    )
    assert python(code, JAX_PLATFORMS="cpu") == "True"


NUMBERS = "import numpy as np; start = np.ones(2, np.float32); "
ASK = {
    "training": (
        f"{NUMBERS}gradless.minimize(lambda p: p @ p, start, 'random_search', evaluations=1024)"
    ),
    "a problem": f"{NUMBERS}gradless.FunctionProblem.of(lambda p: p @ p, start)",
    "by hand": "gradless.use_all_cores()",
}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="counts the cores by it")
@pytest.mark.parametrize("asks", ASK)
def test_every_core_is_a_device_for_who_asks(asks):
    code = f"import gradless; {ASK[asks]}; import jax; print(jax.device_count())"
    assert python(code, JAX_PLATFORMS="cpu") == str(len(os.sched_getaffinity(0)))


def test_how_many_devices_there_are_is_for_the_user_to_decide():
    code = f"import gradless; {ASK['by hand']}; import jax; print(jax.device_count())"
    assert python(code, JAX_PLATFORMS="cpu", JAX_NUM_CPU_DEVICES="3") == "3"


def test_a_jax_that_runs_already_is_left_alone():
    code = (
        f"import jax, gradless; before = jax.devices(); {ASK['a problem']}; "
        "print(before == jax.devices())"
    )
    assert python(code, JAX_PLATFORMS="cpu") == "True"


# --- Documentation --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_everything_public_has_a_docstring(path):
    module = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

    def missing(node, name):
        overloads = [ast.unparse(each) for each in getattr(node, "decorator_list", [])]
        if not (ast.get_docstring(node) or "").strip() and "overload" not in overloads:
            yield name
        for child in node.body if isinstance(node, ast.Module | ast.ClassDef) else ():
            if isinstance(child, kinds) and not child.name.startswith("_"):
                yield from missing(child, f"{name}.{child.name}")

    assert list(missing(module, path.stem)) == []


def test_the_sources_were_found():
    assert {"mlp.py", "train.py", "hill_climbing.py"} <= {path.name for path in SOURCES}
