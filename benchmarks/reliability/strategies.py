"""Does any sequence of losses break a strategy? ``ask_tell(2000)`` tells strategies what it likes.

Losses that users' functions really return when something goes wrong (nothing finite, ties, numbers
whose differences overflow, numbers too small to be told from zero) in sequences of generations that
switch between them, from starts of every size. A strategy must stay what it was: the same shapes, a
finite answer, candidates that can be evaluated, the best of what was told. And when losses are sane
again, it must search again.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.reliability import BrokenPromiseError, Results
from gradless import strategies
from gradless._core import tree
from gradless.strategies import STRATEGIES, HillClimbing, Strategy
from gradless.strategies.wrappers import BestSoFar, Restarts, Scheduled

DIMENSIONS = (1, 2, 3, 7, 33, 200)
EPISODE = 20  # generations, after which a sequence of kinds begins again
_EPISODES = (1, 1, 1, 2, 10)
_RECOVERED = 0.01  # loss on the sphere, if half of the first one is less


# --- Losses ---------------------------------------------------------------------------------------


def _mixed(chance: np.random.Generator, population: int) -> np.ndarray:
    losses = chance.normal(size=population)
    return np.where(chance.random(population) < chance.random(), np.inf, losses)


def _failing(chance: np.random.Generator, population: int) -> np.ndarray:
    return chance.choice([np.inf, -np.inf, np.nan, 0.5, 3e38], population)


def _wide(chance: np.random.Generator, population: int) -> np.ndarray:
    sizes = 10.0 ** chance.uniform(-44, 38, population)
    return chance.choice([-1.0, 1.0], population) * sizes


def _huge(chance: np.random.Generator, population: int) -> np.ndarray:
    return chance.choice([3e38, 2.9e38, 1e38], population)


KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "infinite": lambda _, n: np.full(n, np.inf),
    "nan": lambda _, n: np.full(n, np.nan),
    "minus infinite": lambda _, n: np.full(n, -np.inf),
    "mixed": _mixed,
    "failing": _failing,
    "constant": lambda chance, n: np.full(n, chance.normal()),
    "huge": _huge,
    "huge of both signs": lambda chance, n: chance.choice([-3e38, 3e38], n),
    "denormal": lambda chance, n: chance.choice([1e-45, 3e-45, 1e-39], n),
    "zero": lambda chance, n: chance.choice([0.0, -0.0], n),
    "wide": _wide,
    "ordinary": lambda chance, n: chance.normal(size=n),
}
"""Losses of one generation, by what is wrong with them."""

HARMLESS_TO_THE_BEST = ("infinite", "nan", "minus infinite", "huge")
"""Kinds that promise nothing which no sane loss can beat afterwards."""


def losses_of(kinds: Sequence[str], seed: int, population: int) -> np.ndarray:
    """Losses of one generation after the other, (EPISODE, population), float32."""
    chance = np.random.default_rng(seed)
    return np.stack(
        [KINDS[kinds[i % len(kinds)]](chance, population) for i in range(EPISODE)]
    ).astype(np.float32)


# --- Strategies -----------------------------------------------------------------------------------

_OTHERS: dict[str, tuple[dict[str, Any], ...]] = {
    "random_search": ({"population": 1}, {"population": 7}),
    "hill_climbing": ({"speculation": 3}, {"adapt": True}, {"speculation": 8, "adapt": True}),
    "fd_lbfgs": ({"population": 8}, {"population": 11, "memory": 3}),
    "openai_es": (
        {"population": 2},
        {"shaping": "zscore"},
        {"shaping": "raw"},
        {"shaping": "raw", "optimizer": "sgd"},
        {"shaping": "zscore", "optimizer": "rmsprop"},
        {"shaping": "nes_utilities", "optimizer": "clipup"},
        {"shaping": "raw", "optimizer": "momentum", "rank": 1},
        {"shaping": "raw", "optimizer": "clipup", "relative": False},
        {"sigma_decay": 0.5, "learning_rate_decay": 0.9, "weight_decay": 0.1},
        {"weight_decay": 0.5, "weight_decay_towards": "start", "rank": "auto"},
    ),
    "spsa": (
        {"probes": 4},
        {"relative": True, "alpha": 0.602, "gamma": 0.101},
        {"curvature": True, "directions": "normal", "learning_rate": 1.0},
        {"curvature": True, "directions": "normal", "learning_rate": 1.0, "probes": 5},
        {"directions": "normal", "sigma": 1e-3, "learning_rate": 1e-6, "raw": True},
        {"rank": 1, "probes": 3},
    ),
    "fzoo": ({"probes": 2}, {"rank": 1, "learning_rate_decay": 0.9}, {"relative": False}),
    "pgpe": (
        {"population": 2},
        {"shaping": "raw", "optimizer": "sgd"},
        {"shaping": "zscore", "optimizer": "clipup"},
        {"max_change": 1.0, "sigma_learning_rate": 10.0},
        {"shaping": "raw", "max_change": 1.0, "relative": False},
    ),
    "ars": ({"population": 2}, {"top": 3, "population": 10}, {"relative": False}),
    "cma_es": ({"population": 2}, {"population": 7}, {"relative": False}),
    "lm_ma_es": ({"population": 2}, {"population": 7, "memory": 1}, {"relative": False}),
    "sep_cma_es": ({"population": 2}, {"population": 7}, {"relative": False}),
    "snes": ({"population": 2}, {"population": 7}, {"relative": False}),
    "xnes": ({"population": 2}, {"population": 7}, {"relative": False}),
    "simulated_annealing": (
        {"population": 5},
        {"steps": "cooled", "population": 3},
        {"steps": "fixed", "decay": 0.5},
        {"raw": True},
        {"final_temperature": 1e-38, "decay": 0.01},
    ),
    "differential_evolution": (
        {"population": 4},
        {"members": 10, "population": 4, "shrink_over": 300},
        {"variant": "rand/1/bin", "dither": 0.5},
        {"variant": "best/1/bin", "population": 9},
        {"variant": "current-to-best/1/bin", "population": 9, "differential_weight": 2.0},
        {"crossover_rate": 0.0, "population": 5},
    ),
    "genetic_algorithm": (
        {"population": 2},
        {"adapt": False},
        {"crossover": "blend", "selection": "tournament", "population": 9},
        {"crossover": "none", "elites": 0, "parents": 1, "population": 9},
        {"crossover": "blend", "alpha": 2.0, "elites": 3, "mutation_rate": 0.0},
    ),
    "particle_swarm": (
        {"population": 2},
        {"topology": "ring", "population": 7, "neighbours": 2},
        {"cognitive": 0.0, "social": 6.0},
    ),
}


def _halves(generation: Any) -> Any:
    return 0.1 * 0.5 ** jnp.asarray(generation, jnp.float32)


USUAL: tuple[Strategy, ...] = (
    *(strategies.get(name) for name in STRATEGIES),
    BestSoFar(strategies.get("openai_es", population=6)),
    Restarts(strategies.get("snes"), patience=30),
)
"""Every strategy with its defaults, and wrappers: when losses are sane again, they search again."""

UNUSUAL: tuple[Strategy, ...] = (
    *(strategies.get(name, **given) for name, others in _OTHERS.items() for given in others),
    BestSoFar(strategies.get("cma_es")),
    Restarts(strategies.get("snes"), patience=3),
    Restarts(strategies.get("hill_climbing", speculation=2), patience=2),
    Scheduled(strategies.get("spsa"), "sigma", _halves),
)
"""The smallest and odd populations, and other switches.

