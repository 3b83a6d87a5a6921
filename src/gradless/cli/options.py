"""What do several commands take? Data, a network, limits, a search, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from gradless._core import defaults
from gradless._core.terminal import PatientConsole
from gradless.cli.parse import option

_MOST_SEEDS = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class Output:
    """What is shown."""

    quiet: bool = option(False, "Show nothing but errors.", group="Output")
    json: bool = option(
        False, "Print the result as one JSON object, and nothing else.", group="Output"
    )

    def console(self) -> PatientConsole:
        """Where to show things."""
        return PatientConsole(quiet=self.quiet or self.json)


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which data, and how a file is read."""

    data: str = option(
        ...,
        "Name of a built-in data set (list them: gradless datasets), or a CSV, Parquet or Excel "
        "file; - for standard input.",
        metavar="DATA",
        positional=True,
    )
    target: str | None = option(
        None,
        "Column to predict, class names or numbers. Default: target, label, class or y.",
        metavar="NAME",
        group="Data",
    )
    drop: tuple[str, ...] = option((), "Columns to leave out.", metavar="NAME", group="Data")
    categories: tuple[str, ...] = option(
        (),
        "Columns of numbers to read as categories, such as postal codes.",
        metavar="NAME",
        group="Advanced",
    )
    text: tuple[str, ...] = option(
        (),
        "Columns of free text to use by their words, hashed into 128 inputs.",
        metavar="NAME",
        group="Advanced",
    )
    delimiter: str | None = option(
        None,
        "Character between two cells of a CSV file, if it is read wrongly; \\t is a tab.",
        metavar="TEXT",
        group="Advanced",
        example='";"',
    )
    decimal: Literal[".", ","] | None = option(
        None,
        "Sign before the decimals of numbers, if they are read wrongly: a point or a comma.",
        metavar="TEXT",
        group="Advanced",
        example='","',
    )
    encoding: str | None = option(
        None,
        "Encoding of a CSV file that is not in UTF-8, UTF-16 or cp1252, for example latin2.",
        metavar="NAME",
        group="Advanced",
        example="latin2",
    )
    header: bool | None = option(
        None,
        "Name the columns of a file 'column 1', 'column 2' and so on: its first row has no names.",
        group="Advanced",
    )
    missing: tuple[str, ...] | None = option(
        None,
        "Texts to read as missing values besides empty cells; without a text, empty cells only. "
        "Default: NA, N/A, #N/A, <NA>, NaN, null and ?.",
        metavar="TEXT",
        group="Advanced",
        example="-999 unknown",
    )
    task: Literal["auto", "classification", "regression"] = option(
        "auto",
        "Predict classes or numbers: classification, regression or auto.",
        metavar="NAME",
        group="Advanced",
    )


