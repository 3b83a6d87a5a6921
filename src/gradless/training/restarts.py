"""How is a minimum found that a small population misses? By attempts with larger ones.

IPOP: Auger and Hansen, "A restart CMA evolution strategy with increasing population size", CEC
(2005): whenever an attempt stagnates, the next one begins elsewhere with twice the population.

BIPOP: Hansen, "Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed", GECCO
workshops (2009): as much is spent on attempts with small populations and small first steps, which
many functions with a few deep minima reward.

Arrays in a compiled loop keep their shapes, so this is a loop around the compiled one, with one
program for each size of population. ``strategies.wrappers.Restarts`` stays inside of one program,
with one size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core import stagnation, tree
from gradless._core.errors import InputError, unknown_name
from gradless._core.tree import Params
from gradless.problems.contract import HostProblem, Problem
from gradless.strategies.base import Strategy
from gradless.strategies.parts import initial
from gradless.strategies.wrappers import check_restartable
from gradless.training.host_loop import mode_for
from gradless.training.loop import (
    Record,
    Stop,
    begin,
    check_budget,
    evaluations_per_generation,
    is_target,
    train,
)
from gradless.training.records import EVALUATIONS, SECONDS

SCHEDULES = ("ipop", "bipop")


def train_with_restarts(
    problem: Problem | HostProblem,
    strategy: Strategy,
    params: Params,
    stop: Stop,
    seed: int,
    *,
    schedule: str = "ipop",
    patience: int | None = None,
    growth: int = 2,
    spread: float = 1.0,
    asked_to_stop: Callable[[], str | None] = lambda: None,
) -> Iterator[Record]:
    """Train in attempts with growing populations, yielding the records of :func:`train.train`.

    Generations, evaluations and seconds are counted over all attempts, and the best is that of all
    attempts. ``run`` in a record holds the state of the present attempt. The last record of each
    attempt says in ``attempt_ended`` why that one ended.

    Parameters
    ----------
    problem
        What is trained.
    strategy
        How, with the population of the first attempt. It needs a hyperparameter ``population``.
    params
        Where the first attempt begins, which is the run that :func:`train.train` makes.
    stop
        When all of it ends.
    seed
        Decides starts and noise.
    schedule
        ``ipop`` or ``bipop``.
    patience
        Generations without a worthwhile fall of an attempt's best loss that end it, as
        ``Stop.stagnation`` has it. By default 40 + 30 d / population for d parameters: 30 more than
        Auger and Hansen (2005) wait for any change at all.
    growth
        Factor of the population from attempt to attempt, 2 in the papers.
    spread
        Standard deviation of where attempts begin around ``params``, relative to their typical size
        in each array.
    asked_to_stop
        Called between chunks; a text ends the run for that reason.

    Raises
    ------
    InputError
        If the strategy cannot begin again with another population, or a number makes no sense.
    """
    if schedule not in SCHEDULES:
        raise unknown_name("schedule of restarts", schedule, SCHEDULES)
    for name, value, least in (("patience", patience, 1), ("growth", growth, 2)):
        if value is not None and (not isinstance(value, int) or value < least):
            raise InputError(
                f"{name} of restarts must be a whole number, {least} or more, got {value!r}"
            )
    if not spread > 0:
        raise InputError(f"spread of restarts must be above 0, got {spread!r}")
    check_restartable("restarts with growing populations", strategy)
    if "population" not in {f.name for f in dataclasses.fields(strategy)}:  # type: ignore[arg-type]
        raise InputError(
            "restarts with growing populations must have a strategy with a hyperparameter "
            f"population, such as cma_es, got {strategy.name}; or use "
            "strategies.wrappers.Restarts"
        )
    if stop.stagnation is not None:
        raise InputError(
            "stagnation must be left out for restarts, since it begins the next attempt, got "
            f"{stop.stagnation}; give patience, and evaluations or seconds to end all of it"
        )
    check_budget(strategy, stop)

    def attempt_patience(population: int) -> int:
        return patience or 40 + math.ceil(30 * tree.size(params) / population)

    attempts = _Attempts(strategy, growth, schedule == "bipop", np.random.default_rng(seed))
    return _records(problem, params, stop, seed, attempts, attempt_patience, spread, asked_to_stop)


class _Attempt(NamedTuple):
    strategy: Strategy
    evaluations: float  # that it may use
    large: bool


class _Attempts:
    """Which attempt comes next, given what the ones before it used."""

    def __init__(
        self, strategy: Any, growth: int, two_regimes: bool, random: np.random.Generator
    ) -> None:
        self.strategy, self.growth, self.two_regimes = strategy, growth, two_regimes
        self.random = random
        self.doublings = 0  # of the latest large population
        self.used = {True: 0, False: 0}  # by attempts with large and small populations
        self.latest_large = 0  # evaluations of that attempt

    def after(self, attempt: _Attempt, used: int) -> _Attempt:
        """The attempt that follows one that used so many evaluations."""
        if self.doublings:  # the first attempt counts for neither (Hansen 2009, section 2)
            self.used[attempt.large] += used
        if attempt.large:
            self.latest_large = used
        # The regime that has used less; the first restart doubles.
        if self.two_regimes and self.doublings and self.used[False] < self.used[True]:
            return self._small()
        self.doublings += 1
        return _Attempt(self._with(self.doublings), math.inf, True)

    def _small(self) -> _Attempt:
        """A population between the first and half of the large one, with a smaller first step.

        The paper draws it as first * (large / (2 first))^(U^2). Rounded to a power of the growth
        times the first, it is a population that an earlier attempt had and needs no new program.
        """
        uniform, for_sigma = self.random.uniform(size=2)
        strategy = self._with(round((self.doublings - 1) * uniform**2))
        if isinstance(sigma := getattr(strategy, "sigma", None), float):
            strategy = dataclasses.replace(strategy, sigma=sigma * 10 ** (-2 * for_sigma))
        return _Attempt(strategy, self.latest_large / 2, False)

    def _with(self, doublings: int) -> Any:
        population = self.strategy.population * self.growth**doublings
        return dataclasses.replace(self.strategy, population=population)


def _records(
    problem: Problem | HostProblem,
    params: Params,
    stop: Stop,
    seed: int,
    attempts: _Attempts,
    patience: Callable[[int], int],
    spread: float,
    asked_to_stop: Callable[[], str | None],
) -> Iterator[Record]:
    attempt = _Attempt(attempts.strategy, math.inf, True)
    before: Record | None = None  # the last one of the attempts so far
    number = 0
    while True:
        limits = _limits(stop, before, attempt, patience(attempt.strategy.population))
        with mode_for(problem):
            start, attempt_seed = _start(params, seed, number, spread)
        with mode_for(problem):
            begun = begin(attempt.strategy, start, attempt_seed)
        try:
            records = train(problem, attempt.strategy, begun, limits, asked_to_stop=asked_to_stop)
        except InputError:  # populations grow until they do not fit into memory
            if before is None:
                raise
            full = "no memory for a larger population"
            yield before.without_rows()._replace(stopped_because=full)
            return
        for record in records:
            total = _added(before, record)
            if record.stopped_because is None:
                yield total
        following = attempts.after(attempt, int(record.evaluations[-1]))
        reason = ended = record.stopped_because
        if stagnation.is_reason(ended) or ended == EVALUATIONS:
            reason = _spent(stop, total, following)
        yield total._replace(stopped_because=reason, attempt_ended=ended)
        if reason is not None:
            return
        before, attempt, number = total, following, number + 1


def _limits(stop: Stop, before: Record | None, attempt: _Attempt, patience: int) -> Stop:
    """When an attempt ends."""
    per_generation = evaluations_per_generation(attempt.strategy)
    evaluations: float = math.inf if stop.evaluations is None else stop.evaluations
    seconds = stop.seconds
    if before is not None:
        evaluations -= int(before.evaluations[-1])
        seconds = None if seconds is None else seconds - float(before.seconds[-1])
    evaluations = min(evaluations, max(attempt.evaluations, per_generation))
    return dataclasses.replace(
        stop,
        evaluations=None if math.isinf(evaluations) else int(evaluations),
        seconds=seconds,
        stagnation=patience * per_generation,
    )


def _spent(stop: Stop, total: Record, following: _Attempt) -> str | None:
    """Why there is no next attempt, or None."""
    needed = int(total.evaluations[-1]) + evaluations_per_generation(following.strategy)
    if stop.evaluations is not None and needed > stop.evaluations:
        return EVALUATIONS
    if stop.seconds is not None and total.seconds[-1] >= stop.seconds:
        return SECONDS
    return None


def _start(params: Params, seed: int, number: int, spread: float) -> tuple[Params, int]:
    """Parameters and seed of an attempt; the first one is the run without restarts."""
    if number == 0:
        return params, seed
    key = jax.random.fold_in(jax.random.key(seed), 2**32 - 1 - number)
    vector = initial.around(key, params, 1, spread)[0]
    return tree.Structure.of(params).unravel(vector), int(jax.random.bits(key, dtype=jnp.uint32))


def _added(before: Record | None, record: Record) -> Record:
    """A record of an attempt as one of the whole."""
    if before is None:
        return record
    earlier, run = before.run, record.run
    better = record.best_loss < before.best_loss[-1]
    # With minibatches, the one that reached a target was judged by more than a lucky batch.
    met = is_target(record.stopped_because)
    if not (met or float(run.best_loss) < float(earlier.best_loss)):
        run = run._replace(
            best=earlier.best, best_loss=earlier.best_loss, best_measures=earlier.best_measures
        )
    return record._replace(
        generation=before.generation[-1] + record.generation,
        evaluations=before.evaluations[-1] + record.evaluations,
        seconds=before.seconds[-1] + record.seconds,
        best_loss=np.where(better, record.best_loss, before.best_loss[-1]),
        best_measures={
            name: np.where(better, best, before.best_measures[name][-1])
            for name, best in record.best_measures.items()
        },
        run=run,
    )
