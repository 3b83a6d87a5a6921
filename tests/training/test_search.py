"""Points are asked for and told in any number and order, and a file keeps what is between."""

import json

import numpy as np
import pytest

from gradless import InputError, Search, minimize
from gradless.strategies.portfolio import Portfolio
from gradless.strategies.scaled import Scaled

START = {"x": np.float32([2.0, -1.0]), "y": 0.5}


def bowl(params) -> float:
    return float(np.sum((params["x"].astype(float) - 1) ** 2) + (params["y"] - 2) ** 2)


def begun(**more) -> Search:
    return Search(START, "cma_es", sigma=0.5, population=6, seed=3, **more)


@pytest.fixture(scope="module")
def usual():
    return minimize(
        bowl, START, "cma_es", sigma=0.5, population=6, seed=3, compiled=False, evaluations=28,
        keep_evaluated=True,
    )  # fmt: skip


def points_of_candidates(found):
    """Those of four generations, without the center after each."""
    evaluated = found.evaluated.points
    return [(evaluated["x"][i], evaluated["y"][i]) for i in range(28) if i % 7 != 6]


def test_it_asks_for_what_minimize_evaluates(usual) -> None:
    search, asked = begun(), []
    for count in (1, 5, 4, 2, None, 6):
        points = search.ask(count)
        assert len(points) == (count or 6)
        asked += points
        losses = [bowl(point) for point in points]
        search.tell(points[::-1], losses[::-1])
    for (x, y), point in zip(points_of_candidates(usual), asked, strict=True):
        np.testing.assert_array_equal(point["x"], x)
        assert point["y"] == y
        assert point["x"].dtype == np.float32
    assert search.evaluations == 24
    assert search.best_loss == min(map(bowl, asked)) == bowl(search.best)
    assert search.center["x"].dtype == np.float32


def test_more_points_than_a_population_has_may_be_out() -> None:
    search = begun()
    points = search.ask(16)
    assert len({point["x"].tobytes() for point in points}) == 16
    search.tell(points[6:12], [bowl(point) for point in points[6:12]])  # the second is complete
    later = search.ask(3)
    search.tell(points[:6], [0.0, *[np.nan] * 5])  # the first no longer teaches
    assert search.best_loss == 0.0
    np.testing.assert_array_equal(search.best["x"], points[0]["x"])
    fresh = begun()
    again = fresh.ask(12)
    fresh.tell(again[6:], [bowl(point) for point in again[6:]])
    for one, other in zip(fresh.ask(3), later, strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])


def test_it_is_kept_in_a_file_with_points_that_are_out(tmp_path) -> None:
    search, path = begun(bounds=(-3, 3)), tmp_path / "search.safetensors"
    points = search.ask(14)
    search.tell(points[:8], [bowl(point) for point in points[:8]])
    search.save(path)
    again = begun(bounds=(-3, 3)).load(path)
    # As from a table in between.
    texts = [json.dumps([point["x"].tolist(), float(point["y"])]) for point in points[8:]]
    back = [{"x": x, "y": y} for x, y in map(json.loads, texts)]
    for each in (search, again):
        each.tell(back, [bowl(point) for point in points[8:]])
        each.tell(more := each.ask(6), [bowl(point) for point in more])
    assert (again.best_loss, again.evaluations) == (search.best_loss, search.evaluations) == (
        bowl(search.best), 20,
    )  # fmt: skip
    for one, other in zip(again.ask(6), search.ask(6), strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])
    with pytest.raises(InputError, match="must hold a search with"):
        begun(scale=3.0).load(path)


def test_what_was_not_asked_for_is_refused(tmp_path) -> None:
    search = begun()
    points = search.ask(2)
    with pytest.raises(InputError, match="points must be those that ask returned"):
        search.tell([points[0], points[0]], [1.0, 1.0])
    assert search.evaluations == 0
    with pytest.raises(InputError, match="losses must be one number for each of the 2 points"):
        search.tell(points, [1.0])
    with pytest.raises(InputError, match=r"losses must be numbers, got \['a', 'b'\]"):
        search.tell(points, ["a", "b"])
    with pytest.raises(InputError, match="path must be in a folder that exists"):
        search.save(tmp_path / "none" / "search.safetensors")
    with pytest.raises(InputError, match="points must be like params"):
        search.tell([3.0], [1.0])
    with pytest.raises(InputError, match="n must be a whole number, 1 or more, got 0"):
        search.ask(0)


def test_auto_chooses_as_minimize_does() -> None:
    search = Search(START, "auto", bounds=(-5, 5))
    assert isinstance(search.strategy, Scaled)
    assert isinstance(search.strategy.strategy, Portfolio)
    points = search.ask()
    search.tell(points, list(map(bowl, points)))
    assert len(search.ask()) == len(points)
