"""Which strategy is better here? The same runs for each, and what they reached at equal budgets.

:class:`Comparison` trains every strategy under every seed, through the same recipes and the same
loop as ``gradless train``, and keeps of each run how its best loss fell. Seeds are the outer loop:
whenever it is stopped, all strategies have had about as many, and a machine that becomes slower
does so for all of them.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from gradless import strategies
from gradless._core import storage
from gradless._core.errors import InputError
from gradless.evaluation.layout import choose_layout, layout_for
from gradless.evaluation.population import replicate
from gradless.objectives import Measure
from gradless.problems.contract import Problem, Score
from gradless.runs.recipe import Prepared, Recipe, prepare
from gradless.strategies import STRATEGIES, Strategy
from gradless.training import gradient_descent, memory
from gradless.training.gradient_descent import Adam
from gradless.training.loop import Record, Stop, evaluations_per_generation, train

RUNS, CURVES, SUMMARY = "compare.csv", "curves.csv", "summary.json"

_ROWS_PER_CURVE = 400  # in the CSV file
_FAILURES = (InputError, MemoryError, jax.errors.JaxRuntimeError)

Axis = Literal["evaluations", "seconds"]
Floats = npt.NDArray[np.float64]


class Target(NamedTuple):
    """What counts as success."""

    quantity: Literal["loss", "accuracy"]
    value: float
    given: bool  # by the user, or else taken from the runs


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Parameters
    ----------
    recipe
        Data, network and objective; its seed is the first one. Its strategy does not count.
    strategies
        Names, each with its default hyperparameters.
    seeds
        Number of runs of each strategy. Run k has seed ``recipe.seed + k``, which decides the data
        drawn (or split), the first weights and all noise, and is the same for every strategy.
    stop
        Limits of each run: evaluations, seconds or both. A ``loss`` or ``accuracy`` is the target
        that counts as success; no run ends at it.
    adam
        Gradient descent as a yardstick, if any.
    """

    recipe: Recipe
    strategies: tuple[str, ...]
    seeds: int
    stop: Stop
    adam: Adam | None = None

    def __post_init__(self) -> None:
        """Refuse what is no comparison."""
        if self.seeds < 1:
            raise InputError(
                f"--seeds {self.seeds} was given, expected 1 or more; 10 tell luck from skill"
            )
        if not self.strategies:
            raise InputError(
                "no strategy was given, expected names, or all; gradless strategies lists them"
            )
        if self.stop.evaluations is None and self.stop.seconds is None:
            raise InputError("no limit was given, expected evaluations, seconds or both")
        if self.stop.loss is not None and self.stop.accuracy is not None:
            raise InputError(
                "a target loss and a target accuracy were given, expected one of them; "
                "success is reaching the target"
            )

    @property
    def limits(self) -> Stop:
        """When a run ends: the target decides about success only."""
        return Stop(self.stop.evaluations, self.stop.seconds)

    @property
    def runs(self) -> int:
        """Number of runs, those of the yardstick included."""
        return self.seeds * (len(self.strategies) + (self.adam is not None))

    @property
    def deciding(self) -> Axis:
        """At which equal budget strategies are ranked: the one that limits the runs."""
        return "seconds" if self.stop.evaluations is None else "evaluations"


class Curve(NamedTuple):
    """How the best loss of one run fell: its improvements, arrays of shape (improvements,)."""

    evaluations: Floats
    seconds: Floats
    loss: Floats
    accuracy: Floats

    def at(self, axis: Axis, marks: npt.ArrayLike) -> Floats:
        """Best loss at positions on an axis; inf before the first finite one."""
        position = np.searchsorted(getattr(self, axis), np.asarray(marks, np.float64), side="right")
        return np.concatenate([[np.inf], self.loss])[position]

    def reached(self, target: Target) -> int | None:
        """Index of the first improvement that reached a target."""
        if target.quantity == "loss":
            hits = np.flatnonzero(self.loss <= target.value)
        else:
            hits = np.flatnonzero(self.accuracy >= target.value)
        return int(hits[0]) if hits.size else None


