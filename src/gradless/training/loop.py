"""How does training run? Compiled chunks of generations, and a generator of what they did.

:func:`train` repeats ask -> evaluate -> tell and yields a :class:`Record` after every
chunk. History, plots, saving, progress display and early stopping by the user are consumers of
that generator or observers of its records, not hooks inside the loop. How a run is cut into chunks
never changes what it finds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import forked, stagnation
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless._core.floats import loss_dtype
from gradless.problems.contract import (
    NO_FAULTS,
    Faults,
    HostProblem,
    Layout,
    Problem,
    TellsEvaluated,
    checked_measures,
)
from gradless.strategies.base import Strategy
from gradless.training import checkpoint, judged_targets, memory
from gradless.training.generation import (
    CompiledLoop,
    Limits,
    Rows,
    Run,
    begin,
    is_due,
    width,
    with_measures,
)
from gradless.training.host_loop import HostLoop, mode_for, with_exact_losses
from gradless.training.logged import LoggedLoop
from gradless.training.observers import Observer, RunInfo, checked, watching
from gradless.training.records import (
    EVALUATIONS,
    NOT_FINITE,
    SECONDS,
    TARGET_LOSS,
    Record,
    Stop,
    check_targets,
    is_target,
    target_reached,
)
from gradless.training.tolerances import Tolerances

__all__ = [
    "NOT_FINITE", "TARGET_LOSS", "Record", "Run", "Stop", "begin", "check_budget",
    "evaluations_per_generation", "is_target", "target_reached", "train",
]  # fmt: skip

_SECONDS_PER_CHUNK = 0.2  # long enough to hide the host's work, short enough to follow and to stop
_SECONDS_FOR_A_PARAMETER = 2e-7  # and longer, since each chunk begins with a copy of the run
_LEAST_NOT_FINITE = 10  # generations without any finite loss that may be an accident


def evaluations_per_generation(strategy: Strategy) -> int:
    """Candidates evaluated in one generation, the center included where it is one."""
    return strategy.population + strategy.samples_around_center


def check_budget(strategy: Strategy, stop: Stop, name: str = "evaluations") -> None:
    """Refuse limits that end no run or are below one generation, and a class unknown to JAX.

    ``name`` is what the evaluations are called where they are given.

    Raises
    ------
    InputError
        For these.
    """
    if jax.tree_util.all_leaves([strategy]):
        name = type(strategy).__name__
        raise InputError(
            f"a strategy must be a pytree, got {name}, which JAX does not know; write "
            f"@gradless.strategies.strategy above class {name}"
        )
    per_generation = evaluations_per_generation(strategy)
    if not stop.ends:
        raise InputError("a run must have a limit, got none. Give evaluations or seconds")
    if stop.evaluations is not None and stop.evaluations < per_generation:
        raise InputError(
            f"{name} must be at least the {per_generation} of one generation of "
            f"{strategy.name}, got {stop.evaluations}. Give more, or a smaller population"
        )


def train(
    problem: Problem | HostProblem,
    strategy: Strategy,
    run: Run,
    stop: Stop,
    *,
    layout: Layout | None = None,
    asked_to_stop: Callable[[], str | None] = lambda: None,
    resume_from: Path | None = None,
    pauses: Callable[[int], int] | None = None,
    observers: Sequence[Observer] = (),
    all_losses: bool = False,
) -> Iterator[Record]:
    """Train, yielding a record after every chunk; the last one says why it stopped.

    Parameters
    ----------
    problem
        What is trained.
    strategy
        How.
    run
        From :func:`begin`, or that of an earlier record to go on from there.
    stop
        When it ends; counted over the whole run, except the seconds, which are of this call.
    layout
        How populations are evaluated; chosen if not given.
    asked_to_stop
        Called between chunks; a text ends the run for that reason.
    resume_from
        Folder in which a :class:`.checkpoint.Keeper` has kept this run; goes on from its newest
        checkpoint, of which ``run`` gives the shapes.
    pauses
        From a number of generations to the next one after which a record is wanted, a larger one:
        chunks end there, too, so that what is looked at does not depend on how chunks are cut. No
        record is made there while losses are not finite.
    observers
        Told of every record before it is yielded, for example ``[loggers.TensorBoard("folder")]``;
        see :class:`.observers.Observer`.
    all_losses
        Whether records have the losses of all candidates, as a seed log keeps them. Chunks are
        shorter then, and the last digits may be others. Not for losses in Python.

    Raises
    ------
    InputError
        If nothing would ever stop the run, the budget is smaller than one generation, the run
        began with JAX in another mode (``jax_enable_x64``), a target is one of a measure that the
        problem does not have or cannot be judged on all of the data, no checkpoint can be read, it
        does not fit into memory, or no loss is finite from the beginning on.
    """
    forked.check()
    use_all_cores()
    check_budget(strategy, stop)
    judged_targets.check(problem, stop.has_target)
    measures = checked_measures(problem.measures)
    check_targets(stop, measures)
    run = with_measures(run, measures)
    if isinstance(problem, HostProblem):
        if all_losses:
            raise InputError("all_losses must be False for losses in Python, got True")
        run = with_exact_losses(strategy, run)
    elif run.best_loss.dtype != loss_dtype():
        raise InputError(
            f"losses of a run must be {loss_dtype()}, as JAX computes in its present mode, got "
            f"{run.best_loss.dtype}. Set jax_enable_x64 as it was when the run began"
        )
    if resume_from is not None:
        run = checkpoint.newest(resume_from, run).run
    memory.check_run(problem, strategy, run, layout)
    records = _chunks(problem, strategy, run, stop, layout, asked_to_stop, pauses, all_losses)
    watchers = checked(observers)
    if not watchers:
        return records
    info = RunInfo(strategy, stop, getattr(problem, "objective", None), problem.uses_minibatches)
    return _watched(records, watchers, info)


def _watched(
    records: Iterator[Record], observers: Sequence[Observer], info: RunInfo
) -> Iterator[Record]:
    with watching(observers, info) as tell:
        for record in records:
            reason = tell(record)
            yield record._replace(stopped_because=reason)
            if reason is not None:
                return


def _chunks(
    problem: Problem | HostProblem,
    strategy: Strategy,
    run: Run,
    stop: Stop,
    layout: Layout | None,
    asked_to_stop: Callable[[], str | None],
    pauses: Callable[[int], int] | None,
    all_losses: bool,
) -> Iterator[Record]:
    per_generation = evaluations_per_generation(strategy)
    with mode_for(problem):
        limits = _limits(stop, per_generation, problem.measures)
    streak = _Streak(run, limits, strategy.population)
    tolerances = Tolerances(stop, strategy, run) if stop.has_tolerance else None
    total = None if stop.evaluations is None else stop.evaluations // per_generation
    loop: CompiledLoop | HostLoop
    if isinstance(problem, HostProblem):
        loop = HostLoop(problem, strategy, limits, total)
    else:
        kind = LoggedLoop if all_losses else CompiledLoop
        loop = kind(problem, strategy, limits, layout)
    run = loop.placed(run)
    begun = time.perf_counter()
    loop.turn(run, 0)
    on_batches = problem.uses_minibatches
    judged = problem if on_batches and isinstance(problem, judged_targets.JudgedOnAll) else None
    if judged is not None and stop.has_target and not isinstance(problem, HostProblem):
        judged_targets.asked(judged, strategy, run, limits)  # compiled as well
    compile_seconds = time.perf_counter() - begun

    told = run  # as the last record has it
    names = sorted(run.best_measures)
    columns = width(run)
    rows, faults = np.empty((0, columns), run.best_loss.dtype), NO_FAULTS
    losses = np.empty((0, strategy.population), rows.dtype)  # of all candidates, if wanted
    length = 1.0
    begun = time.perf_counter()
    before = 0.0  # seconds of the last record
    reason = None
    while reason is None:
        done = int(run.generation)
        chunk = loop.capacity if total is None else min(loop.capacity, total - done)
        chunk = max(0, min(chunk, int(length)))
        if pauses is not None:
            chunk = min(chunk, pauses(done) - done)
        if tolerances is not None:
            chunk = min(chunk, tolerances.next_look(done) - done)
        chunk_begun = time.perf_counter()
        run, more, of_chunk = loop.turn(run, chunk)
        pace = (time.perf_counter() - chunk_begun) / max(len(more), 1)
        rows, faults = np.concatenate([rows, more[:, :columns]]), faults.and_later(of_chunk)
        if all_losses:
            losses = np.concatenate([losses, more[:, columns:]])
        met = not on_batches
        if judged is not None and is_due(run):
            run, met = judged_targets.asked(judged, strategy, run, limits)
            run = loop.placed(run)
        elapsed = time.perf_counter() - begun
        reason = (_target(run, stop, limits) if met else None) or (
            _reason(run, stop, limits, elapsed, total, per_generation) or asked_to_stop()
        )
        if tolerances is not None:
            tolerances.take(more[:, 0])
            reason = reason or tolerances.reached(run)
        wanted = _SECONDS_PER_CHUNK + _SECONDS_FOR_A_PARAMETER * run.best.size
        if stop.seconds is not None:
            wanted = min(wanted, stop.seconds - elapsed)
        length = max(1.0, min(4 * length, wanted / max(pace, 1e-9)))
        streak.take(rows, told)
        if reason is None and stop.not_finite and streak.may_be_the_end(run):
            continue  # kept back: should no finite loss come any more, it never happened
        not_finite = int(rows[:, -1].sum())
        if reason == NOT_FINITE:
            if math.isinf(run.best_loss):
                raise _hopeless(faults)
            good = streak.last_good(run) - int(told.generation)
            back = loop.back(told, good)
            run, rows = back._replace(judge_from=run.judge_from), rows[:good]
        record = _record(
            rows, names, not_finite, int(told.generation), per_generation, before, elapsed,
            compile_seconds, run, reason, faults,
        )  # fmt: skip
        if isinstance(problem, TellsEvaluated):
            record = record._replace(evaluated=problem.take_evaluated())
        yield record._replace(losses=losses[: len(rows)]) if all_losses else record
        told, before = run, elapsed
        rows, losses, faults = rows[:0], losses[:0], NO_FAULTS


class _Streak:
    """How far back the generations with finite losses are."""

    def __init__(self, run: Run, limits: Limits, population: int) -> None:
        self._good = int(run.generation)  # the last one in which the center's was finite, too
        self._limit, self._population = int(limits.not_finite), population

    def take(self, rows: Rows, told: Run) -> None:
        """Look at the rows that follow ``told``."""
        good = np.flatnonzero(np.isfinite(rows[:, 0]) & (rows[:, -1] < self._population))
        if len(good):
            self._good = int(told.generation) + int(good[-1]) + 1

    def may_be_the_end(self, run: Run) -> bool:
        """Whether the run could end by going back from here."""
        number = int(run.generation)
        nothing_finite = number > int(run.finite_generation)
        return nothing_finite or 0 < number - self._good < 2 * self._limit

    def last_good(self, run: Run) -> int:
        """Generation to go back to; no later one has been told, however chunks were cut."""
        finite = int(run.finite_generation)
        near = self._good > 0 and finite - self._good < self._limit
        return self._good if near else finite


def _hopeless(faults: Faults) -> InputError:
    raised = f" (the last exception: {faults.error})" if faults.raised else ""
    return InputError(
        f"every loss so far was NaN or infinite{raised}. Check data and loss, begin where the "
        "loss is finite, or use a smaller sigma"
    )


def _limits(stop: Stop, per_generation: int, measures: Iterable[str]) -> Limits:
    def generations(evaluations: int | None, least: int = 1) -> jax.Array:
        count = -(-(evaluations or 2**62) // per_generation)
        return jnp.uint32(min(2**32 - 1, max(least, count)))

    return Limits(
        generations=jnp.uint32(0),
        loss=jnp.asarray(-jnp.inf if stop.loss is None else stop.loss, loss_dtype()),
        measures={name: jnp.float32(stop.targets.get(name, jnp.inf)) for name in measures},
        stagnation=generations(stop.stagnation),
        rest=jnp.bool_(stop.stagnation is not None),
        not_finite=generations(stop.not_finite, _LEAST_NOT_FINITE),
    )


def _target(run: Run, stop: Stop, limits: Limits) -> str | None:
    """Which target the best parameters have reached."""
    if stop.loss is not None and float(run.best_loss) <= float(limits.loss):
        return TARGET_LOSS
    for name in stop.targets:
        if float(run.best_measures[name]) >= float(limits.measures[name]):
            return target_reached(name)
    return None


def _reason(
    run: Run, stop: Stop, limits: Limits, elapsed: float, total: int | None, per_generation: int
) -> str | None:
    number = int(run.generation)
    if number - int(run.finite_generation) >= int(limits.not_finite):
        return NOT_FINITE
    if total is not None and number >= total:
        return EVALUATIONS
    if (waited := int(run.progress.waited)) >= int(limits.stagnation):
        return stagnation.reason(waited * per_generation)
    if run.at_rest and limits.rest:
        return stagnation.AT_REST
    if stop.seconds is not None and elapsed >= stop.seconds:
        return SECONDS
    return None


def _record(
    rows: Rows,
    names: list[str],
    not_finite: int,
    done: int,
    per_generation: int,
    before: float,
    elapsed: float,
    compile_seconds: float,
    run: Run,
    reason: str | None,
    faults: Faults,
) -> Record:
    now, best = np.split(rows[:, :-1], 2, axis=1)  # each the loss, and the measures by name
    share = np.arange(1, len(rows) + 1) / max(len(rows), 1)
    number = done + np.arange(1, len(rows) + 1)
    return Record(
        generation=number,
        evaluations=number * per_generation,
        seconds=before + share * (elapsed - before),
        loss=now[:, 0],
        measures=dict(zip(names, now[:, 1:].T, strict=True)),
        best_loss=best[:, 0],
        best_measures=dict(zip(names, best[:, 1:].T, strict=True)),
        not_finite=not_finite,
        compile_seconds=compile_seconds,
        run=run,
        stopped_because=reason,
        faults=faults,
    )
