"""Any function of any pytree is minimised by the loop that trains networks."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import defaults
from gradless._core.errors import InputError
from gradless.evaluation.layout import choose_layout
from gradless.problems import function
from gradless.problems.function import FunctionProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import CMAES, HillClimbing, RandomSearch
from gradless.training import loop, minimization
from gradless.training.generation import CAPACITY, advance
from gradless.training.history import History
from gradless.training.loop import TARGET_LOSS, Run, Stop, begin
from gradless.training.minimization import minimize
from gradless.training.observers import Observer, RunInfo

CLIMB = HillClimbing(sigma=0.3, adapt=True)
KEY = jax.random.key(0)
START = {"x": np.float32(2.0), "y": np.ones(2, np.float32)}


def bowl(params) -> jax.Array:
    """Zero at x = 3 and y = -1."""
    return (params["x"] - 3) ** 2 + jnp.sum((params["y"] + 1) ** 2)


def squares(vector) -> jax.Array:
    return jnp.sum(vector**2)


def mean_distance(params, batch) -> jax.Array:
    return jnp.mean((params - batch) ** 2)


def assert_same_run(first: Run, second: Run) -> None:
    """Equal to the last bit."""
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)


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
        "is_count": False,
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


# --- When it stops, and what must not matter ------------------------------------------------------


def test_limits() -> None:
    found = minimize(bowl, START, CLIMB, target_loss=0.1, evaluations=10_000)
    assert found.stopped_because == "target loss reached"
    assert found.best_loss <= 0.1
    found = minimize(bowl, START, CLIMB, stagnation=200)
    assert found.stopped_because == "no improvement over the last 200 evaluations"
    found = minimize(bowl, START, CLIMB, seconds=0.05)
    assert found.stopped_because == "time used up"
    found = minimize(bowl, START, RandomSearch(population=64), evaluations=100)
    assert found.evaluations == 64


def test_a_target_alone_does_not_search_for_ever(monkeypatch) -> None:
    monkeypatch.setattr(defaults, "SECONDS", 0.05)
    for limits in ({}, {"target_loss": -1.0}):
        assert minimize(bowl, START, CLIMB, **limits).stopped_because == "time used up"


def test_the_callback_follows_and_stops() -> None:
    records = []
    found = minimize(bowl, START, CLIMB, evaluations=2 * CAPACITY, callback=records.append)
    assert found.stopped_because == "evaluations used up"
    assert sum(len(record.loss) for record in records) == 2 * CAPACITY
    found = minimize(
        bowl, START, CLIMB, evaluations=2 * CAPACITY, callback=lambda r: r.evaluations[-1] > 10
    )
    assert found.stopped_because == "stopped by the callback"
    assert 10 < found.evaluations < 1000
    assert int(found.run.generation) == found.evaluations
    found = minimize(bowl, START, CLIMB, evaluations=1, callback=lambda r: True)
    assert found.stopped_because == "evaluations used up"


class Watch(Observer):
    """Counts what it is told of."""

    def __init__(self, wish: str | None = None) -> None:
        self.losses, self.seconds, self.ends, self.wish = 0, [], [], wish

    def begin(self, info: RunInfo) -> None:
        self.info = info

    def record(self, record) -> str | None:
        self.losses += len(record.loss)
        self.seconds.extend(record.seconds)
        return self.wish

    def end(self, reason: str | None) -> None:
        self.ends.append(reason)


def test_observers_follow_and_stop() -> None:
    watch = Watch()
    found = minimize(bowl, START, CLIMB, evaluations=300, seed=3, observers=[watch])
    assert (watch.losses, watch.ends) == (300, ["evaluations used up"])
    expected = {"function": "bowl", "parameters": 3, "seed": 3, "strategy.sigma": 0.3}
    assert expected.items() <= watch.info.hyperparameters.items()
    again = Watch()
    minimize(bowl, START, CLIMB, evaluations=400, resume_from=found, observers=[again])
    assert again.losses == 100
    assert again.seconds[0] > watch.seconds[-1]
    ended = minimize(bowl, START, CLIMB, evaluations=2 * CAPACITY, observers=[Watch("enough")])
    assert ended.stopped_because == "enough"
    assert ended.evaluations < 1000
    with pytest.raises(InputError, match="observers must be a list"):
        minimize(bowl, START, CLIMB, evaluations=10, observers=watch)


def test_verbose_shows_lines_in_a_pipe(capfd) -> None:
    minimize(bowl, START, CLIMB, evaluations=300)
    assert capfd.readouterr() == ("", "")
    minimize(bowl, START, CLIMB, evaluations=300, verbose=True)
    out, err = capfd.readouterr()
    assert out.startswith("300 evaluations  ")
    assert err == ""


def test_a_result_shows_the_digits_that_differ() -> None:
    found = minimize(bowl, START, CLIMB, evaluations=100)
    assert f"best loss {found.best_loss:.6g}, that" in str(found)

    def told(best: float, center: float, dtype=np.float64) -> str:
        history, loss = History(), dtype(best)
        history.append(
            generation=0, evaluations=0, seconds=0, loss=loss, accuracy=0, best_loss=loss,
            best_accuracy=0,
        )  # fmt: skip
        run = found.run._replace(best_loss=loss)
        shown = dataclasses.replace(
            found, best_loss=best, center_loss=center, history=history, run=run
        )
        return str(shown).splitlines()[0].removeprefix("best loss ")

    assert told(1e6 + 0.001, 1e6 + 0.002) == "1000000.001, that of the center 1000000.002"
    assert told(0.12345678, 0.5) == "0.123457, that of the center 0.5"
    assert told(1e6, 1e6 + 0.0625, np.float32) == "1000000, that of the center 1000000.1"
    assert told(0.0, math.nan) == "0, that of the center nan"


def test_a_result_shows_itself_in_a_notebook() -> None:
    shown = minimize(bowl, START, CLIMB, evaluations=100)._repr_html_()
    for part in ("best loss", "evaluations used up", "HillClimbing(sigma=0.3", "<svg"):
        assert part in shown


@pytest.mark.parametrize("settings", [{}, {"data": np.full(8, 1.0), "batch_size": 4}])
def test_a_target_that_is_met_at_the_start_needs_no_search(settings) -> None:
    def loss(x, batch=1.0):
        return jnp.mean((x - batch) ** 2)

    found = minimize(loss, 0.0, CLIMB, target_loss=1.0, evaluations=500, **settings)
    assert (found.evaluations, found.stopped_because) == (0, TARGET_LOSS)
    assert found.best_loss == found.center_loss == found.history.last.loss == 1
    assert found.best == 0


def test_the_seed_decides() -> None:
    first, again, other = (minimize(bowl, START, CLIMB, evaluations=100, seed=s) for s in (1, 1, 2))
    assert_same_run(first.run, again.run)
    assert not np.array_equal(first.best["y"], other.best["y"])


def test_going_on_is_the_same_as_not_stopping() -> None:
    data = np.arange(30.0)
    settings = {"data": data, "batch_size": 5}
    whole = minimize(mean_distance, 0.0, CLIMB, seed=4, evaluations=400, **settings)
    half = minimize(mean_distance, 0.0, CLIMB, seed=4, evaluations=150, **settings)
    rest = minimize(mean_distance, 0.0, evaluations=400, resume_from=half, **settings)
    assert_same_run(rest.run, whole.run)
    assert rest.best_loss == whole.best_loss
    for column in ("generation", "evaluations", "loss", "best_loss"):
        np.testing.assert_array_equal(rest.history.column(column), whole.history.column(column))
    assert (np.diff(rest.history.column("seconds")) > 0).all()
    assert len(half.history) == half.evaluations == 150
    faster = HillClimbing(sigma=0.5, adapt=True)
    other = minimize(mean_distance, 0.0, faster, evaluations=400, resume_from=half, **settings)
    assert other.strategy == faster


def test_one_function_is_compiled_once() -> None:
    def loss(params, batch):
        return mean_distance(params, batch)

    settings = {"data": np.arange(8.0), "batch_size": 4, "evaluations": 50}
    minimize(loss, 0.0, "hill_climbing", **settings)
    compiled = advance._cache_size(), function._mean_score._cache_size()
    minimize(loss, 7.0, "hill_climbing", seed=5, sigma=0.7, **settings)
    minimize(loss, 0.0, "hill_climbing", target_loss=0.1, **settings)
    minimize(loss, 0.0, "hill_climbing", **{**settings, "data": np.ones(8), "evaluations": 70})
    assert (advance._cache_size(), function._mean_score._cache_size()) == compiled


# --- Losses that are not finite -------------------------------------------------------------------


def test_losses_that_are_not_finite_are_counted_and_never_win() -> None:
    def loss(x, limit):
        return jnp.where(x < limit[0], jnp.nan, jnp.where(x > 1, -jnp.inf, x))

    strategy = RandomSearch(population=64)
    found = minimize(loss, 0.5, strategy, data=np.zeros(1), evaluations=640)
    assert 0 <= found.best_loss == found.best < 0.5
    assert 200 < found.not_finite < 640
    assert str(found).endswith(f"\n{found.not_finite} losses were not finite")

    found = minimize(loss, 0.5, strategy, data=np.full(1, np.inf), evaluations=640)
    assert found.best == 0.5
    assert found.best_loss == math.inf
    assert found.not_finite == 640


# --- What it costs --------------------------------------------------------------------------------


def test_operations_are_estimated(problem: SupervisedProblem, vertical) -> None:
    def operations(loss_fn, *shape) -> float:
        return FunctionProblem.of(loss_fn, jnp.ones(shape)).cost.operations

    def product(x):
        return (x @ x)[0, 0]

    def steps(x):
        return jax.lax.fori_loop(0, 50, lambda _, carry: carry @ x, x)[0, 0]

    def either(x):
        return jax.lax.cond(x[0, 0] > 0, product, lambda x: jnp.sum(x), x)

    def convolution(x):
        return jnp.sum(jax.lax.conv(x, jnp.ones((5, 2, 3, 3)), (1, 1), "SAME"))

    assert operations(product, 30, 30) == pytest.approx(30**3, rel=0.05)
    assert operations(steps, 30, 30) == pytest.approx(50 * 30**3, rel=0.05)
    assert operations(jax.jit(steps), 30, 30) == pytest.approx(50 * 30**3, rel=0.05)
    assert operations(either, 30, 30) == pytest.approx(30**3, rel=0.2)
    assert operations(convolution, 1, 2, 10, 10) == pytest.approx(500 * 18, rel=0.1)

    model = problem.model
    network = FunctionProblem.of(
        lambda params, x: jnp.mean(jax.nn.log_softmax(model.apply(params, x))[:, 0]),
        model.init(jax.random.key(0)),
        vertical.features,
    )
    assert 0.5 < network.cost.operations / problem.cost.operations < 3
    assert 1 <= network.cost.held / problem.cost.held < 30


# --- What cannot be minimised ---------------------------------------------------------------------


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, params):
        return squares(params)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss_fn": 3}, "loss_fn must be a function, got 3"),
        ({"loss_fn": Unhashable()}, "can be hashed, got one of type Unhashable"),
        ({"params": {}}, "params must hold floating-point numbers, got none"),
        ({"params": jnp.zeros((0, 3))}, "params must hold floating-point numbers, got none"),
        ({"params": {"n": [1]}}, r"params\['n'\]\[0\] must be floating-point numbers, got int32"),
        ({"params": jnp.ones(2, bool)}, "params must be floating-point numbers, got bool"),
        ({"params": 1j}, "must be floating-point numbers, got complex64"),
        ({"params": ["float32"]}, r"params\[0\] must be floating-point numbers, got str"),
        ({"params": np.array(["a"])}, "must be floating-point numbers, got ndarray"),
        ({"params": jax.random.key(0)}, r"must be floating-point numbers, got key<.*>"),
        (
            {"loss_fn": bowl, "params": {**START, "x": np.nan}},
            r"params\['x'\] must be finite, got NaN or infinity",
        ),
        ({"loss_fn": lambda p: p}, r"of shape \(\), got an array of shape \(2,\)"),
        ({"loss_fn": lambda p: (squares(p), p)}, "must return one number, got tuple"),
        ({"loss_fn": lambda p: None}, "must return one number, got NoneType"),
        ({"loss_fn": lambda p: squares(p) * 1j}, "must return a real number, got complex64"),
        ({"loss_fn": lambda p: float(p[0])}, "must be made of JAX operations.*compiled=False"),
        ({"loss_fn": lambda p: np.sin(p)[0]}, "must be made of JAX operations.*compiled=False"),
        ({"loss_fn": lambda p: 1.0 if p[0] > 0 else 2.0}, "must be made of JAX operations"),
        ({"loss_fn": lambda p: p[p > 0].sum()}, "must be made of JAX operations"),
        ({"loss_fn": lambda p, b: 0.0}, r"loss_fn\(params\) without data, got loss_fn\(p, b\)"),
        (
            {"data": np.ones(3)},
            r"loss_fn\(params, batch\) with data, got loss_fn\(vector\)",
        ),
        ({"batch_size": 2}, "got batch_size=2 alone"),
        ({"strategy": "cmaes"}, "unknown strategy 'cmaes'; did you mean 'cma_es'"),
        ({"strategy": CMAES}, "strategy must be 'auto', a name or a strategy, got CMAES"),
        ({"strategy": None}, "strategy must be 'auto', a name or a strategy, got None"),
        ({"sigma": 0.1}, "strategy must be a name where sigma is given, got 'auto'"),
        (
            {"strategy": CLIMB, "sigma": 0.1},
            "strategy must be a name where sigma is given, got HillClimbing",
        ),
        ({"strategy": "cma_es", "sgma": 1.0}, "'sgma'; did you mean 'sigma'"),
        ({"strategy": "cma_es", "sigma": -1.0}, "sigma must be a number above 0, got -1.0"),
        ({"evaluation": 100}, "'evaluation'; did you mean 'evaluations'"),
        ({"evaluations": "many"}, "evaluations must be a number, got 'many'"),
        ({"evaluations": -1}, "evaluations must be more than 0, got -1"),
        (
            {"strategy": "cma_es", "evaluations": 16},
            "evaluations must be at least the 17 .*, got 16",
        ),
        ({"seed": -1}, "seed must be a whole number .*, got -1"),
        ({"seed": 0.5}, "seed must be a whole number .*, got 0.5"),
        ({"callback": True}, "callback must be a function of a record, or None, got True"),
        ({"resume_from": 1}, "resume_from must be what minimize returned, got int"),
    ],
)
def test_bad_input_is_refused(arguments: dict, message: str) -> None:
    everything = {"loss_fn": squares, "params": jnp.ones(2), "evaluations": 1000, **arguments}
    with pytest.raises(InputError, match=message) as caught:
        minimize(**everything)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "batch_size", "message"),
    [
        ((np.ones(3), np.ones(4)), 2, r"in each array, got 3 in data\[0\], 4 in data\[1\]"),
        (np.ones(3), 4, "from 1 to the number of samples, 3, got 4"),
        (np.ones(3), 0, "number of samples, 3, got 0"),
        (np.ones(3), 2.0, r"number of samples, 3, got 2\.0"),
        ([1.0, 2.0], 2, r"data\[0\] must be arrays .*, got one number"),
        (np.array(["a", "b"]), 2, r"data must be arrays .*, got no numbers"),
        ({}, None, "data must hold at least one sample, got none"),
        (np.ones((0, 2)), None, "data must hold at least one sample, got none"),
    ],
)
def test_data_that_do_not_fit_are_refused(data, batch_size, message: str) -> None:
    with pytest.raises(InputError, match=message):
        minimize(mean_distance, 0.0, CLIMB, data=data, batch_size=batch_size, evaluations=10)


def test_a_run_that_does_not_fit_is_refused() -> None:
    found = minimize(bowl, START, CLIMB, evaluations=100)
    with pytest.raises(
        InputError, match=r"params must have the names, shapes and dtypes of those of resume_from"
    ):
        minimize(bowl, {**START, "y": np.ones(3)}, evaluations=200, resume_from=found)
    with pytest.raises(
        InputError, match=r"strategy must be that of resume_from, HillClimbing.*, got CMAES"
    ):
        minimize(bowl, START, "cma_es", evaluations=200, resume_from=found)


def test_an_error_of_the_function_itself_is_shown_as_it_is() -> None:
    with pytest.raises(KeyError, match="missing"):
        minimize(lambda params: params["missing"], {"x": 1.0}, CLIMB, evaluations=10)


# --- Ask and tell by hand -------------------------------------------------------------------------


def test_an_outside_simulator_evaluates() -> None:
    def distance(angle: float, speed: float) -> float:
        """Plain Python: where a ball thrown at this angle lands, no faster than 10."""
        x = y = 0.0
        rise, ahead = math.sin(angle) * min(speed, 10.0), math.cos(angle) * min(speed, 10.0)
        while y >= 0:
            x, y, rise = x + 0.01 * ahead, y + 0.01 * rise, rise - 0.0981
        return x

    strategy = strategies.get("sep_cma_es", relative=False)
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    decode = jax.jit(jax.vmap(strategy.decode, in_axes=(None, 0)))
    state = strategy.init(KEY, {"angle": jnp.float32(0.2), "speed": jnp.float32(5.0)})
    for generation in range(40):
        ask_key, tell_key = jax.random.split(jax.random.fold_in(KEY, generation))
        candidates = ask(ask_key, state)
        throws = decode(state, candidates)
        losses = [-distance(*map(float, t)) for t in zip(throws["angle"], throws["speed"])]  # noqa: B905
        state = tell(tell_key, state, candidates, jnp.asarray(losses))
    thrown = strategy.center(state)
    # Without air: 45 degrees, speed^2 / g far.
    assert thrown["angle"] == pytest.approx(math.pi / 4, abs=0.1)
    assert distance(*map(float, thrown.values())) == pytest.approx(100 / 9.81, rel=0.02)


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
