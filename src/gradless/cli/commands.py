"""Which commands are there, and what does each take?

What a command does is in the module of its name; nothing here loads JAX, so that help is quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gradless.cli.decide_options import Decide
from gradless.cli.options import (
    Checkpoints,
    Data,
    Limits,
    Logging,
    Output,
    Problem,
    Search,
    Training,
)
from gradless.cli.page_options import Playground, Watch
from gradless.cli.parse import Command, option
from gradless.cli.run_options import Run

# --- Training -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Train(Checkpoints, Logging, Output, Limits, Search, Problem):
    """Train a network without gradients and save the results in a run folder."""

    out: Path | None = option(
        None,
        "New folder for the run. Default: the next free runs/DATA-STRATEGY-N.",
        metavar="FOLDER",
        group="Output",
    )
    watch: bool = option(
        False, "Also open the page of gradless watch. Needs the extra live.", group="Output"
    )
    seed_log: bool = option(
        False,
        "Also keep the seed and all losses in RUN/run.seeds, from which gradless replay rebuilds "
        "the network. For openai_es, pgpe, snes, spsa, fzoo, ars, sep_cma_es and lm_ma_es.",
        group="Advanced",
    )


@dataclass(frozen=True, kw_only=True)
class Look(Data):
    """Show what gradless train would understand of a table, without training: rows, what columns
    hold, what is left out, the target, and columns that give it away."""


@dataclass(frozen=True, kw_only=True)
class Explain(Output, Limits, Search, Problem):
    """Show how a run would execute: layout, memory and speed. Takes the options of gradless train
    and saves nothing."""

    measure: float = option(
        1.0,
        "Training time in which to measure the speed; 0 to measure nothing. Default: 1s.",
        metavar="SECONDS",
        group="Output",
        example="1s",
        is_time=True,
        at_least=0,
    )


@dataclass(frozen=True, kw_only=True)
class Resume(Checkpoints, Logging, Output, Limits):
    """Continue a run, to its own limits unless others are given. Evaluations count from its
    beginning, time from now."""

    run: Path = option(..., "Folder of the run.", metavar="RUN", positional=True)


@dataclass(frozen=True, kw_only=True)
class Repeat(Output):
    """Run a run again from its beginning and compare network, state and history bit by bit. Exit
    code 0 if they are equal, 1 if they differ. Saves nothing."""

    run: Path = option(..., "Folder of the run.", metavar="RUN", positional=True)


@dataclass(frozen=True, kw_only=True)
class Replay(Output):
    """Rebuild a trained network from a seed log, without its data and without evaluating anything:
    a run folder for gradless predict, evaluate and export."""

    log: Path = option(..., "File of gradless train --seed-log.", metavar="LOG", positional=True)
    generation: int | None = option(
        None,
        "Generation after which to take the network. Default: that of the network the run kept.",
        metavar="N",
        group="Search",
        example="100",
        at_least=0,
    )
    out: Path | None = option(
        None,
        "New folder for the run. Default: the next free runs/DATA-STRATEGY-N.",
        metavar="FOLDER",
        group="Output",
    )


@dataclass(frozen=True, kw_only=True)
class Compare(Output, Training, Problem):
    """Compare strategies over several seeds: each trains as gradless train does, within the same
    budget, and test rows judge the networks."""

    strategies: tuple[str, ...] = option(
        ("random_search", "hill_climbing", "openai_es", "cma_es", "sep_cma_es", "snes", "pgpe"),
        "Strategies to compare (list them: gradless strategies), or all. Options of a strategy "
        "follow its name: openai_es:sigma=0.1 openai_es:sigma=0.3.",
        metavar="NAMES",
        group="Search",
    )
    seeds: int = option(10, "Runs of each strategy.", metavar="N", group="Search", at_least=1)
    seed: int = option(
        0,
        "First seed of data, initial weights and noise; the others follow it.",
        metavar="N",
        group="Advanced",
        at_least=0,
        at_most=2**32 - 1,
    )
    time: float | None = option(
        None,
        "Training time of each run: 10s, 2m, 1h. Default: 5s, unless evaluations are given.",
        metavar="SECONDS",
        group="Stop",
        example="5s",
        is_time=True,
        above=0,
    )
    evaluations: int | None = option(
        None,
        "Evaluated networks of each run, for example 1e5.",
        metavar="N",
        group="Stop",
        example="10000",
        at_least=1,
    )
    target_accuracy: float | None = option(
        None,
        "Count as success this training accuracy, from 0 to 1, instead of a loss.",
        metavar="SHARE",
        group="Stop",
        example="0.95",
        at_least=0,
        at_most=1,
    )
    target_score: float | None = option(
        None,
        "Count as success this value of an objective where higher is better, such as f1.",
        metavar="VALUE",
        group="Stop",
        example="0.9",
    )
    target_loss: float | None = option(
        None,
        "Count as success this training loss. Default: the median of all runs.",
        metavar="VALUE",
        group="Stop",
        example="0.1",
    )
    gradient: bool = option(
        False,
        "Also run gradient descent (Adam). One of its steps counts as 3 evaluations.",
        group="Search",
    )
    adam_learning_rate: float = option(
        0.01, "Learning rate of Adam.", metavar="VALUE", group="Advanced", above=0
    )
    out: Path | None = option(
        None,
        "New folder for tables and the picture. Default: the next free compare/DATA-N.",
        metavar="FOLDER",
        group="Output",
    )


# --- Use ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Runs(Output):
    """List the runs in a folder: how they ended and what they reached."""

    directory: Path = option(
        Path("runs"), "Folder that holds run folders.", metavar="FOLDER", positional=True
    )


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Predict every row of a file and write CSV: a class and the probability of each class, or a
    number. Columns are found by name, others are ignored. Unknown categories, and numbers far
    outside of those of training, are reported on standard error."""

    run: Path = option(..., "Folder of the run.", metavar="RUN", positional=True)
    data: Path = option(
        ..., "CSV or Parquet file with the columns of the training data.", metavar="FILE",
        positional=True,
    )  # fmt: skip
    keep: tuple[str, ...] = option(
        (),
        "Columns of the file to write beside the predictions, for example an ID.",
        metavar="NAME",
        group="Output",
        example="ID",
    )
    out: Path | None = option(
        None, "File to write, CSV or .parquet. Default: standard output.", metavar="FILE",
        group="Output",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Evaluate(Output):
    """Measure a trained network on labelled rows, with 95 % intervals."""

    run: Path = option(..., "Folder of the run.", metavar="RUN", positional=True)
    data: Path = option(
        ...,
        "CSV or Parquet file with the columns of the training data and the true answers.",
        metavar="FILE",
        positional=True,
    )
    target: str | None = option(
        None,
        "Column of the true answers. Default: the column that the run predicts.",
        metavar="NAME",
        group="Data",
    )


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a trained network for programs without gradless, and print the lines of Python that
    load it. Scales of inputs and outputs are in the file. ONNX takes the columns of a table, other
    formats the inputs that gradless.load_run(RUN).inputs makes of them."""

    run: Path = option(..., "Folder of the run.", metavar="RUN", positional=True)
    to: Literal["numpy", "torch", "onnx", "flax"] = option(
        "numpy",
        "Format: numpy (.npz), torch or flax (.safetensors), or onnx (needs the package onnx).",
        metavar="FORMAT",
        group="Output",
    )
    out: Path | None = option(
        None,
        "File to write. Default: RUN/model.npz, RUN/model.onnx and so on.",
        metavar="FILE",
        group="Output",
    )
    force: bool = option(False, "Overwrite the file if it exists.", group="Output")


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Draw the pictures of a run, or of a comparison, again."""

    run: Path = option(
        ..., "Folder of gradless train or gradless compare.", metavar="RUN", positional=True
    )
    format: Literal["png", "pdf", "svg"] = option(
        "png",
        "Kind of file; pdf and svg are sharp at any size.",
        metavar="FORMAT",
        group="Output",
    )


# --- Lists and the rest ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Strategies:
    """List the strategies, or describe one: what it does, its paper and its options."""

    name: str | None = option(None, "Strategy to describe.", metavar="NAME", positional=True)


@dataclass(frozen=True, kw_only=True)
class Datasets:
    """List the built-in data sets."""


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Show where compiled programs are kept for the next run, and how much space they take. Set
    GRADLESS_CACHE=off to keep none, GRADLESS_CACHE=FOLDER to keep them elsewhere."""

    clear: bool = option(False, "Delete them.", group="Output")


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Print the script that completes commands and options in a shell, or install it."""

    shell: str | None = option(
        None,
        "Shell: bash, zsh or fish. Default: the shell in use.",
        metavar="SHELL",
        positional=True,
    )
    install: bool = option(False, "Install it for new shells of this user.", group="Output")


@dataclass(frozen=True, kw_only=True)
class Book:
    """Run a search of "Neural Networks from Scratch", chapter 6, in NumPy, to the digit:
    random-search draws all weights anew in each iteration, hill-climb changes the best ones a
    little. Writes history.csv, loss_over_iterations.png and acc_smooth.png."""

    search: str = option(
        ..., "Search to run: random-search or hill-climb.", metavar="SEARCH", positional=True
    )
    data: Literal["vertical", "spiral"] = option(
        "vertical", "Data: vertical, as in the chapter, or spiral.", metavar="NAME", group="Data"
    )
    iterations: int | None = option(
        None,
        "Networks to try. Default: 10000 for random-search, 1000 for hill-climb.",
        metavar="N",
        group="Stop",
        example="1000",
        at_least=1,
    )
    seed: int = option(
        0,
        "Seed of NumPy's legacy generator, 0 as in the book.",
        metavar="N",
        group="Search",
        at_least=0,
        at_most=2**32 - 1,
    )
    out: Path | None = option(
        None,
        "Folder for the history and the pictures. Default: runs/book-SEARCH-DATA.",
        metavar="FOLDER",
        group="Output",
    )


COMMANDS: dict[str, Command] = {
    "train": Command("train a network on a data set or a table", Train, "gradless train spiral"),
    "look": Command("show what is understood of a table", Look, "gradless look people.csv"),
    "resume": Command("continue a run", Resume, "gradless resume runs/spiral"),
    "run": Command(
        "search the best settings of a program",
        Run,
        'gradless run "python train.py --lr {lr}" --bounds lr=1e-4:0.1:log',
    ),
    "predict": Command(
        "predict the rows of a file", Predict, "gradless predict runs/flowers new.csv"
    ),
    "evaluate": Command(
        "measure a network on labelled rows", Evaluate, "gradless evaluate runs/flowers new.csv"
    ),
    "export": Command(
        "write a network for ONNX, PyTorch, NumPy, Flax",
        Export,
        "gradless export runs/flowers --to onnx",
    ),
    "decide": Command(
        "tune the decisions of any model",
        Decide,
        "gradless decide predicted.csv --target churn --value 100 --cost 5",
    ),
    "runs": Command("list runs and how they ended", Runs, "gradless runs"),
    "watch": Command("watch runs in a browser", Watch, "gradless watch runs"),
    "plot": Command("draw a run's pictures again", Plot, "gradless plot runs/spiral"),
    "compare": Command(
        "compare strategies over several seeds", Compare, "gradless compare spiral --time 5s"
    ),
    "explain": Command(
        "show layout, memory and speed of a run", Explain, "gradless explain spiral"
    ),
    "repeat": Command(
        "run a run again and compare the bits", Repeat, "gradless repeat runs/spiral"
    ),
    "replay": Command(
        "rebuild a network from its seed log", Replay, "gradless replay runs/spiral/run.seeds"
    ),
    "datasets": Command("list the built-in data sets", Datasets, "gradless datasets"),
    "strategies": Command(
        "list the strategies, or describe one", Strategies, "gradless strategies cma_es"
    ),
    "playground": Command("watch networks learn in the browser", Playground, "gradless playground"),
    "book": Command("run the searches of the book, chapter 6", Book, "gradless book hill-climb"),
    "cache": Command("show or delete compiled programs", Cache, "gradless cache --clear"),
    "completion": Command(
        "complete commands and options in your shell", Completion, "gradless completion --install"
    ),
}
