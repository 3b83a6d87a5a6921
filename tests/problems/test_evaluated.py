"""What was evaluated is told, and what is known is a better start."""

import numpy as np
import pytest

from gradless import InputError, minimize
from gradless.problems.evaluated import Evaluated, best_of, known_of, spread_of

START = {"x": np.float32([3.0, -2.0, 0.5]), "y": 1.0}


def bowl(params) -> float:
    x = np.asarray(params["x"], np.float64) * [1, 10, 100]
    return float(np.sum((x - 1) ** 2)) + (params["y"] - 2) ** 2


@pytest.fixture(scope="module")
def search():
    calls, records = [], []

    def told(params):
        calls.append((params["x"].copy(), params["y"], bowl(params)))
        if len(calls) == 30:
            raise ValueError
        return calls[-1][-1]

    found = minimize(
        told, START, "cma_es", compiled=False, evaluations=100, keep_evaluated=True,
        callback=records.append,
    )  # fmt: skip
    return found, calls, records


def test_every_point_is_told_with_its_loss(search) -> None:
    found, calls, _ = search
    # The first call looks whether there is a mistake, and the last judges the center.
    called = calls[1 : 1 + found.evaluations]
    assert len(found.evaluated.losses) == found.evaluations
    np.testing.assert_array_equal(found.evaluated.points["x"], [x for x, _, _ in called])
    np.testing.assert_array_equal(found.evaluated.points["y"], [y for _, y, _ in called])
    losses = np.array([loss for _, _, loss in called])
    losses[28] = np.nan  # the exception
    np.testing.assert_array_equal(found.evaluated.losses, losses)
    assert np.nanmin(losses) == found.best_loss
    assert found.evaluated.points["x"].dtype == np.float32


def test_callbacks_see_what_is_new(search) -> None:
    found, _, records = search
    parts = [record.evaluated for record in records]
    assert len(parts) > 1
    for name in START:
        whole = np.concatenate([part.points[name] for part in parts])
        np.testing.assert_array_equal(whole, found.evaluated.points[name])
    np.testing.assert_array_equal(np.concatenate([p.losses for p in parts]), found.evaluated.losses)


def test_nothing_is_kept_unless_it_is_asked_for(search) -> None:
    again = minimize(bowl, START, "cma_es", compiled=False, evaluations=40)
    assert again.evaluated is None
    with pytest.raises(InputError, match="keep_evaluated must be False for a compiled function"):
        minimize(lambda p: p["y"], START, keep_evaluated=True)


def test_what_is_known_gives_start_and_scale() -> None:
    points = {"x": np.zeros((4, 3)), "y": np.array([1.0, 2.0, 4.0, 9.0])}
    points["x"][1] = [3, 0, 0]
    known = known_of((points, [0.5, 1.0, 2.0, np.nan]), START)
    assert len(known.losses) == 3
    best = best_of(known, START)
    assert (best["x"].tolist(), best["x"].dtype, best["y"]) == ([0, 0, 0], np.float32, 1.0)
    spread = spread_of(known)  # of one other in the better half
    assert spread["y"] == 1.0
    np.testing.assert_allclose(spread["x"], [3, 5**0.5, 5**0.5])
    assert spread_of(known_of((points["y"][:1], [0.0]), 0.5)) is None
    as_list = [{"x": x, "y": y} for x, y in zip(points["x"], points["y"], strict=True)]
    listed = known_of((as_list, [0.5, 1.0, 2.0, np.nan]), START)
    np.testing.assert_array_equal(listed.points["x"], known.points["x"])


def test_a_search_that_knows_something_is_faster() -> None:
    # Another search of a similar function, as when a simulator has changed a little.
    earlier = minimize(
        bowl, START, "cma_es", compiled=False, evaluations=600, keep_evaluated=True
    ).evaluated
    target = {"compiled": False, "evaluations": 3_000, "target_loss": 1e-3}

    def changed(params):
        return bowl({"x": params["x"] * np.float32(1.02), "y": params["y"] - 0.05})

    cold = minimize(changed, START, "cma_es", **target)
    points = {name: array[300:400] for name, array in earlier.points.items()}
    warm = minimize(
        changed, START, "cma_es", known=Evaluated(points, earlier.losses[300:400]), **target
    )
    assert warm.evaluations < 0.7 * cold.evaluations


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (3, "known must be points and losses, got int"),
        (([[1.0, 2.0]], [1.0]), "known must have numbers like params"),
        (({"x": np.ones((2, 3)), "y": np.ones(2)}, [1.0]), "known must have points of shape"),
        (({"x": np.ones((2, 4)), "y": np.ones(2)}, [1.0, 2.0]), "known must have points of shape"),
        (({"x": np.ones((1, 3)), "y": np.ones(1)}, [np.nan]), "known must have a finite loss"),
    ],
)
def test_what_is_no_knowledge_is_refused(known, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        minimize(bowl, START, "cma_es", compiled=False, known=known)


def test_a_search_that_goes_on_knows_enough(search) -> None:
    with pytest.raises(InputError, match="known must be left out with resume_from"):
        minimize(bowl, START, compiled=False, known=search[0].evaluated, resume_from=search[0])