They stay finite like the others. Whether they get anywhere is not asked, since many of them do not
on a sphere without any bad losses either: two members have no differences to evolve by, a chain
that has cooled down at once stays, a sigma that is halved in every generation is soon none.
"""

_RELIABLE_FROM = {"lm_ma_es": 10}
"""Dimensions from which a strategy promises to find the minimum of a sphere."""


# --- Driving --------------------------------------------------------------------------------------

_STARTS = {"ordinary": 0.5, "zero": 0.0, "huge": 1e30, "tiny": 1e-30}
STARTS = tuple(_STARTS)


def parameters(dimension: int, start: str, seed: int) -> Any:
    """Parameters of several shapes, one without numbers, whose size is ``dimension`` in all."""
    vector = np.random.default_rng(seed).normal(size=dimension) * _STARTS[start]
    vector = jnp.asarray(vector, jnp.float32)
    if dimension < 3:
        return {"a": vector}
    side = math.isqrt(dimension - 2)
    rest = 1 + side * side
    matrix = vector[1:rest].reshape(side, side)
    return {"a": vector[0], "b": (matrix, jnp.zeros((0,))), "c": vector[rest:]}


class Driven(NamedTuple):
    """A strategy after some generations, and what was seen on the way."""

    state: Any
    generation: jax.Array
    center: jax.Array  # (dimension,)
    kept_loss: jax.Array  # of a center that is a candidate
    finite_center: jax.Array  # this and the next ones: true in all generations so far
    finite_candidates: jax.Array
    keeps_the_best: jax.Array


def sphere(vector: jax.Array) -> jax.Array:
    """Its minimum is at 0.1 everywhere, near enough for a search around zero."""
    return jnp.mean((vector - 0.1) ** 2)


@jax.jit
def begin(strategy: Strategy, key: jax.Array, params: Any) -> Driven:
    """Before the first generation."""
    state = strategy.init(key, params)
    center = tree.ravel(strategy.center(state))
    true = jnp.bool_(True)
    return Driven(state, jnp.uint32(0), center, jnp.float32(jnp.inf), true, true, true)


@jax.jit
def go_on(
    strategy: Strategy,
    key: jax.Array,
    driven: Driven,
    losses: jax.Array,
    sane_from: jax.Array,
    until: jax.Array,
) -> Driven:
    """Generations with the losses given, over and over, and from ``sane_from`` on on a sphere."""

    def step(_: jax.Array, driven: Driven) -> Driven:
        ask_key, tell_key = jax.random.split(jax.random.fold_in(key, driven.generation))
        state = driven.state
        candidates = strategy.ask(ask_key, state)
        vectors = jax.vmap(lambda one: tree.ravel(strategy.decode(state, one)))(candidates)
        row = jnp.where(
            driven.generation < sane_from,
            losses[driven.generation % EPISODE],
            jax.vmap(sphere)(vectors),
        )
        state = strategy.tell(tell_key, state, candidates, row)
        center = tree.ravel(strategy.center(state))
        kept_loss, kept = _kept(strategy, driven, vectors, row, center)
        return Driven(
            state,
            driven.generation + 1,
            center,
            kept_loss,
            driven.finite_center & jnp.isfinite(center).all(),
            driven.finite_candidates & jnp.isfinite(vectors).all(),
            driven.keeps_the_best & kept,
        )

    return jax.lax.fori_loop(driven.generation, until, step, driven)


def _kept(
    strategy: Strategy, driven: Driven, vectors: jax.Array, losses: jax.Array, center: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Loss of the center after a generation, and whether it is the candidate to be kept."""
    if strategy.samples_around_center:
        return driven.kept_loss, jnp.bool_(True)
    usable = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    better = usable < driven.kept_loss
    # Of a sequential search it is the first that is better: those after it were never made.
    winner = jnp.argmax(better) if isinstance(strategy, HillClimbing) else jnp.argmin(usable)
    expected = jnp.where(better.any(), vectors[winner], driven.center)
    # A candidate that is decoded once more is the same up to rounding.
    near = jnp.abs(center - expected) <= 1e-5 * jnp.abs(expected).max()
    return jnp.where(better.any(), usable[winner], driven.kept_loss), near.all()


