import numpy as np
import pytest

from gradless.data.equal_rows import all_of_them, merged


def test_equal_rows_are_merged_whatever_their_order():
    rng = np.random.default_rng(0)
    rows, weight = rng.integers(0, 3, (200, 3)).astype(float), rng.random(200)
    found = merged(rows[:, :2], rows[:, 2], weight)
    np.testing.assert_array_equal(rows[found.first[found.number]], rows)
    expected = {}
    for row, each in zip(rows, weight, strict=True):
        expected[tuple(row)] = expected.get(tuple(row), 0) + each
    weights = dict(zip(map(tuple, rows[found.first]), found.weight, strict=True))
    assert weights == pytest.approx(expected)
    order = rng.permutation(200)
    again = merged(rows[order, :2], rows[order, 2], weight[order])
    np.testing.assert_array_equal(rows[order][again.first], rows[found.first])
    assert merged(np.array([[0.0], [-0.0]]), np.zeros(2)).weight.tolist() == [2]


def test_gaps_equal_nothing_and_all_rows_may_be_kept():
    gaps = np.array([[np.nan, 1], [np.nan, 1], [2, 1], [2, 1]])
    assert sorted(merged(gaps, np.zeros(4, np.int32)).weight) == [1, 1, 2]
    every = all_of_them(3)
    assert (every.first.tolist(), every.weight.tolist()) == ([0, 1, 2], [1, 1, 1])
