"""Which strategy fits? A choice by the number of parameters, the budget, the loss and the machine.

The rules are few, and the text that comes with a choice is its reason. What they rest on was
measured: ``docs/choosing.md`` tells it, ``benchmarks.quality.defaults`` measures it again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from gradless import strategies
from gradless._core import tree, words
from gradless._core.devices import operations_in
from gradless._core.tree import Params
from gradless.strategies import CMAES, FDLBFGS, UHCMAES, OpenAIES, Strategy, restarting
from gradless.strategies.portfolio import Portfolio, for_functions
from gradless.training import memory
from gradless.training.memory import Needed
from gradless.training.records import Stop

AUTO = "auto"  # the name that asks for a choice

# Iterations of finite-difference L-BFGS after which it is ahead of evolution strategies.
_WORTHWHILE_ITERATIONS = 25
_SHORT = 5_000  # evaluations within which a gradient estimate of 128 candidates is too dear
_MOST_PER_SECOND = 800_000  # evaluations: the loop's own work limits the smallest problems
WIDE_SEARCH = OpenAIES(sigma=0.4)
"""For metrics of classes: noise of 0.4 of the weights' size, over which it averages.

Of 0.1 to 0.8, 0.4 found the best F1 and accuracy on samples held out (docs/estimators.md).
"""
_FEW = 40  # parameters of a function, for which a covariance matrix is learnt in any budget
_SOME = 400  # parameters, for which it is worth its time
_FIRST_SHARE = 0.02  # of a noisy search, for its first generation
_SEPARABLE_LIMIT = 100_000  # parameters for which a variance of each is learnt in a short run


class Choice(NamedTuple):
    """A strategy, and why it."""

    strategy: Strategy
    why: str


def chosen(
    problem: Any,
    params: Params,
    stop: Stop,
    *,
    smooth: bool,
    is_count: bool = False,
    is_function: bool = False,
    restarts: str = "",
    noisy: bool = False,
    checkpoints: bool = False,
) -> Choice:
    """The strategy for a problem and its limits, that fits into memory: what every door asks.

    Parameters
    ----------
    problem, params
        What is trained, from where; shapes will do.
    stop
        Its limits.
    smooth, is_count, is_function, restarts, noisy
        As for :func:`choose`.
    checkpoints
        Whether the run writes some, which takes memory.
    """
    choice = choose(
        dimension=tree.size(params),
        evaluations=stop.evaluations,
        seconds=stop.seconds,
        operations=problem.cost.operations,
        smooth=smooth,
        minibatches=problem.uses_minibatches and not noisy,
        is_count=is_count,
        is_function=is_function,
        restarts=restarts,
        noisy=noisy,
    )

    if isinstance(choice.strategy, CMAES | Portfolio | UHCMAES):
        return choice  # a handful of candidates at once: no other strategy needs less

    def needed(strategy: Strategy) -> Needed:
        return memory.estimate(problem, strategy, params, checkpoints=checkpoints)

    return that_fits(choice, needed)


def choose(
    *,
    dimension: int,
    evaluations: int | None,
    seconds: float | None,
    operations: float,
    smooth: bool,
    minibatches: bool,
    is_count: bool = False,
    is_function: bool = False,
    restarts: str = "",
    noisy: bool = False,
) -> Choice:
    """The strategy for a problem and a budget.

    Parameters
    ----------
    dimension
        Number of parameters.
    evaluations, seconds
        Budget; what is None does not limit.
    operations
        Of one evaluation, roughly, as ``Problem.operations``.
    smooth
        Whether a small change of the parameters changes the loss a little, as cross-entropy, and
        not in steps, as the share of wrong answers.
    minibatches
        Whether the loss of the same parameters changes from generation to generation.
    is_count
        Whether it counts samples that are right or wrong, as F1, in which each is a step.
    is_function
        Whether it is any function, with local minima perhaps, and not the loss of a network.
    restarts
        How a search begins again, a word of :mod:`gradless.strategies.restarting`; empty if that
        is not said, which lets functions do so.
    noisy
        Whether the loss is another one when it is evaluated again.
    """
    budget = _budget(evaluations, seconds, operations)
    about = "without end" if budget is None else f"about {_rounded(budget):,} evaluations"
    size = f"{dimension:,} parameters, {about}"
    if is_count:
        return Choice(
            WIDE_SEARCH,
            f"{size}. Piecewise constant metric: its average over distant networks is followed",
        )
    if restarts in (restarting.IPOP, restarting.BIPOP):
        chosen = restarting.restarting(CMAES.for_dimension(dimension), restarts)
        return Choice(chosen, f"{size}. CMA-ES, which begins again, was asked for")
    of_function = is_function and not minibatches
    if noisy and of_function and dimension <= _SOME:
        return _for_noise(dimension, budget, size)
    if of_function and dimension <= _FEW:
        return _for_function(dimension, size, restarts)
    iteration = FDLBFGS.for_dimension(dimension)
    needed = _WORTHWHILE_ITERATIONS * iteration.evaluations_of_iteration(dimension)
    fits = 8 * dimension * iteration.memory < iteration.memory_gib * 2**30
    steady = not (minibatches or noisy)
    if smooth and steady and fits and (budget is None or budget >= needed):
        return Choice(
            iteration,
            f"{size}. Small network and smooth loss: finite differences along every weight are "
            "affordable",
        )
    if budget is not None and budget < _SHORT and dimension <= _SEPARABLE_LIMIT and steady:
        return Choice(
            strategies.get("sep_cma_es"),
            f"{size}. Short run: small generations learn more",
        )
    if of_function and dimension <= _SOME:
        return _for_function(dimension, size, restarts)
    if minibatches:
        reason = "Minibatches: averaging over a generation reduces their noise"
    elif noisy:
        reason = "Noisy losses: averaging over a generation reduces their noise"
    elif not smooth:
        reason = "Non-differentiable loss: its average over a generation has a slope"
    else:
        reason = "Too few evaluations for differences along every weight: random directions instead"
    return Choice(strategies.get("openai_es"), f"{size}. {reason}")


def _for_function(dimension: int, size: str, restarts: str) -> Choice:
    """The strategy for a function with few local minima or many, of not too many parameters."""
    learns = f"{size}. CMA-ES learns how they depend on each other"
    if restarts == restarting.NONE:
        return Choice(CMAES.for_dimension(dimension), learns)
    return Choice(
        for_functions(dimension),
        f"{learns}. It begins again with other populations, in turn with differential evolution "
        "and a search along coordinates",
    )


def _for_noise(dimension: int, budget: int | None, size: str) -> Choice:
    """The strategy for losses that are others when they are evaluated again."""
    strategy = UHCMAES.for_dimension(dimension)
    if budget is not None:
        # Enough generations to move, however few evaluations there are.
        affordable = max(1.0, _FIRST_SHARE * budget / strategy.population)
        first = min(strategy.first, int(math.log2(affordable)))
        strategy = dataclasses.replace(strategy, first=first)
    return Choice(
        strategy,
        f"{size}. Noisy losses: CMA-ES evaluates some candidates again, and its population grows "
        "while noise decides which of them are the best",
    )


def that_fits(choice: Choice, needed: Callable[[Strategy], Needed]) -> Choice:
    """The choice, or if the run would not fit into memory the first lean strategy that does."""
    wanted = needed(choice.strategy)
    if memory.fits(wanted):
        return choice
    for name in memory.LEAN:
        other = strategies.get(name)
        if memory.fits(needed(other)):
            return Choice(
                other,
                f"{choice.strategy.name} would be chosen, but needs {words.size(wanted.total)} "
                "of memory, more than is free",
            )
    return choice


def _budget(evaluations: int | None, seconds: float | None, operations: float) -> int | None:
    """Evaluations that both limits allow, roughly."""
    if seconds is None:
        return evaluations
    pace = operations_in(1.0) / max(operations, 1.0)
    affordable = int(seconds * min(pace, _MOST_PER_SECOND))
    return affordable if evaluations is None else min(evaluations, affordable)


def _rounded(count: int) -> int:
    """To one digit: it is an estimate."""
    magnitude = 10 ** max(0, len(str(count)) - 1)
    return max(1, round(count / magnitude)) * magnitude