# --- Promises -------------------------------------------------------------------------------------


class Case(NamedTuple):
    """One sequence of generations."""

    strategy: Strategy
    dimension: int
    seed: int
    start: str
    kinds: tuple[str, ...]
    episodes: int = 1

    def __str__(self) -> str:
        return (
            f"{self.strategy}, dimension {self.dimension}, seed {self.seed}, {self.start} start, "
            f"{self.episodes} x {EPISODE} generations of {', '.join(self.kinds)}"
        )


def check(case: Case, recovers: bool) -> int:
    """Drive a strategy through a case, and search on with sane losses if it ``recovers``.

    Returns the number of generations.

    Raises
    ------
    BrokenPromiseError
        If anything is not as it should be.
    """
    strategy, key = case.strategy, jax.random.key(case.seed)
    _check_form(strategy, case.dimension)
    losses = losses_of(case.kinds, case.seed, strategy.population)
    begun = begin(strategy, key, parameters(case.dimension, case.start, case.seed))
    bad = jnp.uint32(case.episodes * EPISODE)
    driven = go_on(strategy, key, begun, losses, bad, bad)
    _check_sound(case, driven)
    # What is told is a loss that is finite or +inf, whatever the user says; and a function of that.
    mapped = np.where(np.isfinite(losses), losses, np.float32(np.inf))
    if _bits(go_on(strategy, key, begun, mapped, bad, bad)) != _bits(driven):
        raise BrokenPromiseError(f"told the same again, or +inf for NaN, it differs: {case}")
    if not recovers:
        return 2 * int(bad)
    evaluations = max(20_000, 1_000 * case.dimension)
    until = bad + jnp.uint32(max(50, evaluations // strategy.population))
    after = go_on(strategy, key, driven, losses, bad, until)
    _check_sound(case, after)
    first, disturbed, last = (float(sphere(one.center)) for one in (begun, driven, after))
    if not last <= max(first / 2, _RECOVERED):
        raise BrokenPromiseError(
            f"loss on a sphere {first:g} before, {disturbed:g} after, {last:g} in the end: {case}"
        )
    return int(until + bad)


def may_recover(strategy: Strategy, dimension: int, start: str, kinds: Sequence[str]) -> bool:
    """Whether a strategy is to find a minimum after these losses.

    Not one that keeps the best and was told that something is better than any minimum.
    """
    return (
        strategy in USUAL
        and start == "ordinary"
        and _RELIABLE_FROM.get(strategy.name, 0) <= dimension <= 33
        and (strategy.samples_around_center or set(kinds) <= set(HARMLESS_TO_THE_BEST))
    )


def _check_sound(case: Case, driven: Driven) -> None:
    for promise in ("finite_center", "finite_candidates", "keeps_the_best"):
        if not getattr(driven, promise):
            raise BrokenPromiseError(f"not {promise.replace('_', ' ')}: {case}")
    for path, leaf in jax.tree_util.tree_leaves_with_path(driven.state):
        if jnp.issubdtype(leaf.dtype, jnp.floating) and np.isnan(leaf).any():
            raise BrokenPromiseError(f"NaN in {jax.tree_util.keystr(path)}: {case}")


@functools.cache
def _check_form(strategy: Strategy, dimension: int) -> None:
    """A generation changes no structure, shape or type, so that a loop is compiled once."""
    key, params = jax.random.key(0), parameters(dimension, "ordinary", 0)
    state = jax.eval_shape(strategy.init, key, params)
    candidates = jax.eval_shape(strategy.ask, key, state)
    losses = jax.ShapeDtypeStruct((strategy.population,), jnp.float32)
    told = jax.eval_shape(strategy.tell, key, state, candidates, losses)
    one = jax.eval_shape(lambda all_: tree.member(all_, 0), candidates)
    pairs = {
        "state": (state, told),
        "candidates": (candidates, jax.eval_shape(strategy.ask, key, told)),
        "candidate": (params, jax.eval_shape(strategy.decode, state, one)),
        "center": (params, jax.eval_shape(strategy.center, told)),
    }
    for what, (before, after) in pairs.items():
        if _form(before) != _form(after):
            raise BrokenPromiseError(f"another form of the {what}: {strategy}, {dimension}")


def _form(value: Any) -> list[Any]:
    """All that a compiled loop keeps constant."""
    leaves, structure = jax.tree.flatten(value)
    return [structure, *((x.shape, x.dtype, getattr(x, "weak_type", False)) for x in leaves)]


def _bits(value: Any) -> list[bytes]:
    return [tree.bits(leaf) for leaf in jax.tree.leaves(value)]


# --- The campaign ---------------------------------------------------------------------------------


def ask_tell(count: int) -> Results:
    """Random sequences over all strategies, dimensions, starts and kinds of losses.

    Raises
    ------
    BrokenPromiseError
        With the case, if a strategy breaks.
    """
    chance = random.Random(2)
    driven = [(strategy, dimension) for strategy in USUAL for dimension in DIMENSIONS]
    # One dimension each: what takes time is to compile them.
    driven += [(strategy, chance.choice(DIMENSIONS)) for strategy in UNUSUAL]
    chance.shuffle(driven)
    generations = 0
    for seed in range(count):
        strategy, dimension = driven[seed % len(driven)]
        start = chance.choice(("ordinary", *STARTS))
        among = HARMLESS_TO_THE_BEST if chance.random() < 0.3 else tuple(KINDS)
        among = chance.sample(among, chance.randint(1, len(among)))
        kinds = tuple(chance.choices(among, k=EPISODE))
        case = Case(strategy, dimension, seed, start, kinds, chance.choice(_EPISODES))
        generations += check(case, may_recover(strategy, dimension, start, kinds))
    done = driven[:count]
    print(f"  {count} sequences of ask and tell, {generations:,} generations", flush=True)
    return {
        "sequences": count,
        "strategies": len({strategy for strategy, _ in done}),
        "generations": generations,
        "dimensions": sorted({dimension for _, dimension in done}),
    }
