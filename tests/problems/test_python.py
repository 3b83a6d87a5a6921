"""A loss in plain Python is searched by the same loop, and may fail."""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import joblib
import numpy as np
import pytest

from gradless import minimize, strategies
from gradless._core import storage, tree
from gradless._core.errors import InputError
from gradless.problems.python import PythonProblem
from gradless.strategies import CMAES, STRATEGIES, HillClimbing, OpenAIES, RandomSearch
from gradless.training import loop
from gradless.training.generation import begin
from gradless.training.loop import Stop

START = {"x": np.zeros(2, np.float32), "y": np.float32(0.5)}


def bowl(params) -> float:
    """Zero at x = 1 and y = 2; nothing that JAX could trace."""
    assert isinstance(params["x"], np.ndarray)
    return sum((float(x) - 1) ** 2 for x in params["x"]) + (float(params["y"]) - 2) ** 2


def compiled_bowl(params) -> jax.Array:
    return jnp.sum((params["x"] - 1) ** 2) + (params["y"] - 2) ** 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [CMAES(sigma=0.5), HillClimbing(sigma=0.3), OpenAIES(population=16)],
    ids=lambda strategy: strategy.name,
)
def test_it_is_the_search_of_the_compiled_function(strategy) -> None:
    python, compiled = (
        minimize(loss, START, strategy, compiled=compiled, evaluations=400, seed=3)
        for loss, compiled in ((bowl, False), (compiled_bowl, True))
    )
    assert python.evaluations == compiled.evaluations
    # The losses themselves are summed in another order.
    np.testing.assert_allclose(
        python.history.column("loss")[:10], compiled.history.column("loss")[:10], rtol=1e-5
    )
    assert python.best_loss < 0.5 * bowl(START)
    assert python.best["x"].dtype == jnp.float32
    assert bowl(jax.tree.map(np.asarray, python.best)) == pytest.approx(python.best_loss, rel=1e-5)


@pytest.mark.slow
def test_chunks_and_processes_do_not_matter(monkeypatch) -> None:
    usual = minimize(bowl, START, "cma_es", compiled=False, evaluations=200)
    shared = minimize(bowl, START, "cma_es", compiled=False, evaluations=200, n_jobs=2)
    monkeypatch.setattr(loop, "_SECONDS_PER_CHUNK", 0.0)
    cut = minimize(bowl, START, "cma_es", compiled=False, evaluations=200)
    for other in (shared, cut):
        np.testing.assert_array_equal(other.history.column("loss"), usual.history.column("loss"))
        np.testing.assert_array_equal(other.best["x"], usual.best["x"])


# --- Exact losses ---------------------------------------------------------------------------------

X0 = np.zeros(5)  # float64, as SciPy would get it


class Counted:
    """A function that remembers what it was called with, and what it returned."""

    def __init__(self, function) -> None:
        self.function, self.seen, self.losses = function, [], []

    def __call__(self, x) -> float:
        self.seen.append(jax.tree.map(np.copy, x))
        self.losses.append(self.function(x))
        return self.losses[-1]


def around_pi(x) -> float:
    return float(np.sum((x - math.pi) ** 2))


def search(loss, params=X0, evaluations=4000, **arguments):
    return minimize(loss, params, "cma_es", compiled=False, evaluations=evaluations, **arguments)


def test_a_constant_that_is_added_costs_no_digits() -> None:
    # In float32, the nearest numbers to 1e6 are 0.06 apart.
    plain, added = search(around_pi), search(lambda x: around_pi(x) + 1e6)
    assert around_pi(plain.best) < 1e-20
    assert around_pi(added.best) < 1e-9  # 1e-10 is half of the distance of two numbers at 1e6
    assert added.best_loss == around_pi(added.best) + 1e6
    assert added.history.column("loss").dtype == np.float64
    assert added.history.last.best_loss == added.best_loss


def test_a_distance_is_minimised_to_the_last_digits() -> None:
    found = search(lambda x: math.sqrt(around_pi(x)), evaluations=6000)
    assert found.best_loss < 1e-12
    assert found.best.dtype == found.center.dtype == np.float64


