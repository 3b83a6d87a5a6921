"""What do several commands take? A problem, limits, output, and a strategy with its own options."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import tyro

from gradless import objectives, strategies
from gradless._core.errors import InputError
from gradless._core.terminal import PatientConsole
from gradless.cli.parse import parse
from gradless.runs.recipe import Recipe
from gradless.strategies import Strategy
from gradless.training import auto
from gradless.training.loop import Stop

DEFAULT_SECONDS = 15.0
CHECKPOINT_EVERY = "30s"
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str, option: str) -> float:
    """Seconds from 30, 30s, 5m or 1h.

    Raises
    ------
    InputError
        For anything else, or a time that is not above zero.
    """
    number = text.strip().rstrip("smh")
    try:
        found = float(number) * _UNITS[text.strip()[len(number) :]]
    except (ValueError, KeyError):
        found = math.nan
    if not 0 < found < math.inf:
        raise InputError(f"{option} {text!r} was given, expected a time such as 30s, 5m or 1h")
    return found


@dataclass(frozen=True)
class Problem:
    """Data, network and objective."""

    data: tyro.conf.Positional[str]
    """Name of a data set (see: gradless datasets), or path of a CSV file with a header or of a
    Parquet file."""
    target: str | None = None
    """Column of a file to predict: class names or numbers."""
    task: Literal["auto", "classification", "regression"] = "auto"
    """What to make of the target column; auto looks at its values."""
    drop: tuple[str, ...] = ()
    """Columns of a file to leave out."""
    categories: tuple[str, ...] = ()
    """Columns of a file that hold categories although they look like numbers. Words are categories
    anyway."""
    missing: tuple[str, ...] | None = None
    """What the cells of a file hold, besides nothing, whose value is not known, for example: -999
    unknown. The option alone: only empty cells. Default: NA, N/A, #N/A, <NA>, NaN, null and ?, in
    any case; in quotes these are text."""
    positive: str | None = None
    """Of two classes the one to be found, which f1, average_precision and the like are about.
    Default: the second by name, as yes of no and yes."""
    hidden: tuple[int, ...] = (64,)
    """Neurons of each hidden layer; give the option without a number for none."""
    activation: str = "relu"
    """Activation of the hidden layers: relu, tanh, sigmoid, gelu, sign, step, identity and more."""
    initializer: str = "he"
    """Scale of the first weights: he, glorot, lecun, or book for the chapter's 0.01."""
    weights: Literal["float32", "int8"] = "float32"
    """Numbers that weights are; int8 trains a network whose weights are whole numbers of eight bits
    times a scale of their layer, and keeps it in a quarter of the space."""
    objective: str | None = None
    """What to improve: cross_entropy, accuracy, balanced_accuracy, f1, f1_macro, fbeta:2, roc_auc,
    average_precision, matthews, cohen_kappa and more for classes; squared_error, absolute_error,
    r2, huber:1, quantile:0.9, log_cosh, spearman for numbers. Default: cross_entropy,
    squared_error."""
    batch_size: int | None = None
    """Samples in the minibatch that each generation sees. Default: all."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers that networks are computed in; bfloat16 needs hardware that has it, and is coarse.
    Losses, searches and what is saved are float32 always."""
    test_fraction: float | None = None
    """Share of the samples kept aside to test the network. Default: 0.25, but none for the data
    sets that are generated in the plane."""
    standardize: Literal["auto", "yes", "no"] = "auto"
    """Scale each feature to mean 0 and standard deviation 1, and where the target is a number, the
    outputs of the network to its mean and spread; auto: yes, but not for the data sets
    that are generated in the plane."""

    def recipe(self, **more: Any) -> Recipe:
        """The recipe of these options, with what else decides a run."""
        names = {field.name for field in dataclasses.fields(Recipe)}
        chosen = {k: v for k, v in vars(self).items() if k in names}
        chosen["standardize"] = {"auto": None, "yes": True, "no": False}[self.standardize]
        return Recipe(**chosen, **more)


@dataclass(frozen=True)
class Training(Problem):
    """A problem, a strategy and a seed."""

    validation: float | None = None
    """Share of the training rows that is held out: the network that is best on them is kept, and
    training ends when a better one is not to be expected; 0 for none. Default: 0.2 of measured data
    with enough rows."""
    strategy: str = auto.AUTO
    """How to search (see: gradless strategies); auto chooses by network, budget and objective, and
    says why. The options of a named strategy are listed below."""
    seed: int = 0
    """Decides the data drawn, the first weights and all noise: same seed, same run."""


