"""What has :func:`.minimization.minimize` been given, and can that be minimised?"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

from gradless import strategies
from gradless._core import defaults, words
from gradless._core.errors import InputError, unknown_name
from gradless._core.tree import Params, Structure
from gradless.problems.domain import Domain
from gradless.problems.evaluated import best_of, known_of, spread_of
from gradless.problems.function import FunctionProblem, LossFunction
from gradless.problems.python import PythonProblem
from gradless.strategies import Strategy, evosax
from gradless.strategies.base import Widens, goes_by_differences
from gradless.strategies.margin import Margin
from gradless.strategies.parts.mirrored import leaf_scales
from gradless.strategies.scaled import Scaled
from gradless.strategies.wrappers import value_of
from gradless.training import memory
from gradless.training.factors import fitted
from gradless.training.host_loop import mode_for
from gradless.training.layers import described
from gradless.training.loop import Stop
from gradless.training.minimum import Minimum
from gradless.training.start import arrays


def problem_of(
    loss_fn: LossFunction,
    params: Params,
    data: Any,
    batch_size: int | None,
    compiled: bool,
    n_jobs: int,
    own_batches: bool = False,
    layers: Mapping[str, Any] | None = None,
    micro_batch: int | None = None,
    keep_evaluated: bool = False,
    bounds: Any = None,
    integers: Any = None,
    constraints: Any = None,
) -> FunctionProblem | PythonProblem:
    """The function and its data as a problem."""
    fixed = None
    if layers is not None:
        fixed = [layer.fixed for layer in described(layers, params)]
    if not compiled:
        if own_batches:
            raise InputError(
                "own_batches must be False for a function in Python, which sees the batch of its "
                "generation, got True"
            )
        if micro_batch is not None:
            raise InputError(
                "micro_batch must be left out for a function in Python, which cuts its batch "
                f"itself, got {micro_batch!r}"
            )
        return PythonProblem(
            loss_fn,
            params,
            data,
            batch_size,
            n_jobs,
            fixed,
            bounds,
            integers,
            constraints,
            keep_evaluated,
        )
    if keep_evaluated:
        raise InputError(
            "keep_evaluated must be False for a compiled function, whose candidates are never "
            f"stored, got {keep_evaluated!r}. Give compiled=False"
        )
    if n_jobs != 1:
        raise InputError(
            f"n_jobs must be 1 for a compiled function, which uses all cores itself, got "
            f"{n_jobs!r}. Leave it out, or give compiled=False for a function in Python"
        )
    return FunctionProblem.of(
        loss_fn,
        params,
        data,
        batch_size,
        own_batches,
        fixed,
        micro_batch,
        bounds,
        integers,
        constraints,
    )


def with_layers(
    strategy: Strategy,
    layers: Mapping[str, Any],
    problem: FunctionProblem | PythonProblem,
    params: Params,
) -> Strategy:
    """The strategy with what is said of single arrays of ``params``."""
    said = described(layers, params)
    if problem.whole is not None:
        said = problem.whole.of_searched(said)
    if all(each.sigma is None and each.rank is None for each in said):
        return strategy
    sigma = value_of(strategy, "sigma")
    if sigma is None or value_of(strategy, "rank") is None:
        raise InputError(
            f"layers with a sigma or a rank must go with {_having('rank')}, which have them, "
            f"got {strategy.name}. Give for example 'openai_es', rank=1"
        )
    if isinstance(problem, PythonProblem):
        raise InputError(
            "layers must be 0, for arrays that stay as they are, for a function in Python, got a "
            "sigma or a rank. Give scale= for steps of different sizes"
        )
    return fitted(problem, strategy, arrays(problem.searched(params)), said, float(sigma))


def stop_of(
    evaluations: Any,
    seconds: Any,
    target_loss: Any,
    target_measures: Mapping[str, float] | None,
    stagnation: Any,
    tolfun: Any = None,
    tolx: Any = None,
) -> Stop:
    """What ends the search; the default time unless something surely does."""
    if not isinstance(target_measures, Mapping | None):
        raise InputError(
            "target_measures must be a dict of names and numbers, got "
            f'{target_measures!r}. For example: target_measures={{"return": 195}}'
        )
    wanted = dict(target_measures or {})
    limits = {
        "evaluations": evaluations,
        "seconds": seconds,
        "target_loss": target_loss,
        "stagnation": stagnation,
        "tolfun": tolfun,
        "tolx": tolx,
    }
    for name, value in limits.items():
        if value is not None and not isinstance(value, int | float | np.number):
            example = 1e-9 if name in {"tolfun", "tolx"} else "10_000"
            raise InputError(
                f"{name} must be a number, got {value!r}. For example: {name}={example}"
            )
    for name, least in wanted.items():
        if not isinstance(least, int | float | np.number):
            raise InputError(
                f"target_measures must have a number for {name!r}, got {least!r}. "
                f"For example: target_measures={{{name!r}: 195}}"
            )
    if evaluations is None and seconds is None and stagnation is None:
        seconds = defaults.SECONDS  # a target alone may never be reached
    return Stop(
        evaluations=evaluations,
        seconds=seconds,
        loss=target_loss,
        stagnation=stagnation,
        measures=wanted,
        tolfun=tolfun,
        tolx=tolx,
    )


def warm_start(known: Any, params: Params, scale: Any, earlier: Any) -> tuple[Params, Any]:
    """Where a search begins that knows something, and its scale."""
    if earlier is not None:
        raise InputError(
            "known must be left out with resume_from, which begins where it was, got both"
        )
    evaluated = known_of(known, params)
    return best_of(evaluated, params), spread_of(evaluated) if scale is None else scale


def check_seed(seed: Any) -> None:
    """Refuse what is none."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise InputError(
            f"seed must be a whole number from 0 to 2**32 - 1, got {seed!r}. For example: seed=0"
        )


