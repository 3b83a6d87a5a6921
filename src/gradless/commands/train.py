"""``gradless train``: from data to a trained network that a person can look at, keep and use."""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import jax
import numpy as np
import tyro

from gradless import auto, diagnosis, report, runs, strategies
from gradless.commands.parse import parse
from gradless.errors import InputError
from gradless.history import History
from gradless.output import PatientConsole
from gradless.recipe import Prepared, Recipe, prepare
from gradless.report import Result
from gradless.runs import Network
from gradless.strategies import Strategy
from gradless.train import Record, Run, Stop, check_budget, train
from gradless.tree import Params

DEFAULT_SECONDS = 15.0
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Limits:
    """When to stop: at the first of these that is reached; after 15 seconds if none is given."""

    evaluations: int | None = None
    """Networks evaluated."""
    time: float | None = None
    """Seconds of training, compilation not counted."""
    target_loss: float | None = None
    """Stop when the best network's training loss is this low."""
    target_accuracy: float | None = None
    """Stop when the best network's training accuracy, from 0 to 1, is this high."""
    stagnation: int | None = None
    """Stop after so many evaluations without a fall of the best loss by at least 0.1 %."""

    def stop(self) -> Stop:
        """The limits as the loop takes them; without any, the default time."""
        stop = Stop(
            self.evaluations,
            self.time,
            self.target_loss,
            self.target_accuracy,
            self.stagnation,
        )
        if stop.evaluations is None and stop.seconds is None and stop.stagnation is None:
            # A target alone may never be reached.
            return dataclasses.replace(stop, seconds=DEFAULT_SECONDS)
        return stop


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


@dataclass(frozen=True)
class Options:
    """Train a network without gradients and leave a run folder with all that came of it."""

    data: tyro.conf.Positional[str]
    """Name of a data set (see: gradless datasets) or path of a CSV file with a header."""
    target: str | None = None
    """Column of a CSV file to predict: class names or numbers."""
    task: Literal["auto", "classification", "regression"] = "auto"
    """What to make of the target column; auto looks at its values."""
    hidden: tuple[int, ...] = (64,)
    """Neurons of each hidden layer; give the option without a number for none."""
    activation: str = "relu"
    """Activation of the hidden layers: relu, tanh, sigmoid, gelu, sign, step, identity and more."""
    initializer: str = "he"
    """Scale of the first weights: he, glorot, lecun, or book for the chapter's 0.01."""
    objective: str | None = None
    """What to improve: cross_entropy, zero_one, accuracy or squared_error. Default: cross_entropy
    for classes, squared_error for numbers."""
    strategy: str = auto.AUTO
    """How to search (see: gradless strategies); auto chooses by network, budget and objective, and
    says why. The options of a named strategy are listed below."""
    batch_size: int | None = None
    """Samples in the minibatch that each generation sees. Default: all."""
    test_fraction: float | None = None
    """Share of the samples kept aside to test the network. Default: 0.25, but none for the data
    sets that are generated in the plane."""
    standardize: Literal["auto", "yes", "no"] = "auto"
    """Scale each feature to mean 0 and standard deviation 1; auto: yes, but not for the data
    sets that are generated in the plane."""
    seed: int = 0
    """Decides the data drawn, the first weights and all noise: same seed, same run."""
    out: Path | None = None
    """New folder for the run. Default: the next free runs/DATA-STRATEGY-N."""


def main(arguments: list[str]) -> int:
    """Parse, train, report."""
    name = _chosen_strategy(arguments)
    cls = None if name == auto.AUTO else strategies.find(name)
    options, limits, output, strategy = _parse(cls, arguments)
    hyperparameters = {} if strategy is None else dataclasses.asdict(strategy)  # type: ignore[call-overload]
    names = {field.name for field in dataclasses.fields(Recipe)}
    chosen = {k: v for k, v in vars(options).items() if k in names}
    chosen["standardize"] = {"auto": None, "yes": True, "no": False}[options.standardize]
    stop = limits.stop()
    prepared = prepare(Recipe(**chosen, hyperparameters=hyperparameters), stop)
    check_budget(prepared.strategy, stop)
    folder = runs.claim(options.out or runs.default_folder(options.data, prepared.strategy.name))
    runs.write_config(folder, prepared)
    if prepared.recipe.why is not None:
        output.console().print(
            f"strategy: {prepared.strategy.name}. {prepared.recipe.why}",
            highlight=False,
            soft_wrap=True,
        )
    return run(folder, prepared, prepared.begin(), History(), stop, output)


def _chosen_strategy(arguments: list[str]) -> str:
    """The value of --strategy, whose hyperparameters become options."""
    chosen = str(Options.__dataclass_fields__["strategy"].default)
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--strategy" and (equals or index + 1 < len(arguments)):
            chosen = value if equals else arguments[index + 1]
    return chosen  # of several, the last one counts, as for every option


