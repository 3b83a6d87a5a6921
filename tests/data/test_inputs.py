"""Inputs belong to the columns that they are made of."""

import numpy as np
import pytest

from gradless.data import inputs
from gradless.data.columns import Columns
from gradless.data.preprocessing import Preprocessing

NAMES = ("size", "size = big", "kind")


@pytest.fixture
def fitted():
    rng = np.random.default_rng(0)
    numbers = rng.normal(1e6, 50, (30, 2))
    numbers[3, 0] = np.nan
    features = np.column_stack([numbers, rng.integers(0, 2, 30)])
    columns = Columns(features, NAMES, (None, None, ("a", "b = c")))
    return columns, Preprocessing.fit(columns)


def test_each_input_is_of_one_column(fitted):
    _, preprocessing = fitted
    assert inputs.of_columns(NAMES, preprocessing.input_names) == [[0, 2], [1], [3, 4]]


@pytest.mark.parametrize(
    ("columns", "names", "expected"),
    [
        (["day"], ["day: year", "day: weekday, sine"], [[0, 1]]),
        (["a", "a is missing"], ["a", "a is missing", "a is missing'"], [[0], [1, 2]]),
        (["a"], ["b"], None),
        (["a", "b"], ["a"], None),
    ],
)
def test_names_decide(columns, names, expected):
    assert inputs.of_columns(columns, names) == expected


def test_numbers_are_those_of_the_table(fitted):
    columns, preprocessing = fitted
    seen = preprocessing.transform(columns)
    found = inputs.numbers(preprocessing, 1, seen[:, 1])
    np.testing.assert_allclose(found, columns.features[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(inputs.numbers(None, 1, seen[:, 1]), seen[:, 1])
