"""Train neural networks without gradients.

Importing this package is cheap and changes nothing: JAX is loaded with the first name that needs
it, and gets its cores from whatever trains first.

To find the way, read ``models``, ``objectives``, ``strategies.random_search``,
``strategies.hill_climbing`` and ``train``.
"""

TYPE_CHECKING = False  # as type checkers know it; importing it takes 15 ms
if TYPE_CHECKING:
    from gradless import book, objectives, strategies
    from gradless.cache import enable as enable_cache
    from gradless.data import Dataset, load, split
    from gradless.devices import use_all_cores
    from gradless.errors import InputError
    from gradless.estimators import GradientFreeClassifier, GradientFreeRegressor
    from gradless.estimators import load as load_estimator
    from gradless.function import FunctionProblem
    from gradless.history import History
    from gradless.minimum import Minimum, minimize
    from gradless.models import MLP
    from gradless.objectives import Objective
    from gradless.python_function import PythonProblem
    from gradless.recipe import Recipe, prepare
    from gradless.strategies import HillClimbing, RandomSearch, Strategy
    from gradless.supervised import SupervisedProblem
    from gradless.train import Record, Run, Stop, begin

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "Dataset",
    "FunctionProblem",
    "GradientFreeClassifier",
    "GradientFreeRegressor",
    "HillClimbing",
    "History",
    "InputError",
    "Minimum",
    "Objective",
    "PythonProblem",
    "RandomSearch",
    "Recipe",
    "Record",
    "Run",
    "Stop",
    "Strategy",
    "SupervisedProblem",
    "begin",
    "book",
    "enable_cache",
    "load",
    "load_estimator",
    "minimize",
    "objectives",
    "prepare",
    "split",
    "strategies",
    "use_all_cores",
]

# Where each of them is defined, "module" or "module:its name there"; no more than a name: a module.
_HOMES = {
    "MLP": "models",
    "Dataset": "data",
    "FunctionProblem": "function",
    "GradientFreeClassifier": "estimators",
    "GradientFreeRegressor": "estimators",
    "HillClimbing": "strategies",
    "History": "history",
    "InputError": "errors",
    "Minimum": "minimum",
    "Objective": "objectives",
    "PythonProblem": "python_function",
    "RandomSearch": "strategies",
    "Recipe": "recipe",
    "Record": "train",
    "Run": "generation",
    "Stop": "train",
    "Strategy": "strategies",
    "SupervisedProblem": "supervised",
    "begin": "generation",
    "enable_cache": "cache:enable",
    "load": "data",
    "load_estimator": "estimators:load",
    "minimize": "minimum",
    "prepare": "recipe",
    "split": "data",
    "use_all_cores": "devices",
}


if not TYPE_CHECKING:  # for a type checker, there are no other names

    def __getattr__(name: str) -> object:
        """Load a public name's module when it is first used."""
        import importlib  # noqa: PLC0415 - the command line begins here, and may be interrupted

        if name not in __all__:
            raise AttributeError(f"module 'gradless' has no attribute {name!r}")
        home, _, there = _HOMES.get(name, name).partition(":")
        module = importlib.import_module(f"gradless.{home}")
        value = getattr(module, there or name) if name in _HOMES else module
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The public names alone."""
    return sorted([*__all__, "__version__"])
