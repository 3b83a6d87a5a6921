"""What counts as an improvement depends on no unit and no constant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import minimize
from gradless._core import stagnation
from gradless.strategies import CMAES, STRATEGIES, get
from gradless.strategies.base import at_rest
from gradless.strategies.wrappers import BestSoFar

TIME = np.arange(600)


@jax.jit
def _waited(losses):
    def step(carry, loss):
        progress, best = carry
        best = jnp.where(loss < best, loss, best)  # NaN is no better
        progress = stagnation.after(progress, best, loss)
        return (progress, best), progress.waited

    return jax.lax.scan(step, (stagnation.begin(), jnp.float32(jnp.inf)), losses)[1]


def waited(losses) -> np.ndarray:
    """Generations without a worthwhile fall, after each of the losses of a run."""
    with np.errstate(over="ignore"):
        return np.asarray(_waited(np.asarray(losses, np.float32)))


def noisy(seed: int = 0) -> np.ndarray:
    """Losses that fall, jump above the best one, and come to rest: multiples of 1/8."""
    random = np.random.default_rng(seed)
    level = 60 * np.exp(-TIME / 40)
    return np.round(8 * (level + random.exponential(1 + level / 4))) / 8


def test_a_plateau_is_stagnation_and_a_search_on_its_way_is_not() -> None:
    np.testing.assert_array_equal(waited(np.ones(600)), np.arange(600))
    falling = waited(noisy())
    assert falling[:100].max() < 40
    assert falling[-1] > 200


@pytest.mark.parametrize("power", [-80, -3, 40, 90])
def test_the_unit_does_not_matter(power: int) -> None:
    np.testing.assert_array_equal(waited(noisy() * 2.0**power), waited(noisy()))


@pytest.mark.parametrize("constant", [-1000.0, -3.0, 64.0, 1000.0, 100_000.0])
def test_a_constant_does_not_matter(constant: float) -> None:
    np.testing.assert_array_equal(waited(noisy() + constant), waited(noisy()))


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_search_that_comes_closer_all_the_time_goes_on(seed: int) -> None:
    # Fluctuations of 1, of which each generation brings a few ten thousandths.
    random = np.random.default_rng(seed)
    fluctuation = np.where(TIME % 3 == 0, 0, random.exponential(size=600))
    assert waited(5 - 3e-4 * TIME + fluctuation).max() < 20
    assert waited(5 - 1e-5 * TIME).max() == 0


@pytest.mark.parametrize("factor", [0.5, 0.03])
def test_a_fast_search_goes_on(factor: float) -> None:
    steps = np.arange(int(60 / -np.log(factor)))
    losses = np.column_stack([factor**steps, 3 * factor**steps]).ravel()
    assert waited(losses).max() <= 1


def test_a_creeping_best_is_stagnation() -> None:
    # Falls of a millionth of how far the other losses are away.
    losses = np.where(TIME % 2 == 0, 5 - 1e-6 * TIME, 7 - 1e-6 * TIME)
    assert waited(losses)[-1] > 300


def test_falls_that_the_loss_rounds_away_are_none() -> None:
    one_unit = np.spacing(np.float32(1000))
    up = np.where(TIME % 2 == 0, 0, 3)  # rounding of a search that has converged
    losses = 1000 + one_unit * (up - np.minimum(TIME // 100, 3))
    assert waited(losses)[-1] > 500
    # Many of them together are one.
    assert waited(1000 - one_unit * TIME).max() < 20


@pytest.mark.parametrize("penalty", [1e30, np.inf, np.nan, 3e38])
def test_penalties_do_not_hide_what_comes_after(penalty: float) -> None:
    losses = noisy()
    first = losses.copy()
    first[:5] = penalty
    assert waited(first)[5:100].max() < 40
    often = np.where(TIME % 4 == 0, losses, penalty)
    assert waited(often)[:100].max() < 60


@pytest.mark.parametrize("wrapped", [False, True])
def test_steps_that_change_nothing_end_a_search(wrapped: bool) -> None:
    strategy = CMAES(sigma=1e-3, relative=False, population=4)
    strategy = BestSoFar(strategy) if wrapped else strategy
    start = np.full(3, 1e5, np.float32)  # whose last place is 0.008
    found = minimize(total, start, strategy, stagnation=10_000, evaluations=20_000)
    assert found.stopped_because == "the steps no longer change the parameters"
    assert found.evaluations <= 5
    # Without a limit of stagnation, the budget is what was asked for.
    found = minimize(total, start, strategy, evaluations=50)
    assert found.stopped_because == "evaluations used up"


def total(params):
    return jnp.sum(params)


@jax.jit
def rests_at(strategy, start):
    return at_rest(strategy, strategy.init(jax.random.key(0), start))


def test_which_strategies_can_tell_that_they_are_at_rest() -> None:
    knowing = {name for name, cls in STRATEGIES.items() if hasattr(cls, "at_rest")}
    assert knowing == {"cma_es", "sep_cma_es", "snes", "uh_cma_es", "xnes"}
    for name in knowing:
        for x in (0.0, 1e-3, 1e5):
            assert not rests_at(get(name), np.full(3, x, np.float32))
        assert rests_at(get(name, sigma=1e-12, relative=False), np.ones(3, np.float32))
    assert not at_rest(get("hill_climbing"), None)


def rounded(params, batch):
    """A bowl in steps, so that sums with a constant are exact."""
    return batch[0, 0] * (jnp.round(16 * jnp.sum(params**2)) / 16 + batch[0, 1])


def test_a_search_does_not_see_unit_and_constant() -> None:
    searches = []
    # One program for all: what changes is data.
    for factor, constant in ((1, 0), (2**20, 0), (2**-30, 0), (1, 1000), (1, -256)):
        data = np.array([[factor, constant]], np.float32)
        start = np.full(4, 3, np.float32)
        found = minimize(rounded, start, "cma_es", data=data, stagnation=1000, evaluations=50_000)
        assert found.stopped_because.startswith("no improvement over the last 1,0")
        assert found.best_loss == factor * constant
        searches.append(found)
    for other in searches[1:]:
        assert other.evaluations == searches[0].evaluations
        np.testing.assert_array_equal(other.center, searches[0].center)


def test_python_follows_the_same_rule_to_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    losses = 1e3 * np.exp(-TIME[:300] / 20) + rng.normal(size=300) ** 2
    losses[[3, 50, 51, 120]] = np.nan, np.inf, -np.inf, 1e30
    bests = np.minimum.accumulate(np.where(np.isfinite(losses), losses, np.inf))
    with jax.enable_x64(True):
        compiled, known = jax.jit(stagnation.after), stagnation.begin(jnp.float64)
        own = (np.inf, np.inf, 0)
        for best, loss in zip(bests, losses, strict=True):
            known = compiled(known, best, loss)
            own = stagnation.after_in_python(*own, float(best), float(loss))
            assert own == (*map(float, known[:2]), int(known.waited))
