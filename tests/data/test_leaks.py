"""A column that gives the target away is named, others are not."""

import numpy as np
import pytest

from gradless.data.columns import Columns
from gradless.data.leaks import leaks

NAMES = ("strong", "log", "copy")


def found(columns: np.ndarray, targets: np.ndarray, names: tuple[str, ...] | None) -> list[str]:
    table = Columns(columns, NAMES, (None,) * 3)
    return list(leaks(table, targets, names, "wage"))


@pytest.mark.parametrize("rows", [1000, 5000])
def test_columns_that_say_the_answer_are_named(rows):
    random = np.random.default_rng(0)
    wage = random.lognormal(3, 0.5, rows)
    strong = wage + random.normal(0, 5, rows)
    columns = np.stack([strong, np.log(wage), wage * 1e12], axis=1)
    columns[::50, 1] = np.nan
    lines = found(columns, wage, None)
    assert [line.split()[1] for line in lines] == ["'log'", "'copy'"]
    assert "use --drop copy" in lines[-1]
    classes = (wage > 20).astype(np.int32)
    assert len(found(columns, classes, ("low", "high"))) == 2


@pytest.mark.parametrize("offset", [0.0, 1.7e9, -1e12])
@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e20])
def test_units_and_offsets_do_not_matter(offset, unit):
    random = np.random.default_rng(0)
    wage = random.lognormal(3, 0.5, 500)
    columns = random.normal(size=(500, 3))
    columns[:, 1] = (offset + np.round(100 * np.log(wage))) * unit
    columns[0, 2] = 1e30  # one cell that is wrong
    lines = found(columns, wage * unit, None)
    assert [line.split()[1] for line in lines] == ["'log'"]


def test_strong_columns_are_no_leaks_and_few_rows_say_nothing():
    random = np.random.default_rng(0)
    targets = random.integers(0, 2, 500).astype(np.int32)
    columns = targets[:, None] + random.normal(0, 0.4, (500, 3))
    assert found(columns, targets, ("a", "b")) == []
    assert found(np.stack([targets[:20]] * 3, axis=1) * 1.0, targets[:20], ("a", "b")) == []
    assert found(columns, np.zeros(500, np.int32), ("a",)) == []


def test_classes_of_two_rows_each_are_looked_at_as_well():
    targets = np.repeat(np.arange(20), 2).astype(np.int32)
    columns = np.random.default_rng(0).normal(size=(40, 3))
    assert found(columns, targets, tuple(map(str, range(20)))) == []


def test_columns_that_were_not_looked_at_are_counted():
    random = np.random.default_rng(0)
    targets = random.integers(0, 2, 40).astype(np.int32)
    names = tuple(f"c{k}" for k in range(305))
    columns = random.normal(size=(40, 305))
    columns[:, 2] = columns[:, 302] = targets
    lines = list(leaks(Columns(columns, names, (None,) * 305), targets, ("a", "b"), "wage"))
    assert lines[0].startswith("column 'c2' predicts")
    assert lines[1:] == [
        "the first 300 columns were tried for predicting 'wage' almost alone, the other 5 were not"
    ]