class Outcome(NamedTuple):
    """One finished run."""

    name: str
    seed: int
    curve: Curve
    evaluations: int
    seconds: float
    compile_seconds: float

    @property
    def loss(self) -> float:
        """Best loss at the end, inf if none was finite."""
        return float(self.curve.loss[-1]) if len(self.curve.loss) else math.inf

    @property
    def accuracy(self) -> float:
        """Accuracy of the network with the best loss, NaN if there is none."""
        return float(self.curve.accuracy[-1]) if len(self.curve.accuracy) else math.nan


class Progress(NamedTuple):
    """What is happening; ``outcome`` comes with the last one of a finished run."""

    name: str
    seed: int
    evaluations: int
    seconds: float
    best_loss: float
    outcome: Outcome | None = None
    failure: str | None = None


class Quartiles(NamedTuple):
    """First quartile, median and third quartile over seeds; inf where runs have no finite loss."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Quartiles:
        """Of one value a seed, linear between neighbours; NaN counts as inf, the worst."""
        low, median, high = quartiles(np.asarray(values, np.float64)[:, None])[:, 0]
        return cls(float(low), float(median), float(high))

    def values(self, objective: Measure) -> Quartiles:
        """Of the values that have these losses."""
        return Quartiles(*sorted(map(objective.value, self)))


def quartiles(values: Floats) -> Floats:
    """Quartiles (3, n) over the first axis of (seeds, n); unlike NumPy's, inf stays inf."""
    ordered = np.sort(np.where(np.isnan(values), np.inf, values), axis=0)
    rows = []
    for share in (0.25, 0.5, 0.75):
        position = share * (len(ordered) - 1)
        below, above = ordered[math.floor(position)], ordered[math.ceil(position)]
        part = position % 1
        with np.errstate(invalid="ignore"):
            between = np.where(np.isinf(above), above, (1 - part) * below + part * above)
        rows.append(np.where(part == 0, below, between))
    return np.stack(rows)


class Row(NamedTuple):
    """What the seeds of one strategy say."""

    name: str
    uses_gradients: bool
    runs: int
    successes: int
    at_evaluations: Quartiles
    at_seconds: Quartiles
    at_end: Quartiles
    evaluations_to_target: float  # median; inf if most seeds did not reach it
    seconds_to_target: float
    evaluations_per_second: float  # median
    compile_seconds: float  # of all seeds together: only the first one compiles
    failure: str | None = None


class Summary(NamedTuple):
    """What all runs say; rows are ordered from best to worst, the yardstick last."""

    rows: tuple[Row, ...]
    failures: dict[str, str]  # of strategies without a finished run
    target: Target
    evaluations: int  # the mark of equal evaluations
    seconds: float  # the mark of equal time
    deciding: Axis


