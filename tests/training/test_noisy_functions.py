"""Is noise seen, what does that cost, and is the answer better than a lucky evaluation?"""

import numpy as np
import pytest

from gradless import minimize
from gradless.strategies.portfolio import Portfolio

START = [2.0, -1.0, 3.0, 1.0]


class Sphere:
    """A noisy sphere that counts its calls."""

    def __init__(self, noise: float, relative: bool = False, unit: float = 1, offset: float = 0):
        self.calls, self.points = 0, []
        self._chance = np.random.default_rng(0)
        self._noise, self._relative, self._unit, self._offset = noise, relative, unit, offset

    def __call__(self, x: np.ndarray) -> float:
        self.calls += 1
        self.points.append(x.copy())
        scatter = self._noise * self._chance.normal() if self._noise else 0.0
        value = float(x @ x)
        value = value * (1 + scatter) if self._relative else value + scatter
        return self._unit * value + self._offset


def searched(loss: Sphere, **more):
    more = {"evaluations": 1500, **more}
    return minimize(loss, np.array(START), compiled=False, verbose=False, **more)


@pytest.fixture(scope="module")
def noisy():
    loss = Sphere(1.0)
    return searched(loss), loss


def test_the_answer_is_no_lucky_evaluation(noisy) -> None:
    found, loss = noisy
    true = float(found.best @ found.best)
    # The lowest of 1,500 evaluations is about -3; a single one has a deviation of 1.
    assert true < 0.3
    assert abs(found.best_loss - true) < 1.0
    assert float(found.history.column("best_loss")[-1]) < -1
    assert loss.calls <= 1500 + 1


def test_what_was_seen_is_said(noisy) -> None:
    found, _ = noisy
    assert found.noise.deviation == pytest.approx(1.0, abs=0.9)
    assert found.noise.repeats == 15
    assert "Noisy losses" in found.why
    said = str(found)
    assert "losses of the same parameters scatter" in said
    assert "means of 15 evaluations" in said
    assert "the population is" in said
    assert "scatter" in found._repr_html_()


def test_without_noise_one_evaluation_is_all_that_is_spent() -> None:
    loss = Sphere(0.0)
    found = searched(loss, evaluations=200)
    assert found.noise is None
    assert isinstance(found.strategy, Portfolio)
    np.testing.assert_array_equal(loss.points[0], loss.points[1])
    named = Sphere(0.0)
    searched(named, evaluations=200, strategy=found.strategy)
    # The function at params, again, the candidates, and the answer's center as ever.
    assert loss.calls == named.calls + 1


def test_short_searches_do_not_look() -> None:
    loss = Sphere(1.0)
    assert searched(loss, evaluations=99).noise is None


@pytest.mark.parametrize(("unit", "offset"), [(1e-9, 0.0), (1e6, 1e8)])
def test_neither_unit_nor_offset_matter(unit, offset) -> None:
    assert searched(Sphere(1.0, unit=unit, offset=offset), evaluations=150).noise is not None


def test_rounding_is_no_noise() -> None:
    found = searched(Sphere(1e-12), evaluations=150)
    assert found.noise is None
    assert isinstance(found.strategy, Portfolio)


def test_a_lucky_target_is_not_reached() -> None:
    # No sphere has a loss of -1: single evaluations do.
    found = searched(Sphere(1.0), target_loss=-1.0)
    assert found.stopped_because != "target loss reached"
    reached = searched(Sphere(1.0), target_loss=2.0)
    assert reached.stopped_because == "target loss reached"
    assert float(reached.best @ reached.best) < 4
    assert reached.evaluations < 1000


def test_a_noisy_search_goes_on(noisy) -> None:
    found, _ = noisy
    half = searched(Sphere(1.0), evaluations=800)
    more = searched(Sphere(1.0), resume_from=half)
    assert more.noise == half.noise
    assert more.evaluations > half.evaluations
    assert type(more.strategy) is type(found.strategy)


def test_tiny_noise_leaves_the_best_seen_its_chance() -> None:
    """Where a difference is beyond doubt, what was seen counts, and the start as well."""
    found = minimize(
        Sphere(0.01), np.zeros(4), compiled=False, evaluations=150, bounds=(-5, 5), verbose=False
    )
    assert float(found.best @ found.best) == 0


@pytest.mark.slow
def test_processes_evaluate_noisy_candidates() -> None:
    found = minimize(
        noisy_sphere, np.array(START), compiled=False, evaluations=150, n_jobs=2, verbose=False
    )
    assert found.noise is not None


def noisy_sphere(x: np.ndarray) -> float:
    return float(x @ x + np.random.default_rng().normal())