QUICK = {"cma_es", "hill_climbing", "particle_swarm"}
NAMES = [*STRATEGIES, "evosax:DifferentialEvolution", "evosax:SimpleGA", "evosax:Sep_CMA_ES"]


@pytest.mark.parametrize(
    "name", [x if x in QUICK else pytest.param(x, marks=pytest.mark.slow) for x in NAMES]
)
def test_the_best_is_the_lowest_loss_of_all(name) -> None:
    # Differences that float32 cannot hold: at 1e9 its numbers are 64 apart.
    loss = Counted(lambda x: 1e9 + 1e-3 * around_pi(x))
    evaluations = 4 * (strategies.get(name).population + 1) + 100
    found = minimize(loss, X0, name, compiled=False, evaluations=evaluations)
    lowest = int(np.argmin(loss.losses))
    assert found.best_loss == loss.losses[lowest]
    np.testing.assert_array_equal(found.best, loss.seen[lowest])
    if name != "random_search":
        assert found.best_loss < loss.losses[0]


def test_huge_losses_are_worse_than_others_and_no_failures() -> None:
    found = search(lambda x: 1e300 if x[0] > 0.1 else around_pi(x), evaluations=400)
    assert found.not_finite == 0
    assert np.isfinite(found.center).all()
    assert found.best_loss < around_pi(X0)


def test_a_target_is_compared_in_float64() -> None:
    loss = Counted(lambda x: 1e9 + around_pi(x))
    found = search(loss, target_loss=1e9 + 1e-3)
    assert found.stopped_because == loop.TARGET_LOSS
    assert loss.losses[0] > 1e9 + 1e-3 >= found.best_loss == min(loss.losses)


def test_a_search_in_float64_is_kept_and_goes_on_bit_for_bit(tmp_path) -> None:
    whole, first = search(around_pi, evaluations=800), search(around_pi, evaluations=400)
    storage.save_tree(tmp_path / "run", first.run)
    kept = dataclasses.replace(first, run=storage.load_tree(tmp_path / "run", first.run))
    rest = minimize(around_pi, X0, compiled=False, evaluations=800, resume_from=kept)
    for one, other in zip(*map(jax.tree.leaves, (rest.run, whole.run)), strict=True):
        assert tree.bits(one) == tree.bits(other)
    np.testing.assert_array_equal(rest.history.column("loss"), whole.history.column("loss"))


# --- What a function gets -------------------------------------------------------------------------


def described(params):
    return jax.tree.map(lambda x: (type(x), x.dtype, x.shape), params)


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_every_call_gets_parameters_of_its_own_of_the_types_given(dtype) -> None:
    given = {
        "a": np.ones(3, dtype),
        "b": [np.ones((), dtype), dtype(2), np.float32(1)],
        "c": jnp.asarray(np.ones((2, 1), np.float32)),
    }
    kinds = []

    def loss(params) -> float:
        kinds.append(described(params))
        value = sum(float(np.sum((x - 3) ** 2)) for x in jax.tree.leaves(params))
        for x in (params["a"], params["b"][0], params["c"]):
            x -= 3
        params["b"][1] -= 3
        params["a"] = None
        return value

    found = minimize(loss, given, "hill_climbing", compiled=False, evaluations=60, sigma=0.3)
    array = np.ndarray
    expected = {
        "a": (array, np.dtype(dtype), (3,)),
        "b": [
            (array, np.dtype(dtype), ()),
            (dtype, np.dtype(dtype), ()),
            (np.float32, np.dtype(np.float32), ()),
        ],
        "c": (array, np.dtype(np.float32), (2, 1)),
    }
    assert len(kinds) >= 60
    assert all(each == expected for each in kinds)
    assert described(found.best) == described(found.center) == expected
    assert given["a"].tolist() == [1, 1, 1]
    assert (given["b"][0], given["b"][1]) == (1, 2)
    assert found.best_loss == loss(found.best)


def test_a_number_of_python_is_float64() -> None:
    found = minimize(
        lambda x: (x - math.pi) ** 2, 0.0, "hill_climbing", compiled=False, evaluations=50
    )
    assert isinstance(found.best, float)
    assert found.best_loss == (found.best - math.pi) ** 2