class Comparison:
    """Runs of every strategy under every seed.

    Attributes
    ----------
    outcomes
        Finished runs, in the order in which they finished.
    failures
        Reasons of strategies that could not go on, by name.

    Raises
    ------
    InputError
        From the beginning, for whatever cannot be compared; nothing has been trained then.
    """

    def __init__(self, plan: Plan) -> None:
        """Load the data of the first seed and check every strategy against the limits."""
        self.plan = plan
        self.outcomes: list[Outcome] = []
        self.failures: dict[str, str] = {}
        # A name that is not in the registry is refused, with the closest one, before data are read.
        for name in plan.strategies:
            if name not in STRATEGIES:
                prepare(dataclasses.replace(plan.recipe, strategy=name), plan.stop)
        last = plan.recipe.seed + plan.seeds - 1
        if last >= 2**32:
            raise InputError(
                f"{plan.seeds} seeds from {plan.recipe.seed} were given, expected the last one "
                f"below 2**32; begin with a smaller seed"
            )
        self._first = self._prepared(plan.recipe.seed)
        self._check()

    def _prepared(self, seed: int) -> list[Prepared]:
        """One for each strategy; the data are read once."""
        plan = self.plan
        recipe = dataclasses.replace(plan.recipe, seed=seed, hyperparameters={})
        base = prepare(dataclasses.replace(recipe, strategy="random_search"))
        return [
            dataclasses.replace(
                base,
                recipe=dataclasses.replace(recipe, strategy=name),
                strategy=strategies.get(name),
            )
            if name in STRATEGIES
            else prepare(dataclasses.replace(recipe, strategy=name), plan.stop)
            for name in plan.strategies
        ]

    @property
    def prepared(self) -> Prepared:
        """The problem of the first seed, for its sizes and names."""
        return self._first[0]

    def _check(self) -> None:
        plan, first = self.plan, self._first
        if not any(map(_fits, first)):  # one that does not is refused when it is its turn
            _check_memory(self.prepared)
        if plan.stop.accuracy is not None and not self.prepared.train.is_classification:
            raise InputError(
                f"target accuracy {plan.stop.accuracy} was given for a problem without classes, "
                "expected a target loss"
            )
        if plan.stop.evaluations is None:
            return
        needed = {
            name: evaluations_per_generation(one.strategy)
            for name, one in zip(plan.strategies, first, strict=True)
            if evaluations_per_generation(one.strategy) > plan.stop.evaluations
        }
        if needed:
            name = max(needed, key=needed.__getitem__)
            raise InputError(
                f"{plan.stop.evaluations:,} evaluations were given, expected at least the "
                f"{needed[name]:,} of one generation of {name}; give more, or leave out "
                f"{', '.join(needed)}"
            )
        if plan.adam is not None and plan.stop.evaluations < gradient_descent.EVALUATIONS_PER_STEP:
            raise InputError(
                f"{plan.stop.evaluations} evaluations were given, expected at least the "
                f"{gradient_descent.EVALUATIONS_PER_STEP} that one step of "
                f"{gradient_descent.NAME} counts as; give more"
            )

    def run(self, asked_to_stop: Callable[[], str | None] = lambda: None) -> Iterator[Progress]:
        """Train, yielding progress; a run that is asked to stop is left out, and ends it all."""
        for seed in range(self.plan.recipe.seed, self.plan.recipe.seed + self.plan.seeds):
            prepared = self._first
            if seed != self.plan.recipe.seed:
                prepared = self._prepared(seed)
            entrants: list[tuple[str, Prepared, Adam | None]] = [
                # As it was called: a recipe may put the name of what it chose in its place.
                (name, one, None)
                for name, one in zip(self.plan.strategies, prepared, strict=True)
            ]
            if self.plan.adam is not None:
                entrants.append((gradient_descent.NAME, prepared[0], self.plan.adam))
            for name, one, adam in entrants:
                if name in self.failures:
                    continue
                try:
                    for progress in _run(name, one, adam, self.plan.limits, asked_to_stop):
                        if progress.outcome is not None:
                            self.outcomes.append(progress.outcome)
                        yield progress
                except _FAILURES as error:
                    # One strategy's trouble must not lose what the others did.
                    reason = " ".join(str(error).split())[:300] or type(error).__name__
                    self.failures[name] = reason
                    yield Progress(name, seed, 0, 0.0, math.inf, failure=reason)
                if asked_to_stop():
                    return

    def summarise(self) -> Summary | None:
        """What the finished runs say; None if no strategy has one."""
        searches = [one for one in self.outcomes if one.name != gradient_descent.NAME]
        if not searches:
            return None
        stop = self.plan.stop
        if stop.accuracy is not None:
            target = Target("accuracy", stop.accuracy, True)
        elif stop.loss is not None:
            target = Target("loss", stop.loss, True)
        else:
            target = Target("loss", Quartiles.of([one.loss for one in searches]).median, False)
        evaluations = min(one.evaluations for one in searches)
        seconds = min(one.seconds for one in searches)
        deciding = self.plan.deciding
        rows = [
            _row(runs, target, evaluations, seconds, self.failures.get(name))
            for name, runs in _by_name(self.outcomes).items()
        ]
        rows.sort(
            key=lambda row: (
                row.uses_gradients,
                (row.at_seconds if deciding == "seconds" else row.at_evaluations).median,
                row.at_end.median,
            )
        )
        finished = {row.name for row in rows}
        failures = {name: why for name, why in self.failures.items() if name not in finished}
        return Summary(tuple(rows), failures, target, evaluations, seconds, deciding)


