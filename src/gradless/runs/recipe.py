"""What decides the outcome of a run? Everything in a recipe, which is what a run folder keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from gradless._core import defaults
from gradless._core.errors import InputError
from gradless.data.files import Reading
from gradless.data.named import DATASETS
from gradless.models.mlp import MLP
from gradless.strategies import restarting
from gradless.training import auto

_TYPES: dict[str, Any] = {
    "data": str,
    "target": str | None,
    "task": str,
    "drop": list,
    "categories": list,
    "text": list,
    "missing": list | None,
    "delimiter": str | None,
    "decimal": str | None,
    "encoding": str | None,
    "header": bool | None,
    "group": str | None,
    "time_column": str | None,
    "positive": str | None,
    "test_fraction": float | int | None,
    "validation": float | int | None,
    "alpha": float | int | None,
    "regularization": dict | None,
    "standardize": bool | None,
    "scale_outputs": bool | None,
    "hidden": list | None,
    "activation": str,
    "initializer": str,
    "weights": str,
    "objective": str | None,
    "strategy": str,
    "why": str | None,
    "extras": dict,
    "log_loss_first": bool | None,
    "first": dict | None,
    "hyperparameters": dict,
    "restarts": str,
    "batch_size": int | None,
    "precision": str,
    "seed": int,
    "seed_log": bool,
}


@dataclass(frozen=True)
class Recipe:
    """Data, network, objective, strategy and seed of a run.

    ``missing`` is as for :func:`gradless.data.table.read_table`; ``delimiter``, ``decimal``,
    ``encoding`` and ``header`` (whether there are names) are what is known of how a file is
    written, None for what it says itself. ``text`` names columns of free text. Rows of one
    ``group`` are in one part, and those that test the network are the last ones by ``time_column``.
    ``positive`` is the one of two classes that is to be found, made the second one; None leaves
    them in the order of their names. ``validation`` is the share of the training rows by which the
    network that is kept is chosen (``training.validation``); None holds out a fifth of them where
    data are measured and enough. ``test_fraction`` and ``standardize`` of None mean: none of it for
    the data sets generated in the plane, as in the chapter; a quarter, and yes, for measured data.
    ``scale_outputs`` brings the outputs to mean and about the deviation of the training targets,
    where these are numbers; None does so with ``standardize``. A strategy of ``"auto"`` is replaced
    by the one chosen when the recipe is prepared, and ``why`` says what it was chosen for.
    ``restarts`` is whether and how it begins again, a word of ``strategies.restarting``.
    ``hidden`` of None is 16 neurons, and the chapter's 64 for data in the plane. ``log_loss_first``
    gives half of the budget to log loss before the objective; None does where the objective counts
    samples. ``first`` is how that was planned: strategy, hyperparameters and limits. ``alpha`` is
    the strength of a penalty, None for one chosen by cross-validation where that is possible, and
    ``regularization`` how it is fitted, if it is. ``extras`` names the columns that an objective
    looks at besides, by role (``objectives.extras``): these are no inputs. With ``seed_log``, all
    losses are kept, by which a search is compiled otherwise and its last digits may be others.
    """

    data: str
    target: str | None = None
    task: Literal["auto", "classification", "regression"] = "auto"
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    missing: tuple[str, ...] | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool | None = None
    group: str | None = None
    time_column: str | None = None
    positive: str | None = None
    test_fraction: float | None = None
    validation: float | None = 0.0
    alpha: float | None = 0.0
    regularization: dict[str, Any] | None = None
    standardize: bool | None = None
    scale_outputs: bool | None = None
    hidden: tuple[int, ...] | None = None
    activation: str = "relu"
    initializer: str = "he"
    weights: str = "float32"
    objective: str | None = None
    strategy: str = auto.AUTO
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    restarts: str = restarting.NONE
    why: str | None = None
    extras: dict[str, str] = field(default_factory=dict)
    log_loss_first: bool | None = None
    first: dict[str, Any] | None = None
    batch_size: int | None = None
    precision: str = "float32"
    seed: int = 0
    seed_log: bool = False

    @classmethod
    def from_json(cls, value: Any) -> Recipe:
        """Recipe from what :func:`dataclasses.asdict` and JSON made of it."""
        if isinstance(value, dict):  # runs of before said what numbers their tables held
            value = {name: each for name, each in value.items() if name != "numbers"}
        fits = isinstance(value, dict) and "data" in value and value.keys() <= _TYPES.keys()
        if not fits or not all(isinstance(value[name], _TYPES[name]) for name in value):
            raise InputError("the run's config.json holds no recipe that this version can read")
        lists = {name: tuple(value.get(name, ())) for name in ("drop", "categories", "text")}
        if value.get("hidden") is not None:
            lists["hidden"] = tuple(value["hidden"])
        # Of the runs that did not know it.
        before: dict[str, Any] = {"scale_outputs": False}
        if value.get("missing") is not None:
            lists["missing"] = tuple(value["missing"])
        return cls(**{**before, **value, **lists})

    def model(self, sizes: tuple[int, ...]) -> MLP:
        """Its network, with ``sizes`` from inputs to outputs."""
        return MLP(sizes, self.activation, self.initializer, self.weights)

    @property
    def how(self) -> Reading:
        """What is known of how its file is written."""
        return Reading(self.delimiter, self.decimal, self.encoding, self.header)

    @property
    def is_planar(self) -> bool:
        """Whether the data are drawn in the plane, as in the chapter, and were not measured."""
        return self.data in DATASETS and DATASETS[self.data].planar

    @property
    def neurons(self) -> tuple[int, ...]:
        """Of each hidden layer."""
        if self.hidden is not None:
            return self.hidden
        return defaults.HIDDEN_IN_THE_PLANE if self.is_planar else defaults.HIDDEN

    @property
    def widths(self) -> tuple[int, ...]:
        """Of each hidden layer of the network that comes of it, the mean of several starts."""
        starts = 1 if self.regularization is None else int(self.regularization["starts"])
        return tuple(starts * neurons for neurons in self.neurons)
