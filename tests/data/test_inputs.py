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
    assert inputs.of_columns(preprocessing, 3) == [[0, 2], [1], [3, 4]]
    assert inputs.of_columns(None, 2) == [[0], [1]]


def test_columns_may_have_names_of_inputs_of_others():
    names = ("a", "a = x", "day", "day: year")
    features = np.column_stack([np.arange(6) % 2, np.arange(6), 19_000 + np.arange(6), np.ones(6)])
    features[0, 1] = np.nan
    columns = Columns(features, names, (("x", "z"), None, None, None), (None, None, "date", None))
    preprocessing = Preprocessing.fit(columns)
    made = preprocessing.input_names
    groups = [[made[k] for k in group] for group in inputs.of_columns(preprocessing, 4)]
    assert groups[0] == ["a = x'", "a = z"]
    assert groups[1] == ["a = x", "a = x is missing"]
    assert groups[2][:2] == ["day", "day: year"]
    assert (len(groups[2]), groups[3]) == (6, ["day: year'"])


def test_numbers_are_those_of_the_table(fitted):
    columns, preprocessing = fitted
    seen = preprocessing.transform(columns)
    found = inputs.numbers(preprocessing, 1, seen[:, 1])
    np.testing.assert_allclose(found, columns.features[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(inputs.numbers(None, 1, seen[:, 1]), seen[:, 1])
