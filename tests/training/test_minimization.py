"""Any function of any pytree is minimised by the loop that trains networks."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.evaluation.layout import choose_layout
from gradless.problems.function import FunctionProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import HillClimbing, RandomSearch
from gradless.training import loop, minimization
from gradless.training.loop import Stop, begin
from gradless.training.minimization import minimize
from helpers.minima import CLIMB, KEY, START, assert_same_run, bowl, mean_distance, squares

# --- What it finds --------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_finds_what_least_squares_finds() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(40, 3)), generator.normal(size=40)

    def loss(params, batch):
        return jnp.mean((batch["x"] @ params[0] + params[1]["bias"] - batch["y"]) ** 2)

    found = minimize(
        loss, (np.zeros(3), {"bias": 0.0}), "cma_es", data={"x": x, "y": y}, evaluations=4000
    )
    design = np.column_stack([x, np.ones(40)])
    expected, residual, *_ = np.linalg.lstsq(design, y)
    best = np.append(found.best[0], found.best[1]["bias"])
    np.testing.assert_allclose(best, expected, atol=1e-3)
    assert found.best_loss == pytest.approx(residual.item() / 40, rel=1e-5)
    np.testing.assert_allclose(found.center[0], found.best[0], atol=1e-2)
    center_loss = float(loss(found.center, {"x": x, "y": y}))
    assert found.center_loss == pytest.approx(center_loss, rel=1e-5)


def test_a_network_is_trained_by_the_loop_of_train(problem: SupervisedProblem, vertical) -> None:
    model = problem.model
    random, data = np.random.default_rng(0), (vertical.features, vertical.targets)
    start = jax.tree.map(
        lambda x: random.normal(size=x.shape).astype(x.dtype), jax.eval_shape(model.init, KEY)
    )
    strategy, stop = HillClimbing(), Stop(evaluations=300)

    def loss(params, batch):
        log = jax.nn.log_softmax(model.apply(params, batch[0]))
        return -jnp.mean(jnp.take_along_axis(log, batch[1][:, None], axis=1))

    found = minimize(loss, start, "hill_climbing", data=data, evaluations=300, seed=3)
    same = FunctionProblem.of(loss, start, data)
    *_, last = loop.train(same, strategy, begin(strategy, start, 3), stop)
    assert_same_run(found.run, last.run)
    *_, last = loop.train(problem, strategy, begin(strategy, start, 3), stop)
    assert found.best_loss == pytest.approx(last.best_loss[-1], rel=1e-4)
    expected = jax.jit(loss)(found.best, data)
    assert found.best_loss == pytest.approx(float(expected), rel=1e-4)


def test_the_result_holds_what_happened() -> None:
    found = minimize(bowl, START, CLIMB, evaluations=500)
    assert found.best_loss == found.history.last.best_loss == pytest.approx(bowl(found.best))
    assert found.center_loss == pytest.approx(found.best_loss)
    assert found.evaluations == found.history.last.evaluations == len(found.history) == 500
    assert found.seconds == found.history.last.seconds > 0
    assert found.not_finite == 0
    assert found.stopped_because == "evaluations used up"
    assert found.strategy == CLIMB
    assert found.why == ""
    assert found.best_measures == {}
    assert found.history.measures == ()
    assert "Array" not in repr(found)


def test_a_result_prints_what_a_person_wants_to_know_first() -> None:
    given = minimize(bowl, START, CLIMB, evaluations=500)
    best, spent, strategy = str(given).splitlines()
    assert best.startswith(f"best loss {given.best_loss:.6g}, ")
    assert spent.startswith("500 evaluations in ")
    assert spent.endswith(": evaluations used up")
    assert strategy == "strategy: HillClimbing(sigma=0.3, speculation=1, adapt=True)"


def test_no_one_gets_back_less_than_they_gave() -> None:
    least, search = {"x": 3.0, "y": -np.ones(2)}, RandomSearch(population=64)
    found = minimize(bowl, least, search, evaluations=640)
    assert found.best_loss == 0
    assert found.best["x"] == 3
    assert found.history.last.best_loss > 0
    assert bowl(found.center) > 0


def test_auto_chooses_by_the_problem(monkeypatch) -> None:
    asked = []

    def choose(**facts):
        asked.append(facts)
        return minimization.auto.Choice(CLIMB, "because")

    monkeypatch.setattr(minimization.auto, "choose", choose)
    found = minimize(bowl, START, evaluations=100)
    assert (found.strategy, found.why) == (CLIMB, "because")
    assert str(found).splitlines()[3] == "chosen for: because"
    (facts,) = asked
    assert 3 <= facts.pop("operations") < 100
    assert facts == {
        "dimension": 3, "evaluations": 100, "seconds": None, "smooth": True, "minibatches": False,
        "is_count": False, "is_function": True, "restarts": "", "noisy": False,
    }  # fmt: skip
    assert minimize(bowl, START, evaluations=200, resume_from=found).why == "because"


@pytest.mark.slow
def test_auto_chooses_something_that_works() -> None:
    found = minimize(bowl, START, evaluations=2000)
    assert found.best_loss < 0.5 * float(bowl(START))
    assert found.why


# --- Structure and dtypes -------------------------------------------------------------------------


class Pair(NamedTuple):
    first: object
    second: object


def described(params):
    return jax.tree.map(lambda x: f"{x.shape} {x.dtype}", params)


def test_the_result_is_like_what_was_given() -> None:
    given = Pair([0.5, None], {"half": np.ones((2, 3), jnp.bfloat16), "empty": np.zeros((0, 2))})
    seen = []

    def loss(params):
        seen.append(described(params))
        return sum(jnp.sum(x.astype(jnp.float32) ** 2) for x in jax.tree.leaves(params))

    found = minimize(loss, given, CLIMB, evaluations=200)
    expected = Pair(
        ["() float32", None], {"half": "(2, 3) bfloat16", "empty": "(0, 2) float32"}
    )  # NumPy's float64 is JAX's float32, by default
    assert described(found.best) == described(found.center) == expected
    assert seen
    assert all(each == expected for each in seen)
    assert found.best_loss == pytest.approx(float(jax.jit(loss)(found.best)), rel=1e-6)
    assert found.best_loss < 6


def test_double_precision_is_given_to_the_function() -> None:
    with jax.enable_x64(True):
        types = set()

        def loss(params):
            types.add(str(params.dtype))
            return squares(params)

        found = minimize(loss, np.ones(2), CLIMB, evaluations=400)
        assert types == {"float64"}
        assert found.best.dtype == found.center.dtype == jnp.float64
        assert found.run.best_loss.dtype == found.history.column("loss").dtype == jnp.float64
        expected = np.sum(np.square(np.asarray(found.best)))
        assert found.best_loss == pytest.approx(expected, rel=1e-14)
        assert found.best_loss < 1


def test_a_loss_may_be_a_truth_value() -> None:
    found = minimize(
        lambda x: jnp.any(x > 0.5), jnp.full(3, 0.6), HillClimbing(sigma=0.3), evaluations=200
    )
    assert found.best_loss == 0
    assert (found.best <= 0.5).all()


def test_the_result_goes_with_arrays_anywhere() -> None:
    problem = FunctionProblem.of(squares, jnp.ones(50_000))
    strategy = RandomSearch(population=64)
    assert choose_layout(problem, 64).devices == len(jax.devices()) == 2
    found = minimize(squares, jnp.ones(50_000), strategy, evaluations=64)
    assert len(found.run.best.sharding.device_set) == 2
    elsewhere = jax.device_put(jnp.ones(50_000), jax.devices()[1])
    assert jnp.isfinite(found.best + elsewhere).all()
    assert jnp.isfinite(found.center + elsewhere).all()


# --- Data -----------------------------------------------------------------------------------------


def test_a_batch_is_made_of_whole_samples() -> None:
    data = {"number": np.arange(100), "value": np.ones((100, 2)), "key": jax.random.split(KEY, 100)}
    data["value"] *= np.arange(100)[:, None]

    def loss(params, batch):
        assert [len(batch[name]) for name in data] == [8, 8, 8]
        return params + jnp.mean(jax.vmap(jax.random.normal)(batch["key"]))

    batch = jax.jit(FunctionProblem.batch)(FunctionProblem.of(loss, 0.0, data, 8), KEY)
    assert len(set(batch["number"].tolist())) == 8
    np.testing.assert_array_equal(batch["value"][:, 1], batch["number"])
    np.testing.assert_array_equal(
        jax.random.key_data(batch["key"]),
        np.asarray(jax.random.key_data(data["key"]))[batch["number"]],
    )


def test_each_generation_sees_its_own_minibatch() -> None:
    # A step of almost nothing: what changes is the batch.
    data, still = np.arange(30.0), HillClimbing(sigma=1e-9, adapt=True)
    found = minimize(mean_distance, 14.5, still, data=data, batch_size=5, evaluations=100)
    losses = found.history.column("loss")
    assert len(np.unique(losses)) > 60
    assert losses.mean() == pytest.approx(np.var(data), rel=0.2)
    # Six batches without a common sample are all the data.
    assert found.best_loss == pytest.approx(np.var(data), rel=1e-5)
    assert found.center_loss == pytest.approx(np.var(data), rel=1e-5)


def test_with_minibatches_the_best_is_no_lucky_one() -> None:
    data = np.random.default_rng(0).normal(5, 3, 30)
    found = minimize(mean_distance, 9.0, CLIMB, data=data, batch_size=5, evaluations=400)
    # Six batches are all the data.
    assert found.best_loss == pytest.approx(float(mean_distance(found.best, data)), rel=1e-5)
    assert found.history.last.best_loss < found.best_loss - 1
    # The lucky one was far away, so what was given may be better, and is not lost.
    start = np.float32(data.mean())
    found = minimize(mean_distance, start, CLIMB, data=data, batch_size=5, evaluations=400)
    assert found.best == start
    assert found.best_loss == pytest.approx(np.var(data), rel=1e-5)
    assert found.center_loss > found.best_loss


def test_without_a_batch_size_all_data_are_seen() -> None:
    data = np.arange(7.0)
    every = minimize(mean_distance, 0.0, CLIMB, data=data, evaluations=300)
    assert every.best == pytest.approx(3, abs=0.1)
    assert every.best_loss == pytest.approx(4, abs=0.01)
    same = minimize(mean_distance, 0.0, CLIMB, data=data, batch_size=7, evaluations=300)
    assert_same_run(every.run, same.run)
    assert not FunctionProblem.of(mean_distance, 0.0, data, 7).uses_minibatches


# --- Scales ---------------------------------------------------------------------------------------


def test_steps_count_in_the_scale_that_is_given() -> None:
    start = {"volt": 1e-4, "kelvin": jnp.array([300.0, 0.0])}
    scale = {"volt": 1e-4, "kelvin": [100.0, 1.0]}

    def loss(params):
        apart = (params["volt"] - 2e-4) / 1e-4, (params["kelvin"][0] - 350) / 100
        return apart[0] ** 2 + apart[1] ** 2 + (params["kelvin"][1] - 1) ** 2

    scale["kelvin"] = np.array(scale["kelvin"])
    found = minimize(loss, start, "hill_climbing", scale=scale, evaluations=500)
    assert found.best_loss < 0.01
    further = minimize(loss, start, resume_from=found, evaluations=600)
    assert further.best_loss <= found.best_loss
    with pytest.raises(InputError, match="scale must be left out with resume_from"):
        minimize(loss, start, scale=1.0, resume_from=found, evaluations=600)


@pytest.mark.parametrize("scale", [0.0, -1.0, "wide", {"a": 1.0}, np.ones(3)])
def test_a_scale_that_does_not_fit_is_refused(scale) -> None:
    with pytest.raises(InputError, match="scale"):
        minimize(lambda p: jnp.sum(p**2), jnp.zeros(2), scale=scale, evaluations=1000)


def test_a_scale_of_a_loss_in_python_is_of_its_precision():
    """Warnings are errors here: nothing of it is cut to float32, not even on the way."""
    loss = lambda p: float(((p - 3) ** 2).sum())  # noqa: E731
    found = minimization.minimize(
        loss, np.zeros(2), "hill_climbing", scale=5.0, compiled=False, evaluations=40
    )
    assert found.best.dtype == np.float64
    assert found.best_loss == loss(found.best)