@dataclass(frozen=True, kw_only=True)
class Problem(Data):
    """Data, network and objective."""

    group: str | None = option(
        None,
        "Column of groups, such as patients, whose rows stay together in one part; not an input.",
        metavar="NAME",
        group="Advanced",
    )
    time_column: str | None = option(
        None,
        "Column of dates or numbers by which the last rows test the network; not an input.",
        metavar="NAME",
        group="Advanced",
    )
    positive: str | None = option(
        None,
        'Positive class for F1 and similar. Default: the alphabetically second ("yes" of "no" '
        'and "yes").',
        metavar="NAME",
        group="Advanced",
    )
    test_fraction: float | None = option(
        None,
        "Share of the rows kept aside for the test. Default: 0.25; 0 for generated data.",
        metavar="SHARE",
        group="Data",
        example="0.25",
        at_least=0,
        below=1,
    )
    standardize: Literal["auto", "yes", "no"] = option(
        "auto",
        "Scale features, and a target of numbers, to mean 0 and standard deviation 1: yes, no or "
        "auto (not for generated data).",
        metavar="NAME",
        group="Advanced",
    )
    hidden: tuple[int, ...] | None = option(
        None,
        "Neurons of each hidden layer, for example 64 64; without a number, no hidden layer. "
        "Default: 16; 64 for generated data.",
        metavar="N",
        group="Network",
        example="64 64",
        at_least=1,
    )
    activation: str = option(
        "relu",
        "Activation of the hidden layers: relu, tanh, sigmoid, gelu, sign, step, identity and "
        "more.",
        metavar="NAME",
        group="Network",
    )
    initializer: str = option(
        "he",
        "Scale of the initial weights: he, glorot, lecun, or book for the chapter's 0.01.",
        metavar="NAME",
        group="Advanced",
    )
    weights: Literal["float32", "int8"] = option(
        "float32",
        "Weight format; int8 stores 8-bit weights with one scale per layer, files are 4 times "
        "smaller.",
        metavar="NAME",
        group="Advanced",
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32",
        "Forward-pass precision; bfloat16 is less accurate.",
        metavar="NAME",
        group="Advanced",
    )
    objective: str | None = option(
        None,
        "What to improve: cross_entropy, f1, roc_auc, average_precision, profit:5 and more for "
        "classes; squared_error, absolute_error, r2, quantile:0.9 and more for numbers. Default: "
        "cross_entropy, squared_error.",
        metavar="NAME",
        group="Search",
    )
    costs: str | None = option(
        None,
        "Improve the mean cost of a row instead: pairs TRUE:PREDICTED=COST such as "
        '"yes:no=5 no:yes=1", or a CSV or JSON file of all costs.',
        metavar="COSTS",
        group="Advanced",
        example='"yes:no=5 no:yes=1"',
    )
    value_column: str | None = option(
        None,
        "Column of what each row brings, for the objectives profit:COST and profit_at_k:K; not an "
        "input.",
        metavar="NAME",
        group="Advanced",
    )
    group_column: str | None = option(
        None,
        "Column of groups, for the objectives ndcg and equal_opportunity:GAP; not an input.",
        metavar="NAME",
        group="Advanced",
    )
    event_column: str | None = option(
        None,
        "Column of 1 where the event was seen and 0 where the time is censored, for the objective "
        "concordance; not an input.",
        metavar="NAME",
        group="Advanced",
    )
    batch_size: int | None = option(
        None,
        "Samples in the minibatch of each generation. Default: all.",
        metavar="N",
        group="Advanced",
        example="256",
        at_least=1,
    )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When to stop: at the first of these limits, and after 15 seconds without any."""

    time: float | None = option(
        None,
        f"Stop after this training time: 10s, 2m, 1h. Default: {defaults.SECONDS:g}s for a search, "
        "unless evaluations are given.",
        metavar="SECONDS",
        group="Stop",
        example="30s",
        is_time=True,
        above=0,
    )
    evaluations: int | None = option(
        None,
        "Stop after so many evaluated networks, for example 1e5.",
        metavar="N",
        group="Stop",
        example="10000",
        at_least=1,
    )
    target_accuracy: float | None = option(
        None,
        "Stop at this accuracy on all training data, from 0 to 1.",
        metavar="SHARE",
        group="Stop",
        example="0.95",
        at_least=0,
        at_most=1,
    )
    target_score: float | None = option(
        None,
        "Stop at this value of an objective where higher is better, such as f1.",
        metavar="VALUE",
        group="Stop",
        example="0.9",
    )
    target_loss: float | None = option(
        None,
        "Stop at this training loss.",
        metavar="VALUE",
        group="Stop",
        example="0.1",
    )
    stagnation: int | None = option(
        None,
        "Stop after so many evaluations without a better loss.",
        metavar="N",
        group="Advanced",
        example="10000",
        at_least=1,
    )
    patience: float | None = option(
        None,
        "Stop after so many times the evaluations of the network that is best on the validation "
        "rows, and 5,000 evaluations and 20 generations more. Default: 3.",
        metavar="VALUE",
        group="Advanced",
        example="3",
        above=1,
    )


@dataclass(frozen=True, kw_only=True)
class Training:
    """What comes before the objective, and which rows select the network."""

    log_loss_first: Literal["auto", "yes", "no"] = option(
        "auto",
        "Spend half of the budget on log loss first: yes, no or auto (for metrics that count rows, "
        "such as f1).",
        metavar="NAME",
        group="Advanced",
    )
    validation: float | None = option(
        None,
        "Share of the training rows that selects the network and stops training; 0 for none. "
        "Default: 0.2 where rows are enough; none for generated data.",
        metavar="SHARE",
        group="Advanced",
        example="0.2",
        at_least=0,
        below=1,
    )


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A strategy with its own options, and a seed."""

    strategy: str = option(
        "auto",
        "How to search (list them: gradless strategies); auto chooses by network, budget and "
        "objective. Name one to use its own options.",
        metavar="NAME",
        group="Search",
    )
    seed: int = option(
        0,
        "Seed of data, initial weights and noise; the same seed repeats a run.",
        metavar="N",
        group="Search",
        at_least=0,
        at_most=_MOST_SEEDS,
    )
    hyperparameters: dict[str, Any] = field(default_factory=dict)  # of the named strategy


@dataclass(frozen=True, kw_only=True)
class Search(Training, Strategy):
    """How a network is searched."""

    restarts: Literal["none", "yes", "ipop", "bipop"] = option(
        "none",
        "Begin again, elsewhere, when the search has come to rest: yes, with any strategy; ipop or "
        "bipop, with CMA-ES and other populations. The best of all attempts is kept.",
        group="Advanced",
    )
    alpha: str = option(
        "auto",
        "Strength of the penalty on the weights: a number, 0 for a search without penalty, or auto "
        "for cross-validation.",
        metavar="VALUE",
        group="Advanced",
        example="0.01",
    )


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """How often a run is saved."""

    checkpoint_every: float = option(
        defaults.CHECKPOINT_EVERY,
        "Time between two checkpoints, from which gradless resume continues a killed run. "
        f"Default: {defaults.CHECKPOINT_EVERY:g}s.",
        metavar="SECONDS",
        group="Advanced",
        example="30s",
        is_time=True,
        above=0,
    )


@dataclass(frozen=True, kw_only=True)
class Logging:
    """What else writes a run down."""

    log: Literal["tensorboard", "mlflow", "trackio"] | None = option(
        None,
        "Also log the run for a tracker: tensorboard, mlflow or trackio. Each is an extra to "
        "install.",
        metavar="NAME",
        group="Output",
        example="tensorboard",
    )