def check_same_seed(seed: int, earlier: Any) -> None:
    """Refuse another seed than that of an earlier result; the default one says nothing."""
    if seed == 0 or not isinstance(earlier, Minimum):
        return
    mine = jax.random.key_data(jax.random.key(seed))
    if (np.asarray(mine) != np.asarray(jax.random.key_data(earlier.run.key))).any():
        raise InputError(
            f"seed must be left out with resume_from, which keeps its own, got {seed}. For another "
            "one, begin anew with resume_from.best as params"
        )


def check_callback(callback: Any) -> None:
    """Refuse what cannot be called."""
    if callback is not None and not callable(callback):
        raise InputError(f"callback must be a function of a record, or None, got {callback!r}")


def strategy_of(
    given: Any, hyperparameters: dict[str, Any], arguments: Iterable[str]
) -> Strategy | None:
    """The strategy that the arguments name; None for ``"auto"``.

    ``arguments`` are the names of all others.
    """
    if isinstance(given, type) or not isinstance(given, str | Strategy):
        shown = given.__name__ if isinstance(given, type) else repr(given)
        raise InputError(
            f"strategy must be 'auto', a name or a strategy, got {shown}. "
            "For example: 'cma_es' or CMAES(sigma=0.5)"
        )
    name = given if isinstance(given, str) and given != "auto" else None
    known = set() if name is None else _hyperparameters(strategies.find(name))
    anywhere = {name for cls in strategies.STRATEGIES.values() for name in _hyperparameters(cls)}
    for argument, value in hyperparameters.items():
        if name is None and argument in anywhere:
            raise InputError(
                f"strategy must be a name where {argument} is given, got {given!r} with "
                f"{argument}={value!r}. Name one, or set {argument} in the strategy itself"
            )
        if argument not in known:
            if argument in anywhere:
                raise InputError(
                    f"{argument} must go with a strategy that has it, {_having(argument)}, got "
                    f"{name}"
                )
            raise unknown_name("argument of minimize", argument, {*arguments, *known})
    if name is not None:
        return strategies.get(name, **hyperparameters)
    return None if isinstance(given, str) else given


def scaled(strategy: Strategy, scale: Any, start: Params) -> Strategy:
    """The strategy in units of a scale that fits the parameters."""
    # Arrays of lists and numbers of Python, where the parameters have arrays.
    leaf = jax.tree_util.treedef_is_leaf(jax.tree.structure(start))
    try:
        scale = np.asarray(scale, float) if leaf else jax.tree.map(np.asarray, scale)
        kinds = {each.dtype.kind for each in jax.tree.leaves(scale)}
    except (TypeError, ValueError):
        kinds = {"O"}
    if not kinds or kinds - set("fiu"):
        raise InputError(f"scale must be numbers, got {scale!r}. For example: scale=0.1")
    scaled: Any = Scaled(strategy, scale)
    jax.eval_shape(scaled.init, jax.random.key(0), start)
    return scaled


