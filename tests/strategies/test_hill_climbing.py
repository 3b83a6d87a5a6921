"""Hill climbing is the chapter's search, also when it looks several proposals ahead."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from gradless._core import noise, tree
from gradless.evaluation.population import evaluate
from gradless.models.mlp import MLP
from gradless.problems.contract import Layout
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import HillClimbing
from helpers.global_search import losses_found, rosenbrock, sphere

PARAMS = {"a": jnp.array([1.0, -1.0]), "b": jnp.array([0.5, 0.25, -0.5])}
OPTIMUM = np.array([0.3, -0.3, 0.2, -0.1, 0.4], np.float32)


@jax.jit
def step(strategy, state):
    candidates = strategy.ask(state.key, state)
    vectors = jax.vmap(lambda c: tree.ravel(strategy.decode(state, c)))(candidates)
    losses = jnp.sum((vectors - OPTIMUM) ** 2, axis=1)
    return strategy.tell(state.key, state, candidates, losses), vectors


@jax.jit
def changes_of_200() -> jax.Array:
    """The noise of 200 proposals, before it is made as long as a step."""
    seeds = noise.seeds(jax.random.key(0), jnp.arange(200))
    return jax.vmap(lambda seed: noise.normal(seed, 5))(seeds)


def on_a_sphere(strategy: HillClimbing, steps: int):
    """State after a search in five dimensions, and the candidates of each step."""
    state = strategy.init(jax.random.key(0), PARAMS)
    seen = []
    for _ in range(steps):
        state, vectors = step(strategy, state)
        seen.append(np.asarray(vectors))
    return state, np.stack(seen)


@pytest.mark.parametrize(
    ("adapt", "second", "best_loss", "best", "proposals", "successes"),
    [
        (
            False,
            [0.9103271, -0.8571711, 0.6400673, 0.2555990, -0.5514894],
            0.0631107,
            [0.4048094, -0.2978488, 0.2245467, -0.0342724, 0.1827482],
            59,
            22,
        ),
        (
            True,
            [0.9173579, -0.8683696, 0.6290853, 0.2551600, -0.5474523],
            0.0322095,
            [0.1507996, -0.3282070, 0.2476371, -0.0837085, 0.3186466],
            73,
            14,
        ),
    ],
)
def test_golden_values(adapt, second, best_loss, best, proposals, successes) -> None:
    strategy = HillClimbing(sigma=0.1, speculation=4, adapt=adapt)
    state, seen = on_a_sphere(strategy, 25)
    first = [1.0868603, -1.1208332, 0.4851290, 0.3508386, -0.3884559]
    np.testing.assert_allclose(seen[0, :2], [first, second], atol=1e-6)
    assert float(state.best_loss) == pytest.approx(best_loss, abs=1e-6)
    np.testing.assert_allclose(state.best, best, atol=1e-6)
    assert (state.proposals, state.successes) == (proposals, successes)


@pytest.mark.parametrize("speculation", [1, 4])
@pytest.mark.parametrize("adapt", [False, True])
def test_it_is_the_loop_of_the_chapter(adapt: bool, speculation: int) -> None:
    strategy = HillClimbing(sigma=0.1, adapt=adapt, speculation=speculation)
    state, _ = on_a_sphere(strategy, 200 // speculation)

    # One proposal after another: keep it if the loss falls, otherwise go back.
    changes = np.asarray(changes_of_200())
    best, lowest, sigma = np.asarray(tree.ravel(PARAMS)), np.inf, 0.1
    for change in changes[: int(state.proposals)]:
        proposal = best + sigma * change
        loss = np.sum((proposal - OPTIMUM) ** 2)
        success = loss < lowest
        if success:
            best, lowest = proposal, loss
        if adapt:
            sigma *= math.exp((success - 1 / 5) / math.sqrt(5 + 1))
    assert state.proposals >= 40
    assert float(state.best_loss) == pytest.approx(lowest, rel=1e-4)
    np.testing.assert_allclose(state.best, best, rtol=1e-4, atol=1e-5)
    assert float(strategy.step_size(state, state.proposals)) == pytest.approx(sigma, rel=1e-4)


def test_an_equal_loss_is_no_improvement() -> None:
    strategy = HillClimbing(speculation=3)
    key = jax.random.key(0)
    state = strategy.init(key, PARAMS)
    state = strategy.tell(key, state, strategy.ask(key, state), jnp.array([2.0, 1.0, 0.5]))
    assert (state.best_loss, state.proposals, state.successes) == (2, 1, 1)
    after = strategy.tell(key, state, strategy.ask(key, state), jnp.array([2.0, jnp.inf, 3.0]))
    np.testing.assert_array_equal(after.best, state.best)
    assert (after.best_loss, after.proposals, after.successes) == (2, 4, 1)


# --- Speculation ----------------------------------------------------------------------------------


class Path(NamedTuple):
    """The successes of a search, in order."""

    proposals: np.ndarray  # index of each
    losses: np.ndarray
    bests: np.ndarray


@pytest.fixture(scope="module")
def path(problem: SupervisedProblem, model: MLP):
    """The path of a search on the chapter's task, long enough for 400 proposals."""
    params = model.init(jax.random.key(1))

    @functools.partial(jax.jit, static_argnames=("layout", "steps"))
    def search(strategy, problem, layout, steps):
        batch = problem.batch(jax.random.key(0))

        def step(state, _):
            candidates = strategy.ask(state.key, state)
            losses = evaluate(problem, strategy, state, candidates, batch, layout).loss
            state = strategy.tell(state.key, state, candidates, losses)
            return state, (state.proposals, state.best_loss, state.best)

        state = strategy.init(jax.random.key(7), params)
        return jax.lax.scan(step, state, None, length=steps)[1]

    @functools.cache
    def of(speculation: int, adapt: bool, block: int) -> Path:
        strategy = HillClimbing(speculation=speculation, adapt=adapt)
        judged, losses, bests = map(
            np.asarray, search(strategy, problem, Layout(True, block, 1), 400)
        )
        success = (np.diff(losses, prepend=np.inf) != 0) & (judged <= 400)
        return Path(judged[success] - 1, losses[success], bests[success])

    return of


