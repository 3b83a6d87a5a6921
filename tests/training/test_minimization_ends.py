"""When a minimisation stops, what must not matter to it, and what is refused."""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import defaults
from gradless._core.errors import InputError
from gradless.problems import function
from gradless.problems.function import FunctionProblem
from gradless.problems.supervised import SupervisedProblem
from gradless.strategies import CMAES, HillClimbing, RandomSearch
from gradless.training.generation import CAPACITY, advance
from gradless.training.history import History
from gradless.training.loop import TARGET_LOSS
from gradless.training.minimization import minimize
from gradless.training.observers import Observer, RunInfo
from helpers.minima import CLIMB, KEY, START, assert_same_run, bowl, mean_distance, squares

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
