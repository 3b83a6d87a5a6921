"""Train neural networks without gradients.

Importing this package is cheap and changes nothing: JAX is loaded with the first name that needs
it, and gets its cores from whatever trains first.

The rooms, from the front door down; each imports only from those below it:

``cli``
    the command ``gradless``, a module a command
``views``
    what people see: the console, pictures, the model card
``runs``, ``estimators``
    recipes, run folders and comparisons; the face that scikit-learn knows
``training``
    the loop, its state, what ends it and what is kept
``evaluation``
    how a population is scored fast: layout, blocks, devices
``problems``
    what makes losses of parameters: data with a model, a JAX function, Python code
``objectives``
    what is good: losses and metrics, by name
``data``, ``models``, ``strategies``, ``book``
    what is learned from, what is trained, one file a method, and the chapter alone
``_core``
    what all share: errors, pytrees, noise, files, devices

To find the way, read ``models.mlp``, ``objectives``, ``strategies.random_search``,
``strategies.hill_climbing`` and ``training.loop``.
"""

TYPE_CHECKING = False  # as type checkers know it; importing it takes 15 ms
if TYPE_CHECKING:
    from gradless import book, objectives, problems, strategies
    from gradless._core.compilation_cache import enable as enable_cache
    from gradless._core.devices import use_all_cores
    from gradless._core.errors import InputError
    from gradless.data.datasets import Dataset, split
    from gradless.data.datasets import load as load_dataset
    from gradless.estimators.classifier import GradientFreeClassifier
    from gradless.estimators.loading import load as load_estimator
    from gradless.estimators.metric_tuned import MetricTunedClassifier
    from gradless.estimators.regressor import GradientFreeRegressor
    from gradless.models.mlp import MLP
    from gradless.objectives import Objective
    from gradless.problems.function import FunctionProblem
    from gradless.problems.python import PythonProblem
    from gradless.problems.supervised import SupervisedProblem
    from gradless.runs.preparation import prepare
    from gradless.runs.recipe import Recipe
    from gradless.runs.trained import TrainedRun, load_run
    from gradless.strategies import Strategy
    from gradless.training.generation import Run, begin
    from gradless.training.history import History
    from gradless.training.loop import train
    from gradless.training.minimization import minimize
    from gradless.training.minimum import Minimum
    from gradless.training.observers import Observer
    from gradless.training.optuna_face import optuna_sampler
    from gradless.training.records import Record, Stop
    from gradless.training.replaying import Replayed, replay
    from gradless.training.scipy_method import scipy_method
    from gradless.training.search import Search
    from gradless.views import loggers
    from gradless.views.comparing import compare
    from gradless.views.comparison import Comparison

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "Comparison",
    "Dataset",
    "FunctionProblem",
    "GradientFreeClassifier",
    "GradientFreeRegressor",
    "History",
    "InputError",
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
    "book",
    "compare",
    "enable_cache",
    "load_dataset",
    "load_estimator",
    "load_run",
    "loggers",
    "minimize",
    "objectives",
    "optuna_sampler",
    "prepare",
    "problems",
    "replay",
    "scipy_method",
    "split",
    "strategies",
    "train",
    "use_all_cores",
]

# Where each of them is defined: "module", "module:its name there", or "module:" for the module
# itself. No more than a name is the module of that name.
_HOMES = {
    "MLP": "models.mlp",
    "Comparison": "views.comparison",
    "Dataset": "data.datasets",
    "FunctionProblem": "problems.function",
    "GradientFreeClassifier": "estimators.classifier",
    "GradientFreeRegressor": "estimators.regressor",
    "History": "training.history",
    "InputError": "_core.errors",
    "MetricTunedClassifier": "estimators.metric_tuned",
    "Minimum": "training.minimum",
    "Objective": "objectives",
    "Observer": "training.observers",
    "PythonProblem": "problems.python",
    "Recipe": "runs.recipe",
    "Record": "training.records",
    "Replayed": "training.replaying",
    "Run": "training.generation",
    "Search": "training.search",
    "Stop": "training.records",
    "Strategy": "strategies",
    "SupervisedProblem": "problems.supervised",
    "TrainedRun": "runs.trained",
    "begin": "training.generation",
    "compare": "views.comparing",
    "enable_cache": "_core.compilation_cache:enable",
    "load_dataset": "data.datasets:load",
    "load_estimator": "estimators.loading:load",
    "load_run": "runs.trained",
    "loggers": "views.loggers:",
    "minimize": "training.minimization",
    "optuna_sampler": "training.optuna_face",
    "prepare": "runs.preparation",
    "replay": "training.replaying",
    "scipy_method": "training.scipy_method",
    "split": "data.datasets",
    "train": "training.loop",
    "use_all_cores": "_core.devices",
}


if not TYPE_CHECKING:  # for a type checker, there are no other names

    def __getattr__(name: str) -> object:
        """Load a public name's module when it is first used."""
        import importlib  # noqa: PLC0415 - the command line begins here, and may be interrupted

        if name not in __all__:
            raise AttributeError(f"module 'gradless' has no attribute {name!r}")
        home, colon, there = _HOMES.get(name, f"{name}:").partition(":")
        value: object = importlib.import_module(f"gradless.{home}")
        if there or not colon:
            value = getattr(value, there or name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The public names alone."""
    return sorted([*__all__, "__version__"])
