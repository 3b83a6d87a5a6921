"""How does an estimator train its network? Phases, and looks at samples held out.

Where the objective goes in steps, a network at the beginning is often on a plateau: no candidate
differs from it. A first phase on log loss, which is never flat, brings it to where the steps are.
From there on the search is for a place around which the metric is good, not for a single network:
the best of thousands is the one that fits the accidents of the training samples best.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt
from sklearn.utils import _safe_indexing

from gradless import objectives
from gradless._core import tree
from gradless._core.programs import compiled
from gradless._core.tree import Params, Structure
from gradless.data.scaling import Scales
from gradless.models.mlp import INITIALIZERS, MLP, Dense
from gradless.objectives import Objective, Task
from gradless.objectives.units import Unit
from gradless.problems.scorer import HostMetric, HostMetricProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import Strategy
from gradless.training import auto, checkpoint, memory
from gradless.training.checkpoint import Keeper
from gradless.training.history import History
from gradless.training.host_loop import mode_for
from gradless.training.loop import (
    Record,
    Run,
    Stop,
    begin,
    check_budget,
    evaluations_per_generation,
)
from gradless.training.validation import EvenLooks, Validation, center, watched

DEFAULT_EVALUATIONS = 20_000
_LOOKS = 50  # at samples held out, in a whole budget of evaluations
_CHECKPOINT_EVERY = 30.0  # seconds
_LINE_EVERY = 1.0  # seconds, at least, between two lines about progress
_LEAST_FILLED = 64  # samples: up to here, computing them takes no time


class Samples(NamedTuple):
    """What there is to learn from."""

    inputs: npt.NDArray[np.float64]  # (samples, features), as the network sees them
    targets: npt.NDArray[Any]  # as objectives.prepared takes them
    weight: npt.NDArray[np.float64]  # (samples,)
    y_true: npt.NDArray[Any]  # as a metric in Python sees them
    given: Any  # features as the user has them, for a scorer that reads them; else None
    weighted: bool  # whether a metric in Python has to see the weights, too

    def at(self, chosen: npt.NDArray[np.integer]) -> Samples:
        """Some of them."""
        inputs, targets, weight, y_true = (array[chosen] for array in self[:4])
        given = None if self.given is None else _safe_indexing(self.given, chosen)
        return Samples(inputs, targets, weight, y_true, given, self.weighted)


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Parameters
    ----------
    task, model, objective
        What is trained, for what.
    strategy
        None to have one chosen.
    classes
        Labels of the outputs, None for regression.
    scales
        Of inputs and outputs.
    unit
        In which targets are given, without the shift of the outputs, and what is minimised; None
        for classes, and for metrics in Python, which see the units of the user.
    max_evaluations, max_time
        Budget; time in seconds.
    batch_size
        Samples that a generation sees; all if None.
    log_loss_share
        Of the budget, for the first phase.
    grows
        Whether more samples come with every call: sizes that are compiled are then few.
    patience
        Looks without improvement after which training ends; None for no looks.
    seed
        Decides all that is random.
    verbose
        Whether to print lines.
    callback
        Gets every record; True ends training.
    folder
        For checkpoints.
    """

    task: Task
    model: MLP
    objective: Objective | HostMetric
    strategy: Strategy | None
    classes: npt.NDArray[Any] | None
    scales: Scales
    unit: Unit | None
    max_evaluations: int | None
    max_time: float | None
    batch_size: int | None
    log_loss_share: float
    grows: bool
    patience: int | None
    seed: int
    verbose: bool
    callback: Callable[[Record], Any] | None
    folder: Path | None

    def with_share(self, share: float) -> Training:
        """The same with a share of the budget."""
        evaluations, seconds = self.max_evaluations, self.max_time
        return dataclasses.replace(
            self,
            max_evaluations=None if evaluations is None else max(1, int(share * evaluations)),
            max_time=None if seconds is None else share * seconds,
        )

    @property
    def is_count(self) -> bool:
        """Whether the objective counts samples, as far as anyone knows.

        Each goes from wrong to right in a step, so the best of thousands of networks owes some of
        them to luck, as on a lucky minibatch: the result is then the center of the search.
        """
        return not self.objective.smooth and self.task != "regression"

    def told(self, losses: Any) -> Any:
        """Losses in the units of the user."""
        return losses if self.unit is None else self.unit.told(losses)

    @property
    def stop(self) -> Stop:
        """When it ends."""
        return Stop(evaluations=self.max_evaluations, seconds=self.max_time)