def _run(
    name: str,
    prepared: Prepared,
    adam: Adam | None,
    limits: Stop,
    asked_to_stop: Callable[[], str | None],
) -> Iterator[Progress]:
    problem, strategy, seed = prepared.problem, prepared.strategy, prepared.recipe.seed
    asked: str | None = None
    yield Progress(name, seed, 0, 0.0, math.inf)

    def ask() -> str | None:
        nonlocal asked
        asked = asked_to_stop()
        return asked

    if adam is not None:
        layout = choose_layout(problem, 1)
        run = replicate(adam.begin(_first_params(prepared), seed), layout)
        records = gradient_descent.descend(problem, adam, run, limits, asked_to_stop=ask)
    else:
        _check_memory(prepared)
        layout = layout_for(problem, strategy)
        run = replicate(prepared.begin(), layout)
        records = train(problem, strategy, run, limits, layout=layout, asked_to_stop=ask)

    judge: Callable[[Any], Score] | None = None
    if problem.uses_minibatches:
        whole = replicate(problem.without_minibatches(), layout)
        judge = functools.partial(_judge, whole, adam or strategy)
        jax.block_until_ready(judge(run.state))  # compiled before the clock starts
    improvements = _Improvements(judge)
    evaluations, seconds = 0, 0.0
    for record in records:
        improvements.add(record)
        if len(record.evaluations):
            evaluations, seconds = int(record.evaluations[-1]), float(record.seconds[-1])
        outcome = None
        if record.stopped_because is not None and asked is None:
            outcome = Outcome(
                name, seed, improvements.curve(), evaluations, seconds, record.compile_seconds
            )
        yield Progress(name, seed, evaluations, seconds, improvements.best, outcome)


def _check_memory(prepared: Prepared) -> None:
    """Refuse a strategy that does not fit into memory."""
    problem, strategy = prepared.problem, prepared.strategy
    params = prepared.params
    memory.check(
        memory.estimate(problem, strategy, params),
        memory.described(strategy, params),
        there=memory.size(problem),
        otherwise="leave it out, or give fewer neurons or a smaller batch size",
    )


def _fits(prepared: Prepared) -> bool:
    try:
        _check_memory(prepared)
    except InputError:
        return False
    return True


def _first_params(prepared: Prepared) -> Any:
    """Where every strategy begins under this seed."""
    blank = dataclasses.replace(prepared, strategy=strategies.get("random_search"))
    return prepared.structure.unravel(blank.begin().best)


@jax.jit
def _judge(problem: Problem, method: Strategy | Adam, state: Any) -> Score:
    """Loss and accuracy of a method's center on all the data."""
    return problem.score(method.center(state), problem.batch(jax.random.key(0)))


class _Improvements:
    """Collects the improvements of a run.

    With minibatches, the best loss seen is that of a lucky batch. There, the strategy's center is
    judged on all the data after every chunk instead; this is not counted as an evaluation.
    """

    def __init__(self, judge: Callable[[Any], Score] | None) -> None:
        self.best = math.inf
        self._judge = judge
        self._pieces: list[npt.NDArray[np.float64]] = [np.empty((4, 0))]

    def add(self, record: Record) -> None:
        if not len(record.evaluations):
            return
        rows = np.stack(
            [record.evaluations, record.seconds, record.best_loss, record.best_accuracy]
        ).astype(np.float64)
        if self._judge is not None:
            rows = rows[:, -1:]
            rows[2:, 0] = [float(value) for value in self._judge(record.run.state)]
        before = np.concatenate([[self.best], rows[2, :-1]])
        self._pieces.append(rows[:, rows[2] < before])
        self.best = min([self.best, *self._pieces[-1][2][-1:].tolist()])

    def curve(self) -> Curve:
        return Curve(*np.concatenate(self._pieces, axis=1))


def _by_name(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.name, []).append(outcome)
    return groups