def demanding(params) -> float:
    """Whatever the process, and however large: float64 that can be written to."""
    large, small = params["large"], params["small"]
    assert large.dtype == small.dtype == np.float64
    large -= 1
    small -= 1
    return float(large.sum() ** 2 + small.sum() ** 2)


@pytest.mark.slow
def test_other_processes_get_the_same() -> None:
    # Of a megabyte or more, joblib makes files.
    given = {"large": np.zeros(200_000), "small": np.zeros(2)}
    here, elsewhere = (
        minimize(
            demanding, given, "openai_es", population=4, compiled=False, evaluations=20, n_jobs=jobs
        )
        for jobs in (1, 2)
    )
    assert here.raised == elsewhere.raised == 0
    assert not given["large"].any()
    np.testing.assert_array_equal(here.history.column("loss"), elsewhere.history.column("loss"))


def test_processes_do_not_wait_for_the_center(monkeypatch) -> None:
    sizes = []
    usual = PythonProblem.judge

    def judge(self, measured, drawn):
        sizes.append([len(group) for group in measured])
        return usual(self, measured, drawn)

    monkeypatch.setattr(PythonProblem, "judge", judge)
    limits = {"compiled": False, "evaluations": 3 * 7, "population": 6}
    one_by_one = minimize(bowl, START, "cma_es", **limits)
    assert sizes == 3 * [[6], [1]]
    sizes.clear()
    with joblib.parallel_config(backend="threading"):
        shared = minimize(bowl, START, "cma_es", **limits, n_jobs=2)
    # None of a generation that is not to come is judged.
    assert sizes == [[6], [1, 6], [1, 6], [1]]
    np.testing.assert_array_equal(shared.history.column("loss"), one_by_one.history.column("loss"))
    np.testing.assert_array_equal(shared.best["x"], one_by_one.best["x"])


def test_data_cannot_be_changed() -> None:
    data = {"x": np.arange(6.0)}

    def loss(x, batch) -> float:
        batch["x"] -= 1
        return float(np.sum((x - batch["x"]) ** 2))

    for batch_size in (None, 2):
        with pytest.raises(ValueError, match="read-only"):
            minimize(loss, X0[:1], compiled=False, data=data, batch_size=batch_size, seconds=1)
    assert data["x"].flags.writeable


def test_a_target_that_is_met_at_the_start_costs_one_call() -> None:
    loss = Counted(around_pi)
    found = search(loss, target_loss=around_pi(X0))
    assert len(loss.losses) == 1
    assert found.evaluations == 0
    assert found.stopped_because == loop.TARGET_LOSS
    assert found.best_loss == found.center_loss == found.history.last.best_loss == around_pi(X0)
    np.testing.assert_array_equal(found.best, X0)
    rest = minimize(loss, X0, compiled=False, evaluations=100, resume_from=found)
    assert rest.evaluations > 80
    assert rest.history.column("generation")[:2].tolist() == [0, 1]


# --- Minibatches ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_samples_as_a_compiled_function_sees() -> None:
    data = {"x": np.arange(50.0, dtype=np.float32)}

    def loss(params, batch):
        return ((params - batch["x"]) ** 2).mean()

    python, compiled = (
        minimize(
            loss, np.float32(0), "snes", data=data, batch_size=7, compiled=compiled, evaluations=340
        )
        for compiled in (False, True)
    )
    np.testing.assert_allclose(
        python.history.column("loss")[:10], compiled.history.column("loss")[:10], rtol=1e-5
    )
    assert python.best_loss == pytest.approx(compiled.best_loss, rel=0.05)


# --- Losses that fail -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failing", "raised"),
    [
        (lambda: math.nan, False),
        (lambda: math.inf, False),
        (lambda: -math.inf, False),
        (lambda: 1 / 0, True),
        (lambda: None, True),
        (lambda: "low", True),
        (lambda: [1.0, 2.0], True),
        (lambda: np.zeros(3), True),
        (lambda: [[1], [1, 2]], True),
        (lambda: 1 + 2j, True),
        (lambda: [][0], True),
    ],
)
def test_a_candidate_that_fails_is_counted_and_is_the_worst(failing, raised: bool) -> None:
    def loss(x):
        return failing() if x > 0.5 else float(x) ** 2 + 1

    strategy = RandomSearch(sigma=2.0, population=32)
    found = minimize(loss, np.float32(0.4), strategy, compiled=False, evaluations=320)
    assert 20 < found.not_finite < 200
    assert found.raised == (found.not_finite if raised else 0)
    assert (found.error is not None) == raised
    assert 1 <= found.best_loss < 1.2
    assert np.isfinite(found.history.column("best_loss")).all()