@pytest.mark.parametrize(("speculation", "block"), [(2, 1), (16, 128)])
@pytest.mark.parametrize("adapt", [False, True])
def test_speculation_does_not_change_the_path(adapt, speculation, block, path) -> None:
    sequential, speculative = path(1, adapt, 1), path(speculation, adapt, block)
    assert len(sequential.proposals) > 50
    # The same proposals to the last bit; the sum over the samples may be rounded differently.
    np.testing.assert_array_equal(speculative.proposals, sequential.proposals)
    np.testing.assert_array_equal(speculative.bests, sequential.bests)
    np.testing.assert_allclose(speculative.losses, sequential.losses, rtol=1e-6)


# --- The step -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 20])
def test_step_size_is_the_product_of_all_changes(size: int) -> None:
    strategy = HillClimbing(sigma=0.3, adapt=True)
    key = jax.random.key(0)
    step_size = jax.jit(strategy.step_size)
    state = strategy.init(key, np.zeros(size, np.float32))
    sigma, loss = 0.3, 100.0
    # The first loss is always an improvement.
    for success in [True, *(np.random.default_rng(0).random(60) < 0.4)]:
        expected = [sigma * math.exp(-k / 5 / math.sqrt(size + 1)) for k in range(3)]
        ahead = np.asarray(state.proposals) + np.arange(3, dtype=np.uint32)
        np.testing.assert_allclose(step_size(state, ahead), expected, rtol=1e-5)
        loss -= success
        given = np.float32([loss if success else 100.0])
        state = strategy.tell(key, state, strategy.ask(key, state), given)
        sigma *= math.exp((success - 1 / 5) / math.sqrt(size + 1))
    assert 15 < state.successes < 35


def test_step_size_stays_without_adaptation() -> None:
    strategy = HillClimbing(sigma=0.3)
    state = strategy.init(jax.random.key(0), jnp.zeros(5))
    state = state._replace(proposals=jnp.uint32(100), successes=jnp.uint32(70))
    assert strategy.step_size(state, state.proposals) == np.float32(0.3)


@pytest.mark.parametrize("sigma", [1e-4, 0.1, 10.0])
def test_one_proposal_in_five_succeeds_and_the_step_follows_the_distance(sigma: float) -> None:
    dimension, proposals = 100, 5000
    strategy = HillClimbing(sigma=sigma, adapt=True)

    @jax.jit
    def search(strategy):
        def step(state, _):
            candidate = strategy.ask(state.key, state)
            vector = strategy.decode(state, tree.member(candidate, 0))
            state = strategy.tell(state.key, state, candidate, jnp.sum(vector**2)[None])
            distance = jnp.linalg.norm(state.best)
            return state, (state.successes, distance, strategy.step_size(state, state.proposals))

        state = strategy.init(jax.random.key(3), jnp.ones(dimension))
        return jax.lax.scan(step, state, None, length=proposals)[1]

    successes, distance, step = map(np.asarray, search(strategy))
    settled = slice(1000, None)
    rate = np.diff(successes[settled].astype(int)).mean()
    normalised = step[settled] * dimension / distance[settled]
    assert 0.17 < rate < 0.22
    # In many dimensions a step of s * distance / dimension succeeds with probability Phi(-s / 2).
    assert np.median(normalised) == pytest.approx(-2 * norm.ppf(0.2), rel=0.25)
    assert normalised.max() / normalised.min() < 5
    assert distance[-1] < 1e-3 * distance[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "dimension", "evaluations", "below"),
    [
        (sphere, 2, 2_000, 1e-12),
        (sphere, 10, 5_000, 1e-10),
        (sphere, 40, 20_000, 1e-10),
        # One step for all directions follows the valley, but slowly.
        (rosenbrock, 2, 20_000, 1e-4),
    ],
)
def test_convergence_with_an_adapted_step(function, dimension, evaluations, below) -> None:
    strategy = HillClimbing(sigma=1.0, adapt=True)
    assert losses_found(strategy, function, dimension, evaluations).max() < below