def _row(
    runs: list[Outcome], target: Target, evaluations: int, seconds: float, failure: str | None
) -> Row:
    hits = [run.curve.reached(target) for run in runs]

    def to_target(axis: Axis) -> float:
        spent = [
            math.inf if hit is None else getattr(run.curve, axis)[hit]
            for run, hit in zip(runs, hits, strict=True)
        ]
        return Quartiles.of(spent).median

    return Row(
        name=runs[0].name,
        uses_gradients=runs[0].name == gradient_descent.NAME,
        runs=len(runs),
        successes=sum(hit is not None for hit in hits),
        at_evaluations=Quartiles.of([run.curve.at("evaluations", evaluations) for run in runs]),
        at_seconds=Quartiles.of([run.curve.at("seconds", seconds) for run in runs]),
        at_end=Quartiles.of([run.loss for run in runs]),
        evaluations_to_target=to_target("evaluations"),
        seconds_to_target=to_target("seconds"),
        evaluations_per_second=float(
            np.median([run.evaluations / max(run.seconds, 1e-9) for run in runs])
        ),
        compile_seconds=sum(run.compile_seconds for run in runs),
        failure=failure,
    )


# --- Files ----------------------------------------------------------------------------------------


def write(folder: Path, comparison: Comparison, summary: Summary) -> None:
    """Write ``compare.csv``, ``curves.csv`` and ``summary.json`` into an existing folder."""
    _write_csv(folder / RUNS, _run_rows(comparison.outcomes, summary.target))
    _write_csv(folder / CURVES, _curve_rows(comparison.outcomes))
    storage.write_json(folder / SUMMARY, as_json(comparison, summary))


def as_json(comparison: Comparison, summary: Summary) -> dict[str, Any]:
    """The comparison in plain values; what is not finite becomes null."""
    plan = comparison.plan
    recipe = dataclasses.asdict(comparison.prepared.recipe)
    for name in ("strategy", "hyperparameters", "seed"):
        recipe.pop(name)
    return {
        "recipe": recipe,
        "network": list(comparison.prepared.model.sizes),
        "objective": comparison.prepared.problem.objective.name,
        "seeds": [plan.recipe.seed + k for k in range(plan.seeds)],
        "limits": {"evaluations": plan.stop.evaluations, "seconds": plan.stop.seconds},
        "adam_learning_rate": None if plan.adam is None else plan.adam.learning_rate,
        "evaluations_per_gradient_step": gradient_descent.EVALUATIONS_PER_STEP,
        "target": summary.target._asdict(),
        "equal_evaluations": summary.evaluations,
        "equal_seconds": round(summary.seconds, 6),
        "ranked_at_equal": summary.deciding,
        "strategies": [_plain(row) for row in summary.rows],
        "failed": summary.failures,
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _run_rows(outcomes: list[Outcome], target: Target) -> Iterator[list[Any]]:
    yield [
        "strategy", "seed", "loss", "accuracy", "evaluations", "seconds", "compile_seconds",
        "success", "evaluations_to_target", "seconds_to_target",
    ]  # fmt: skip
    for run in outcomes:
        hit = run.curve.reached(target)
        yield [
            run.name, run.seed, _number(run.loss), _number(run.accuracy), run.evaluations,
            f"{run.seconds:.6f}", f"{run.compile_seconds:.3f}", int(hit is not None),
            "" if hit is None else int(run.curve.evaluations[hit]),
            "" if hit is None else f"{run.curve.seconds[hit]:.6f}",
        ]  # fmt: skip


def _curve_rows(outcomes: list[Outcome]) -> Iterator[list[Any]]:
    yield ["strategy", "seed", "evaluations", "seconds", "best_loss"]
    for run in outcomes:
        count = len(run.curve.loss)
        # Evenly spaced in the logarithm of the row: improvements are dense at the beginning.
        kept = np.unique(np.geomspace(1, max(count, 1), _ROWS_PER_CURVE).round().astype(int)) - 1
        for index in kept[kept < count]:
            yield [
                run.name, run.seed, int(run.curve.evaluations[index]),
                f"{run.curve.seconds[index]:.6f}", _number(run.curve.loss[index]),
            ]  # fmt: skip
        if count:
            # Where the run ended, which may be long after its last improvement.
            yield [run.name, run.seed, run.evaluations, f"{run.seconds:.6f}", _number(run.loss)]


def _number(value: float) -> str:
    """The shortest text of the same float32; an empty cell for NaN."""
    return "" if math.isnan(value) else str(np.float32(value))


def _write_csv(path: Path, rows: Iterator[list[Any]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    storage.write_bytes(path, text.getvalue().encode())