@dataclass(frozen=True)
class Limits:
    """When to stop: at the first of these that is reached; after 15 seconds if none is given."""

    evaluations: int | None = None
    """Networks evaluated."""
    time: float | None = None
    """Seconds of training, compilation not counted."""
    target_loss: float | None = None
    """Stop when the best network's training loss is this low, on all training data."""
    target_score: float | None = None
    """Stop when the best network's training objective is this high on all training data, for one of
    which more is better, such as f1."""
    target_accuracy: float | None = None
    """Stop when the best network's accuracy on all training data, from 0 to 1, is this high."""
    stagnation: int | None = None
    """Stop after so many evaluations in which the best loss did not fall, or hardly beside how far
    other losses are above it. Neither its unit nor a constant added to it matters."""
    patience: float | None = None
    """Stop when a run has made so many times the evaluations of its best network on the validation
    rows, and 5,000 evaluations and 20 generations more than that one. Default: 3."""

    def given(self) -> bool:
        """Whether any limit was given but the patience, which leaves the others as they are."""
        return dataclasses.replace(self, patience=None) != type(self)()

    @property
    def patient(self) -> float | None:
        """The patience as validation takes it.

        Raises
        ------
        InputError
            If it is not above 1.
        """
        if self.patience is not None and not self.patience > 1:
            raise InputError(f"--patience must be above 1, got {self.patience:g}. For example: 3")
        return self.patience

    def stop(self, objective: str | None) -> Stop:
        """The limits as the loop takes them; without any, the default time.

        ``objective`` is its name, None for the default one.
        """
        stop = Stop(
            self.evaluations,
            self.time,
            target(self.target_loss, self.target_score, objective),
            self.target_accuracy,
            self.stagnation,
        )
        if stop.evaluations is None and stop.seconds is None and stop.stagnation is None:
            # A target alone may never be reached.
            return dataclasses.replace(stop, seconds=DEFAULT_SECONDS)
        return stop


def target(loss: float | None, score: float | None, objective: str | None) -> float | None:
    """The loss to be reached, from a loss or a value of the objective.

    Raises
    ------
    InputError
        If it is not what this objective has: less of a loss is better, more of a score.
    """
    # The default objectives are losses.
    measure = None if objective is None else objectives.get(objective)
    greater = measure is not None and measure.greater_is_better
    wanted, refused = (score, loss) if greater else (loss, score)
    if refused is None:
        return wanted if measure is None or wanted is None else measure.value(wanted)
    given, expected = ("loss", "score") if greater else ("score", "loss")
    better = "more" if greater else "less"
    raise InputError(
        f"--target-{given} {refused:g} was given for {objective or 'a loss'}, of which {better} is "
        f"better, expected --target-{expected}; give that"
    )


@dataclass(frozen=True)
class Output:
    """What is shown."""

    quiet: bool = False
    """Show nothing but errors."""
    json: bool = False
    """Print one JSON object with the result, and nothing else, on standard output."""

    def console(self) -> PatientConsole:
        """Where to show things."""
        return PatientConsole(quiet=self.quiet or self.json)


Chosen = TypeVar("Chosen", bound=Training)


class Parsed(NamedTuple, Generic[Chosen]):
    """The arguments of a command that trains."""

    options: Chosen
    recipe: Recipe
    stop: Stop
    output: Output
    patience: float | None


def parse_training(options: type[Chosen], command: str, arguments: Sequence[str]) -> Parsed[Chosen]:
    """Parse the arguments of a command that takes a strategy's hyperparameters as options too.

    Raises
    ------
    InputError
        For arguments that do not fit.
    """
    name = _strategy_named_in(arguments)
    cls = None if name == auto.AUTO else strategies.find(name)
    groups: list[Any] = [
        ("training", options),
        ("stopping", Limits, dataclasses.field(default=Limits())),
        ("output", Output, dataclasses.field(default=Output())),
    ]
    if cls is not None:
        groups.append((_group(cls), cls, dataclasses.field(default=cls())))
    everything: Any = dataclasses.make_dataclass(
        "everything", groups, namespace={"__doc__": options.__doc__}
    )
    try:
        parsed = parse(everything, command, list(arguments))
    except InputError as error:
        if cls is not None or "Unrecognized" not in str(error):
            raise
        raise InputError(
            f"{error}; a strategy's own options need its name, for example --strategy openai_es"
        ) from None
    hyperparameters = {} if cls is None else dataclasses.asdict(getattr(parsed, _group(cls)))
    recipe = parsed.training.recipe(hyperparameters=hyperparameters)
    stop, patience = parsed.stopping.stop(recipe.objective), parsed.stopping.patient
    return Parsed(parsed.training, recipe, stop, parsed.output, patience)


def _strategy_named_in(arguments: Sequence[str]) -> str:
    """The value of --strategy, whose hyperparameters become options."""
    chosen = auto.AUTO
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--strategy" and (equals or index + 1 < len(arguments)):
            chosen = value if equals else arguments[index + 1]
    return chosen  # of several, the last one counts, as for every option


def _group(cls: type[Strategy]) -> str:
    """Heading of a strategy's options, and an attribute: evosax names have a colon."""
    return cls.name.replace(":", "_")
