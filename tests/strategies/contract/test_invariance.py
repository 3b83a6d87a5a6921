"""The same search in any unit of the loss, whatever is added to it, and from starts near zero."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import tree
from gradless._core.errors import InputError
from gradless.strategies import STRATEGIES
from gradless.strategies.parts import mirrored
from gradless.strategies.scaled import Scaled
from gradless.strategies.wrappers import BestSoFar, Restarts

DIMENSION = 10
SETTINGS: dict[str, dict] = {
    "random_search": {"sigma": 2.0},
    "hill_climbing": {"adapt": True},
    "fd_lbfgs": {"population": 20},
}
# Their steps are in the user's units, so a start far away needs a scale.
ABSOLUTE = {"simulated_annealing", "spsa", "genetic_algorithm"}
WRAPPED = {
    "restarts": Restarts(strategies.get("snes"), patience=5),
    "best_so_far": BestSoFar(strategies.get("spsa", curvature=True, directions="normal")),
    "scaled": Scaled(strategies.get("openai_es", shaping="zscore"), 0.5),
}
# Those whose steps are made of losses; of the others, which look at the order, one.
QUICK = {"fd_lbfgs", "spsa", "simulated_annealing", "openai_es"}


def each_of(names):
    """The names as parameters, most of them slow: a strategy is a program to compile."""
    slow = pytest.mark.slow
    return [name if name in QUICK else pytest.param(name, marks=slow) for name in names]


NAMES = each_of((*STRATEGIES, *WRAPPED))


class Told(NamedTuple):
    """What losses are made of the function: (rounded to multiples + inside) * unit + added."""

    unit: Any = 1.0
    inside: Any = 0.0
    multiple: Any = 0.0
    added: Any = 0.0


def distance(x: jax.Array) -> jax.Array:
    return jnp.sum((x - 2) ** 2)


@jax.jit
def _search(strategy, start, told, generations):
    def loss(params):
        value = distance(tree.ravel(params))
        multiple = jnp.where(told.multiple > 0, told.multiple, 1.0)
        rounded = jnp.where(told.multiple > 0, jnp.floor(value / multiple) * multiple, value)
        return (rounded + told.inside) * told.unit + told.added

    def generation(number, state):
        key = jax.random.fold_in(jax.random.key(1), number)
        candidates = strategy.ask(key, state)
        losses = jax.vmap(lambda one: loss(strategy.decode(state, one)))(candidates)
        return strategy.tell(jax.random.fold_in(key, 1), state, candidates, losses)

    begun = strategy.init(jax.random.key(0), start)
    state = jax.lax.fori_loop(0, generations, generation, begun)
    return tree.ravel(strategy.center(state))


def make(name: str):
    return WRAPPED[name] if name in WRAPPED else strategies.get(name, **SETTINGS.get(name, {}))


def searched(given, evaluations: int, start: float = 0.0, **told) -> np.ndarray:
    """Center of a search, all of which share one compiled program for a strategy."""
    strategy = make(given) if isinstance(given, str) else given
    begin = jnp.full(DIMENSION, start, jnp.float32)
    numbers = Told(*(jnp.float32(value) for value in Told(**told)))
    return np.asarray(_search(strategy, begin, numbers, evaluations // strategy.population))


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_of_the_loss_does_not_matter(name: str) -> None:
    """Powers of two are exact; other units round, which only the order of near losses notices."""
    evaluations = max(1_000, 3 * 1024)
    expected = searched(name, evaluations, inside=1.0)
    for unit in (2.0**-99, 2.0**-40, 2.0**40, 2.0**99):
        np.testing.assert_array_equal(searched(name, evaluations, inside=1.0, unit=unit), expected)
    first, found = distance(jnp.zeros(DIMENSION)), distance(searched(name, 6_000))
    assert found < first / 2
    for unit in (1e-30, 1e-9, 1e30):
        other = float(distance(searched(name, 6_000, unit=unit)))
        assert other <= max(4 * found, 0.02 * first), unit


@pytest.mark.parametrize("name", NAMES)
def test_what_is_added_to_the_loss_does_not_matter(name: str) -> None:
    """Losses are multiples of 1/1024, so that adding 1024 rounds none of them."""
    expected = searched(name, 3 * 1024, multiple=2.0**-10)
    found = searched(name, 3 * 1024, multiple=2.0**-10, added=1024.0)
    if name in ("ars", "scaled"):  # deviations from a mean, which rounds
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", each_of(STRATEGIES))
def test_starts_near_zero_are_searched_like_zero(name: str) -> None:
    at_zero = float(distance(searched(name, 20_000)))
    assert at_zero < (10 if name == "random_search" else 0.01)
    for start in (1e-4, 0.1, 1.0):
        found = float(distance(searched(name, 20_000, start)))
        assert found <= max(10 * at_zero, 1e-3), start


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_start_far_away_is_searched_in_its_own_units(name: str) -> None:
    strategy = Scaled(make(name), 100.0) if name in ABSOLUTE else make(name)
    assert distance(searched(strategy, 20_000, 100.0)) < 0.01 * 100**2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hill_climbing", "sep_cma_es", "particle_swarm"])
def test_a_scale_that_is_given_counts_whatever_the_start(name: str) -> None:
    # From 1e-6 beside the minimum, in steps of that size: at first, none is a millionth too long.
    start = 2 - 2.0**-13
    found = distance(searched(Scaled(make(name), 2.0**-13), 2_000, start))
    assert found < 1e-2 * distance(jnp.full(DIMENSION, start))


@pytest.mark.slow
def test_a_scale_for_each_parameter() -> None:
    strategy = strategies.get("snes")
    params = {"volt": jnp.zeros(2), "kelvin": jnp.array([300.0, 0.1])}
    scale = {"volt": 1e-3, "kelvin": np.array([100.0, 1.0])}
    state = Scaled(strategy, scale).init(jax.random.key(0), params)
    candidates = Scaled(strategy, scale).ask(jax.random.key(1), state)
    plain = strategy.init(jax.random.key(0), jax.tree.map(jnp.zeros_like, params))
    for member in range(3):
        one = tree.member(candidates, member)
        found = Scaled(strategy, scale).decode(state, one)
        inside = strategy.decode(plain, one)
        np.testing.assert_allclose(found["volt"], 1e-3 * inside["volt"], rtol=1e-5)
        kelvin = params["kelvin"] + np.array([100.0, 1.0]) * inside["kelvin"]
        np.testing.assert_allclose(found["kelvin"], kelvin, rtol=1e-5)


@pytest.mark.parametrize("scale", [0, -1.0, np.nan, {"a": 0.0}])
def test_a_scale_that_is_none_is_refused(scale) -> None:
    with pytest.raises(InputError, match="must be a finite number above 0, got"):
        Scaled(make("snes"), scale)


@pytest.mark.parametrize("scale", [{"b": 1.0}, np.ones(3), {"a": np.ones(3)}])
def test_a_scale_of_another_form_is_refused(scale) -> None:
    with pytest.raises(InputError, match=r"have the structure of|of shape"):
        Scaled(make("snes"), scale).init(jax.random.key(0), {"a": jnp.ones(2)})


def test_scales_are_continuous_at_zero_but_for_drawn_weights() -> None:
    leaf_scales = jax.jit(mirrored.leaf_scales)
    for size in (0.0, 1e-30, 1e-4, 0.1, 1.0):
        np.testing.assert_array_equal(leaf_scales(np.full((3, 2), size, np.float32)), [1])
    np.testing.assert_array_equal(leaf_scales([100.0, 0.0, 0.1]), [100, 1, 1])
    drawn = np.random.default_rng(0).normal(size=64).astype(np.float32) / 100
    for weights in (drawn, drawn.reshape(8, 8), drawn[:6].reshape(3, 2)):
        expected = np.sqrt(np.mean(weights**2))
        for biases in (0.0, 1e-6):
            scales = leaf_scales([weights, np.full(3, biases, np.float32)])
            np.testing.assert_allclose(scales, [expected, expected], rtol=1e-5)
    np.testing.assert_array_equal(leaf_scales(drawn[:6]), [1])