def test_a_constant_loss_is_no_failure() -> None:
    found = minimize(lambda x: 3.0, np.float32(0.4), "cma_es", compiled=False, evaluations=400)
    assert (found.best_loss, found.not_finite) == (3.0, 0)


def test_the_last_exception_is_told() -> None:
    def loss(x):
        if x > 0:
            raise RuntimeError("the reactor\nhas melted")
        return 1.0

    found = minimize(
        loss, np.float32(0), "random_search", population=32, compiled=False, evaluations=256
    )
    assert found.error == "RuntimeError: the reactor has melted"
    assert str(found).endswith(
        f"{found.raised} of them exceptions, the last one RuntimeError: the reactor has melted"
    )


@pytest.mark.parametrize("strategy", ["cma_es", "hill_climbing"])
def test_a_loss_that_fails_from_some_time_on_ends_the_search(strategy: str) -> None:
    calls = []

    def loss(x):
        calls.append(x)
        if len(calls) > 300:
            raise OSError("the licence server is gone")
        return float((x - 1) ** 2)

    found = minimize(loss, np.float32(0), strategy, compiled=False, evaluations=10**6)
    assert found.stopped_because == loop.NOT_FINITE
    assert found.error == "OSError: the licence server is gone"
    assert found.raised >= 1000
    assert found.evaluations <= 300
    assert len(calls) < 3000
    assert np.isfinite(found.best_loss)
    assert int(found.run.generation) == int(found.run.finite_generation)


def test_an_exception_at_the_start_is_shown_as_it_is() -> None:
    with pytest.raises(KeyError, match="speed"):
        minimize(lambda params: params["speed"], START, compiled=False, evaluations=100)


def test_a_search_that_only_fails_is_refused_with_the_reason() -> None:
    calls = []

    def loss(x):
        calls.append(x)
        if len(calls) > 1:
            raise ValueError("no such file")
        return 1.0

    with pytest.raises(InputError, match=r"the last exception: ValueError: no such file"):
        minimize(loss, np.float32(0), "hill_climbing", compiled=False, evaluations=10**6)


def test_ctrl_c_is_no_failure() -> None:
    calls = []

    def loss(x):
        calls.append(x)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        minimize(loss, np.float32(0), "cma_es", compiled=False, evaluations=1000)
    assert len(calls) == 21


# --- Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_jobs": 0}, "n_jobs must be 1 or more, or -1 for all cores, got 0"),
        ({"n_jobs": 2, "compiled": True}, "compiled function, which uses all cores itself"),
        ({"loss_fn": lambda params: None}, "loss_fn must return one number, got NoneType"),
        ({"loss_fn": lambda params: params["x"]}, r"got an array of shape \(2,\)"),
        ({"loss_fn": lambda params, batch: 0.0}, "without data"),
        ({"batch_size": 3}, "got batch_size=3 alone"),
        ({"params": {"x": 1}}, "must be floating-point numbers, got int64"),
    ],
)
def test_bad_input_is_refused(arguments: dict, message: str) -> None:
    given = {"loss_fn": bowl, "params": START, "compiled": False, "evaluations": 100} | arguments
    with pytest.raises(InputError, match=message):
        minimize(**given)


def test_the_loop_takes_it_as_it_is() -> None:
    problem = PythonProblem(bowl, START)
    strategy = HillClimbing(sigma=0.3)
    run = jax.jit(begin)(strategy, START, np.uint32(0))
    records = list(loop.train(problem, strategy, run, Stop(evaluations=50)))
    assert sum(len(record.loss) for record in records) == 50
    assert records[-1].stopped_because == "evaluations used up"