def with_margin(strategy: Strategy, domain: Domain | None, start: Params) -> Strategy:
    """The strategy kept wide enough to find other whole numbers, if there are some and it can."""
    inner: Any = strategy.strategy if isinstance(strategy, Scaled) else strategy
    if domain is None or not domain.has_whole or not isinstance(inner, Widens):
        return strategy
    whole = jax.tree.map(lambda mask: mask.astype(float), domain.whole(start))
    margin: Any = functools.partial(Margin, inner)
    if not isinstance(strategy, Scaled):
        kept: Strategy = margin(whole)
        return kept
    scale = strategy.scale
    if jax.tree_util.all_leaves([scale]) and np.shape(scale) == ():  # one for all
        scale = jax.tree.map(lambda _: scale, whole)
    distances = jax.tree.map(np.divide, whole, scale)
    return dataclasses.replace(strategy, strategy=margin(distances))


def check_compares(strategy: Strategy) -> None:
    """Refuse a strategy that goes by how much losses differ, which constraints do not say."""
    if not goes_by_differences(strategy):
        return
    shaping = value_of(strategy, "shaping")
    inner: Any = strategy
    while hasattr(inner, "strategy"):
        inner = inner.strategy
    named = inner.name if shaping is None else f"{inner.name} with shaping={shaping!r}"
    why = "may go" if inner.name.startswith(evosax.PREFIX) else "goes"
    raise InputError(
        f"constraints must go with a strategy that only compares losses, got {named}, which "
        f"{why} by how much they differ. Name 'cma_es' or 'differential_evolution', for example"
    )


def scale_of_bounds(domain: Domain | None, start: Params) -> Params | None:
    """The scale that bounds say: half of the range, where there are two.

    Other parameters have the scale that a strategy takes from the start. None if there are nowhere
    two bounds, and nothing is said.
    """
    halves = None if domain is None else domain.half_ranges(start)
    known = [np.isfinite(half) for half in jax.tree.leaves(halves)]
    if not any(each.any() for each in known):
        return None
    if all(each.all() for each in known):
        each = np.concatenate([np.ravel(half) for half in jax.tree.leaves(halves)])
        return float(each[0]) if (each == each[0]).all() else halves
    leaves, structure = jax.tree.flatten(halves)
    usual = np.asarray(leaf_scales(start), np.float64)
    both = zip(leaves, known, usual, strict=True)
    return jax.tree.unflatten(structure, [np.where(at, half, one) for half, at, one in both])


def _having(argument: str) -> str:
    """Strategies with this hyperparameter."""
    known = strategies.STRATEGIES.items()
    return words.either([name for name, cls in known if argument in _hyperparameters(cls)])


def _hyperparameters(cls: Any) -> set[str]:
    return {each.name for each in dataclasses.fields(cls)}


def continued(
    earlier: Any, chosen: Strategy | None, problem: FunctionProblem | PythonProblem
) -> Strategy:
    """The strategy that goes on from an earlier result."""
    if not isinstance(earlier, Minimum):
        raise InputError(
            f"resume_from must be what minimize returned, got {type(earlier).__name__}"
        )
    with mode_for(problem):
        structure = Structure.of(problem.searched(earlier.best))
    if structure != problem.structure:
        raise InputError(
            "params must have the names, shapes and dtypes of those of resume_from. "
            "Give for example resume_from.best"
        )
    mine, its = problem.domain, earlier.domain
    if its is not mine and not (mine is not None and mine.is_same(its)):
        raise InputError(
            "bounds and integers must be those of resume_from, whose search moves within them. "
            "Give the same, or begin anew with resume_from.best as params"
        )
    if chosen is None:
        return earlier.strategy
    chosen = _wrapped_as(earlier.strategy, chosen)
    # All but the floats is part of the tree's structure.
    kinds: Any = [jax.tree.structure(each) for each in (chosen, earlier.strategy)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"strategy must be that of resume_from, {earlier.strategy!r}, but for numbers that are "
            f"floats, got {chosen!r}. Leave it out"
        )
    return chosen


def _wrapped_as(earlier: Strategy, chosen: Strategy) -> Strategy:
    """A strategy in the scale and with the margin of an earlier one."""
    if not isinstance(earlier, Scaled | Margin) or isinstance(chosen, type(earlier)):
        return chosen
    outer: Any = earlier
    wrapped: Strategy = dataclasses.replace(outer, strategy=_wrapped_as(outer.strategy, chosen))
    return wrapped


def check_memory(
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    start: Params,
    earlier: Minimum | None,
) -> None:
    """Refuse a search that does not fit into memory, before its state is made."""
    others = [
        memory.Setting(
            f"strategy {name}",
            functools.partial(memory.estimate, problem, strategies.get(name), start),
        )
        for name in memory.LEAN
    ]
    populations = memory.smaller_populations(problem, strategy, start)
    memory.check(
        memory.estimate(problem, strategy, start),
        memory.described(strategy, start),
        [populations, others],
        there=memory.size((problem, earlier and earlier.run)),
    )