class Trained(NamedTuple):
    """What came of it."""

    params: Params  # NumPy arrays
    loss: float  # on all training samples
    history: History
    evaluations: int
    strategy: Strategy
    why: str
    stopped_because: str
    validation_losses: list[float]


# --- Samples --------------------------------------------------------------------------------------


def merged(
    rows: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Numbers of rows that are all different, and the weight of each with those that equal it.

    Their order depends on nothing but their content. A sample of weight 2 is therefore exactly two
    equal ones, wherever they stand.
    """
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return first, np.bincount(inverse.reshape(-1), weight).astype(np.float64)


def filled(samples: int) -> int:
    """A size, at most an eighth above, to which samples are filled up by copies of weight zero.

    Cross-validation and growing tables make many sizes, and each is another program to compile.
    """
    step = 2 ** max(0, samples.bit_length() - 4)
    return max(_LEAST_FILLED, -(-samples // step) * step)


# --- Training -------------------------------------------------------------------------------------


def fit(
    training: Training, samples: Samples, held_out: Samples | None, start: Params | None
) -> Trained:
    """Train from new parameters, or go on from ``start``.

    Raises
    ------
    InputError
        For whatever cannot be trained.
    """
    params = start
    if params is None:
        params = _initial(training.model, training.seed)
    share = training.log_loss_share
    if share <= 0:
        return _search(training, samples, held_out, params, compare=start is not None)
    first = dataclasses.replace(
        training.with_share(share), objective=objectives.get("cross_entropy"), patience=None
    )
    strategy = _plan(first, samples, params)[1]
    too_few = evaluations_per_generation(strategy) > (first.max_evaluations or math.inf)
    if too_few:
        return _search(training, samples, held_out, params, compare=start is not None)
    begun = _search(first, samples, None, params, compare=start is not None)
    if begun.stopped_because == _CALLBACK:
        problem = _problem(training, samples, begun.params)
        return begun._replace(loss=_loss_of(problem, begun.params))
    rest = training.with_share(1 - share)
    if training.max_evaluations is not None:
        rest = dataclasses.replace(
            rest, max_evaluations=max(1, training.max_evaluations - begun.evaluations)
        )
    return _search(rest, samples, held_out, begun.params, compare=True, before=begun)


_CALLBACK = "stopped by the callback"


def _problem(
    training: Training, samples: Samples, params: Params
) -> SupervisedProblem | HostMetricProblem:
    size = len(samples.inputs)
    batch_size = training.batch_size
    batch_size = None if batch_size is None or batch_size >= size else batch_size
    filled_to = 0 if batch_size else filled(size)
    if training.grows and filled_to:
        filled_to = 2 ** (filled_to - 1).bit_length()
    if isinstance(training.objective, HostMetric):
        return HostMetricProblem(
            training.objective,
            samples.inputs,
            samples.y_true,
            samples.weight if samples.weighted else None,
            training.classes,
            training.model,
            params,
            batch_size=batch_size,
            filled=filled_to,
            scales=training.scales,
            given=samples.given,
        )
    unit, scale = training.unit, training.scales.output_scale
    if unit is not None and scale is not None:
        scale = scale / unit.of_targets
    return SupervisedProblem.of_arrays(
        training.task,
        samples.inputs,
        samples.targets,
        training.model.sizes[-1],
        training.model,
        training.objective if unit is None else unit.objective,
        batch_size=batch_size,
        weight=samples.weight,
        output_scale=None if scale is None or (scale == 1).all() else scale,
        filled=filled_to,
    )


def _plan(
    training: Training, samples: Samples, params: Params
) -> tuple[SupervisedProblem | HostMetricProblem, Strategy, str]:
    """The problem, the strategy, and why it."""
    problem = _problem(training, samples, params)
    if training.strategy is not None:
        return problem, training.strategy, ""
    choice = auto.choose(
        dimension=tree.size(params),
        evaluations=training.max_evaluations,
        seconds=training.max_time,
        operations=problem.cost.operations,
        smooth=training.objective.smooth and not training.model.is_piecewise_constant,
        minibatches=problem.uses_minibatches,
        is_count=training.is_count,
    )
    choice = auto.that_fits(choice, lambda s: memory.estimate(problem, s, params))
    return problem, choice.strategy, choice.why


def _search(
    training: Training,
    samples: Samples,
    held_out: Samples | None,
    params: Params,
    *,
    compare: bool,
    before: Trained | None = None,
) -> Trained:
    """One phase, which with ``compare`` may end with what it began with, if that is better."""
    problem, strategy, why = _plan(training, samples, params)
    check_budget(strategy, training.stop)
    with mode_for(problem):
        run = _begun(strategy, params, np.uint32(training.seed))
    spent = before.evaluations if before else 0
    history, kept = History(), None
    if training.folder is not None:
        kept = _Kept.of(training, problem, samples, strategy, run)
        run, history = kept.newest(run, history)
    structure = Structure.of(params)
    wants_center = problem.uses_minibatches or training.is_count
    seconds_before = history.last.seconds if len(history) else 0.0
    seen = _validation(training, held_out, strategy, params, wants_center)
    reason, progress = None, _Progress(training)
    for record in watched(problem, strategy, run, training.stop, seen):
        shown = record._replace(
            seconds=record.seconds + seconds_before,
            evaluations=record.evaluations + spent,
            loss=training.told(record.loss),
            best_loss=training.told(record.best_loss),
        )
        history.append(**shown.rows)
        reason = record.stopped_because
        if kept is not None:
            kept.keep(record.run, history)
        if progress.asks_to_stop(shown) and reason is None:
            reason = _CALLBACK
            break
    if kept is not None:
        kept.close(record.run, history)
    best: Any = None if seen is None else seen.network
    if best is not None:
        answer = structure.unravel(best)
        loss = _loss_of(problem, answer)
    else:
        best = _answer(wants_center, strategy, record.run)
        answer = structure.unravel(best)
        loss = _loss_of(problem, answer) if wants_center else float(record.run.best_loss)
        # Against the first phase, an average would lose by what that one has learnt by heart.
        compared = compare and not (training.is_count and before)
        first = _loss_of(problem, params) if compared or not math.isfinite(loss) else math.nan
        # As good is not enough: where nothing is left to learn, weights would only wander.
        if math.isfinite(first) and not loss < first:
            loss, answer = first, params
    evaluations = history.last.evaluations if len(history) else spent
    looks = [] if seen is None else [look.loss for look in seen.shown]
    told = [float(training.told(each)) for each in (loss, *looks)]
    return Trained(answer, told[0], history, evaluations, strategy, why, str(reason), told[1:])


def _validation(
    training: Training,
    held_out: Samples | None,
    strategy: Strategy,
    params: Params,
    wants_center: bool,
) -> Validation | None:
    """What judges networks on samples held out, if there are any."""
    if held_out is None or training.patience is None:
        return None
    whole = dataclasses.replace(training, batch_size=None)
    problem, structure = _problem(whole, held_out, params), Structure.of(params)
    budget = training.max_evaluations or DEFAULT_EVALUATIONS
    every = max(1, budget // _LOOKS // evaluations_per_generation(strategy))

    def loss_of(vector: Any) -> float:
        return _loss_of(problem, structure.unravel(vector))

    return Validation(
        EvenLooks(every, training.patience),
        loss_of,
        lambda run: [_answer(wants_center, strategy, run)],
    )


def _answer(wants_center: bool, strategy: Strategy, run: Run) -> npt.NDArray[np.float32]:
    """What a search has found, as a vector: its best, or where that was lucky, its center."""
    if wants_center:
        found = center(strategy, run)
        if np.isfinite(found).all():
            return found
    return np.asarray(run.best)


def _loss_of(problem: SupervisedProblem | HostMetricProblem, params: Params) -> float:
    if isinstance(problem, HostMetricProblem):
        return problem.loss(params)
    return float(_loss(problem.without_minibatches(), params))


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@compiled()
def _loss(problem: SupervisedProblem, params: Params) -> jax.Array:
    return problem.score(params, (problem.inputs, problem.targets)).loss


@compiled()
def _begun(strategy: Strategy, params: Params, seed: Any) -> Run:
    return begin(strategy, params, seed)


def _initial(model: MLP, seed: int) -> Params:
    """First parameters, drawn by NumPy: for each shape, JAX would compile that for a second."""
    draw = np.random.default_rng(seed)
    layers: list[Any] = []
    for inputs, outputs in itertools.pairwise(model.sizes):
        scale = INITIALIZERS[model.initializer](inputs, outputs)
        weights = np.float32(scale * draw.standard_normal((inputs, outputs)))
        layers.append(Dense(weights, np.zeros(outputs, np.float32)))  # type: ignore[arg-type]
    return tuple(layers)


class _Progress:
    """What the user sees and says while it trains."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._told, self._told_loss = time.monotonic(), math.inf

    def asks_to_stop(self, record: Record) -> bool:
        """Show a record."""
        if self._training.verbose:
            self._print(record)
        callback = self._training.callback
        return callback is not None and len(record.loss) > 0 and bool(callback(record))

    def _print(self, record: Record) -> None:
        now, last = time.monotonic(), record.stopped_because is not None
        if not len(record.loss) or (not last and now - self._told < _LINE_EVERY):
            return
        loss = float(record.best_loss[-1])
        if last or loss < self._told_loss:
            self._told, self._told_loss = now, loss
            objective = self._training.objective
            print(
                f"{int(record.evaluations[-1]):,} evaluations, {record.seconds[-1]:.1f} s: "
                f"{objective.label} {objective.value(loss):.6g}",
                flush=True,
            )


class _Kept(NamedTuple):
    """Checkpoints of one phase, in a folder of its own, named by everything that decides it."""

    folder: Path
    keeper: Keeper

    @classmethod
    def of(
        cls,
        training: Training,
        problem: SupervisedProblem | HostMetricProblem,
        samples: Samples,
        strategy: Strategy,
        run: Run,
    ) -> _Kept:
        assert training.folder is not None
        settings = (
            training.objective.name,
            strategy,
            training.model,
            problem.batch_size,
            training.max_evaluations,
            training.max_time,
            None if training.unit is None else training.unit.of_values,
        )
        digest = hashlib.sha256(repr(settings).encode())
        for leaf in [*jax.tree.leaves(run), *samples[:3]]:
            digest.update(tree.bits(leaf))
        digest.update(repr(samples.y_true.tolist()).encode())
        folder = training.folder / digest.hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, Keeper(folder, _CHECKPOINT_EVERY))

    def newest(self, run: Run, history: History) -> tuple[Run, History]:
        """The newest one that can be read, if there is one."""
        if not checkpoint.found(self.folder):
            return run, history
        saved = checkpoint.newest(self.folder, run)
        return saved.run, saved.history

    def keep(self, run: Run, history: History) -> None:
        """Keep this state if it is time."""
        self.keeper.offer(run, history, dict)

    def close(self, run: Run, history: History) -> None:
        """Keep the last state."""
        with self.keeper:  # one may be on its way
            self.keeper.write(run, history, dict)
