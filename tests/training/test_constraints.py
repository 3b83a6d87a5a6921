"""Constraints are kept by what is best, or the result says that nothing does."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from gradless import InputError, minimize, strategies
from gradless.problems.constraints import LEAST_VIOLATED, Constrained, ranked, told
from gradless.strategies import HillClimbing
from gradless.strategies.wrappers import Restarts

START = np.full(2, -2, np.float32)


def loss(x):
    return jnp.sum(x**2), {"first": x[0]}


def at_least_one(x):
    return 1 - x[0]


def impossible(x):
    return jnp.stack([1 - x[0], x[0] + 1])


@pytest.fixture(scope="module")
def found():
    return minimize(loss, START, "cma_es", constraints=at_least_one, evaluations=1_600)


def test_the_best_keeps_the_constraints(found) -> None:
    assert found.feasible
    assert found.violation == 0
    np.testing.assert_allclose(found.best, [1, 0], atol=2e-3)
    assert float(found.best[0]) >= 1
    assert found.best_loss == pytest.approx(1, abs=1e-5)
    assert "not keep" not in str(found)


def test_the_history_says_what_is_known(found) -> None:
    history = found.history
    best, violation = history.column("best_loss"), history.column("best_violation")
    assert np.isinf(best[0])  # -2 violates it by 3, and so does all of the first generation
    assert violation[0] > 0
    assert np.isnan(history.column("best_first")[0])
    assert history.last.best_loss == found.best_loss
    assert found.not_finite == 0
    assert ((best < np.inf) == (violation == 0)).all()


def test_it_goes_on_bit_for_bit(found) -> None:
    half = minimize(loss, START, "cma_es", constraints=at_least_one, evaluations=17)
    assert not half.feasible
    again = minimize(
        loss, START, "cma_es", constraints=at_least_one, evaluations=1_600, resume_from=half
    )
    np.testing.assert_array_equal(again.run.best, found.run.best)
    np.testing.assert_array_equal(
        again.history.column("best_loss"), found.history.column("best_loss")
    )


@pytest.mark.parametrize("compiled", [True, False])
def test_where_nothing_keeps_them_the_result_says_so(compiled) -> None:
    found = minimize(
        loss if compiled else lambda x: float(np.sum(x**2)), START, HillClimbing(sigma=0.3),
        constraints=impossible, evaluations=400, compiled=compiled,
    )  # fmt: skip
    assert not found.feasible
    assert found.violation == pytest.approx(2, abs=1e-5)  # between -1 and 1
    assert found.best_loss == found.center_loss == np.inf
    assert "nothing that keeps the constraints was found" in str(found)
    assert "not feasible" in found._repr_html_()
    assert -1.01 < float(found.best[0]) < 1.01


def test_targets_are_met_by_what_keeps_the_constraints() -> None:
    for target in ({"target_loss": 2.0}, {"target_measures": {"first": 1.0}}):
        found = minimize(
            loss, START / 10, HillClimbing(sigma=0.3), constraints=[at_least_one],
            evaluations=2_000, **target,
        )  # fmt: skip
        assert found.feasible
        assert 0 < found.evaluations < 2_000
        assert "reached" in found.stopped_because
    other = minimize(
        lambda x: (jnp.sum(x**2), {"less": -x[0]}), START, HillClimbing(sigma=0.3),
        constraints=at_least_one, evaluations=300, target_measures={"less": 1.5},
    )  # fmt: skip
    assert other.stopped_because == "evaluations used up"  # it is met where 1 - x[0] is above 0


def test_a_loss_in_python_is_not_called_where_constraints_are_violated() -> None:
    asked = []

    def root(x) -> tuple[float, dict[str, float]]:
        asked.append(x[0])
        return float(np.sqrt(x[0]) + x[1] ** 2), {"first": x[0]}

    def at_least(x):
        x -= 0.25  # its own copy
        return [-x[0]]

    found = minimize(
        root, np.array([0.5, 1.0]), "cma_es", constraints=at_least, compiled=False,
        evaluations=1_600,
    )  # fmt: skip
    assert min(asked) >= 0.25
    assert found.best_loss == pytest.approx(0.5, abs=1e-6)
    assert (found.raised, found.not_finite) == (0, 0)
    assert found.best_measures == {"first": pytest.approx(0.25), "violation": 0}


def test_one_number_is_the_rule_of_deb() -> None:
    random = np.random.default_rng(0)
    losses, violated = random.normal(size=200) * 1e3, random.choice([0, 1e-30, 1e-5, 1, 1e9], 200)
    for xp in (np, jnp):
        order = np.asarray(ranked(losses.astype(np.float32), violated.astype(np.float32), xp))
        assert np.isfinite(order).all()
        feasible = violated == 0
        assert order[feasible].max() < LEAST_VIOLATED < order[~feasible].min()
        np.testing.assert_array_equal(
            np.argsort(order[feasible]), np.argsort(losses[feasible].astype(np.float32))
        )
        for a, b in ((1e-30, 1e-5), (1e-5, 1), (1, 1e9)):
            assert order[violated == a].max() < order[violated == b].min()
        assert np.isnan(ranked(1.0, np.nan, xp))
        np.testing.assert_array_equal(np.isinf(told(order)), ~feasible)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (3, "must be a function of params, or a list of functions, got 3"),
        ([at_least_one, "x"], "or a list of functions, got 'x'"),
        (lambda x: "no", "must return numbers that are to be at most 0, got str"),
        (lambda x: x[0] > 0, "must return numbers that are to be at most 0, got bool"),
        (lambda x: None, "must return numbers that are to be at most 0, got"),
    ],
)
def test_what_are_no_constraints(constraints, message, compiled) -> None:
    with pytest.raises(InputError, match=message):
        minimize(
            lambda x: x[0], START, "cma_es", constraints=constraints, compiled=compiled,
            evaluations=100,
        )  # fmt: skip


def test_what_is_refused_beside_them() -> None:
    def python(x):
        return -1.0 if float(x[0]) > 0 else 1.0

    for settings, message in [
        ({"constraints": python}, "constraints must be made of JAX operations"),
        ({"strategy": "spsa"}, r"got spsa, which goes by how much they differ\. Name 'cma_es'"),
        ({"strategy": strategies.get("pgpe", shaping="raw")}, "pgpe with shaping='raw'"),
        ({"strategy": Restarts(strategies.get("ars"))}, "got ars, which goes by"),
        ({"log": "never.seeds", "strategy": "snes"}, "log must be left out with bounds, integ"),
    ]:
        given = {"strategy": "cma_es", "constraints": at_least_one, "evaluations": 300, **settings}
        with pytest.raises(InputError, match=message):
            minimize(loss, START, **given)
    with pytest.raises(InputError, match="must not return a measure 'violation'"):
        minimize(lambda x: (x[0], {"violation": x[0]}), START, constraints=at_least_one)


def test_a_constrained_function_can_be_sent_to_other_processes() -> None:
    import pickle  # noqa: PLC0415 - nothing else here

    again = pickle.loads(pickle.dumps(Constrained(np.sum, (np.max,), ("a",))))
    assert again(np.array([-1.0, -2.0])) == (-3, {"violation": 0})


# --- Known minima ---------------------------------------------------------------------------------


def g06(x):
    return (x[0] - 10) ** 3 + (x[1] - 20) ** 3


def of_g06(x):
    return jnp.stack(
        [100 - (x[0] - 5) ** 2 - (x[1] - 5) ** 2, (x[0] - 6) ** 2 + (x[1] - 5) ** 2 - 82.81]
    )


def of_sphere(x):
    return jnp.stack([1 - x[0], 1 - x[1]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["cma_es", "sep_cma_es", "xnes", "snes", "lm_ma_es", "differential_evolution",
     "genetic_algorithm", "particle_swarm", "hill_climbing", "openai_es", "pgpe"],
)  # fmt: skip
def test_strategies_come_to_known_minima(name) -> None:
    sphere = minimize(
        lambda x: jnp.sum(x**2), np.full(5, 3.0), name, constraints=of_sphere, bounds=(-5, 5),
        evaluations=10_000,
    )  # fmt: skip
    assert sphere.feasible
    assert sphere.best_loss < (2.01 if name in ("cma_es", "sep_cma_es", "xnes", "snes") else 8)
    if name == "cma_es":
        narrow = minimize(
            g06, [50.0, 50.0], name, constraints=lambda x: of_g06(jnp.stack(x)),
            bounds=[(13, 100), (0, 100)], evaluations=20_000,
        )  # fmt: skip
        assert narrow.best_loss == pytest.approx(-6961.81, rel=1e-3)


@pytest.mark.parametrize("compiled", [True, False])
def test_constraints_that_say_nothing_at_the_start_are_refused(compiled) -> None:
    with pytest.raises(InputError, match="constraints must return numbers at params, got NaN"):
        minimize(
            lambda x: (x * x).sum(),
            np.ones(2, np.float32),
            constraints=lambda x: x[0] * float("nan"),
            evaluations=100,
            compiled=compiled,
        )