def _parse(
    cls: type[Strategy] | None, arguments: list[str]
) -> tuple[Options, Limits, Output, Strategy | None]:
    groups: list[Any] = [
        ("training", Options),
        ("stopping", Limits, dataclasses.field(default=Limits())),
        ("output", Output, dataclasses.field(default=Output())),
    ]
    if cls is not None:
        groups.append((_group(cls), cls, dataclasses.field(default=cls())))
    everything: Any = dataclasses.make_dataclass(
        "everything", groups, namespace={"__doc__": Options.__doc__}
    )
    try:
        parsed = parse(everything, "train", arguments)
    except InputError as error:
        if cls is not None or "Unrecognized" not in str(error):
            raise
        raise InputError(
            f"{error}; a strategy's own options need its name, for example --strategy openai_es"
        ) from None
    strategy = None if cls is None else getattr(parsed, _group(cls))
    return parsed.training, parsed.stopping, parsed.output, strategy


def _group(cls: type[Strategy]) -> str:
    """Heading of a strategy's options, and an attribute: evosax names have a colon."""
    return cls.name.replace(":", "_")


def run(
    folder: Path, prepared: Prepared, begun: Run, history: History, stop: Stop, output: Output
) -> int:
    """Train from ``begun``, show it, and write the run folder; returns the exit code."""
    console = output.console()
    spent = history.last.seconds if len(history) else 0.0
    not_finite = 0
    with _interrupts() as interrupted, report.Display(console, stop, history) as display:
        for record in train(
            prepared.problem, prepared.strategy, begun, stop, asked_to_stop=interrupted
        ):
            shown = record._replace(seconds=record.seconds + spent)
            history.append(**shown.rows)
            not_finite += record.not_finite
            display.show(shown)
    network = _network(prepared, record)
    runs.write_run(folder, network, record.run, history)
    finding = diagnosis.diagnose(
        history,
        prepared.strategy,
        record.run.state,
        uses_minibatches=prepared.problem.uses_minibatches,
        not_finite=not_finite,
        stopped_because=record.stopped_because,
    )
    result = _result(folder, prepared, network, history, record)
    if finding is not None:
        result = dataclasses.replace(result, stalled=finding.seen, advice=finding.advice)
    runs.write_result(folder, result.as_json())
    report.draw(folder, history, network, prepared, stop)
    if output.json:
        print(json.dumps(result.as_json()))
    console.print(report.closing_table(result, prepared))
    if not_finite:
        console.print(f"{not_finite:,} losses were not finite; such a network never wins.")
    if finding is not None:
        console.print(f"stalled: {finding.seen}", highlight=False, markup=False, soft_wrap=True)
        console.print(f"try: {finding.advice}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"\nrun folder: {folder}", highlight=False, soft_wrap=True)
    if record.stopped_because == INTERRUPTED:
        print(f"gradless: saved; go on with: gradless resume {folder}", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _interrupts() -> Iterator[Callable[[], str | None]]:
    """Make the first Ctrl-C a request to stop; the second one interrupts at once."""
    asked = False
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)
        print("gradless: stopping and saving; again to stop at once", file=sys.stderr)

    signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: INTERRUPTED if asked else None
    finally:
        signal.signal(signal.SIGINT, before)


def _network(prepared: Prepared, record: Record) -> Network:
    """The network that a run ends with.

    The best that was seen, or with minibatches the strategy's center: there, the best loss is that
    of a lucky batch.
    """
    structure = prepared.structure
    if prepared.problem.uses_minibatches:
        params = _center(prepared.strategy, record.run.state)
    else:
        best: Any = np.asarray(record.run.best)  # cut by NumPy: JAX would compile every cut
        params = structure.unravel(best)
    return Network(
        prepared.model,
        params,
        prepared.scaling,
        prepared.train.feature_names,
        prepared.train.class_names,
    )


@jax.jit
def _center(strategy: Strategy, state: Any) -> Params:
    return strategy.center(state)


def _result(
    folder: Path, prepared: Prepared, network: Network, history: History, record: Record
) -> Result:
    """The closing numbers, on all the data."""
    train_score = prepared.judge(network.params, prepared.train)
    test_score = None if prepared.test is None else prepared.judge(network.params, prepared.test)
    # The loss is what was minimised, as in the history.
    sign = -1.0 if prepared.problem.objective.greater_is_better else 1.0
    return Result(
        run=str(folder),
        strategy=prepared.recipe.strategy,
        objective=prepared.problem.objective.name,
        evaluations=history.last.evaluations,
        seconds=round(history.last.seconds, 3),
        compile_seconds=round(record.compile_seconds, 3),
        loss=sign * train_score.value,
        accuracy=train_score.accuracy,
        test_loss=None if test_score is None else sign * test_score.value,
        test_accuracy=None if test_score is None else test_score.accuracy,
        stopped_because=record.stopped_because or "",
    )
