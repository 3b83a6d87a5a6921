import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data.parts import divide

NAMES = ("a", "b", "c")


def parts(targets, names=NAMES, test=0.25, validation=None, seed=0):
    return divide("table", targets, names, test=test, validation=validation, seed=seed)


def classes(*counts):
    targets = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    return np.random.default_rng(0).permutation(targets)


def test_the_parts_share_no_row_and_miss_none():
    targets = classes(200, 80, 20)
    found = parts(targets)
    train, validation, test = found[:3]
    assert sorted([*train, *validation, *test]) == list(range(300))
    assert (len(train), len(validation), len(test), found.note) == (180, 45, 75, None)
    for rows, expected in ((train, [120, 48, 12]), (validation, [30, 12, 3]), (test, [50, 20, 5])):
        assert np.bincount(targets[rows]).tolist() == expected


def test_test_rows_do_not_depend_on_validation_and_training_rows_keep_their_order():
    targets = classes(200, 80, 20)
    without, with_some = parts(targets, validation=0), parts(targets, validation=0.4)
    np.testing.assert_array_equal(without.test, with_some.test)
    assert len(without.validation) == 0
    kept = without.train[np.isin(without.train, with_some.train)]
    np.testing.assert_array_equal(kept, with_some.train)


def test_the_seed_decides():
    targets = np.linspace(0, 1, 100, dtype=np.float32)
    first, same, other = (parts(targets, None, seed=seed) for seed in (3, 3, 4))
    assert [len(rows) for rows in first[:3]] == [60, 15, 25]
    np.testing.assert_array_equal(first.validation, same.validation)
    assert set(first.validation) != set(other.validation)


def test_each_class_is_in_each_part_if_it_has_two_rows_to_train_on():
    targets = classes(100, 2, 1)
    found = parts(targets, test=0, validation=0.1)
    assert np.bincount(targets[found.train]).tolist() == [90, 1, 1]
    assert np.bincount(targets[found.validation]).tolist() == [10, 1]
    assert "'c'" in found.note
    assert "'b'" not in found.note


def test_few_rows_are_all_for_training_unless_one_asks():
    targets = classes(10, 10, 10)
    found = parts(targets, test=0)
    assert len(found.validation) == 0
    assert "30 training rows are too few" in found.note
    assert len(parts(targets, test=0, validation=0.2).validation) == 6
    assert parts(targets, test=0, validation=0).note is None


@pytest.mark.parametrize("share", [-0.1, 1, 2.0, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="--validation must be a share from 0 to below 1, got"):
        parts(classes(20, 20, 20), validation=share)


def test_a_part_without_rows_is_refused():
    numbers = np.arange(8, dtype=np.float32)
    assert len(parts(numbers, None, test=0, validation=0.01).validation) == 1
    with pytest.raises(InputError, match=r"--validation must leave .*got 0.99 of 8 training rows"):
        parts(numbers, None, test=0, validation=0.99)
    with pytest.raises(InputError, match=r"must leave rows.*got 0.5 of 3 training rows"):
        parts(classes(1, 1, 1), test=0, validation=0.5)


def test_equal_rows_are_one_sample_and_are_in_one_part():
    rng = np.random.default_rng(0)
    features, targets = rng.integers(0, 9, (200, 2)).astype(float), classes(100, 100)
    find = {"test": 0, "validation": None, "seed": 0}
    found = divide("table", targets, ("a", "b"), features=features, **find)
    rows = np.column_stack([features, targets])
    for every, (first, weight) in (
        (found.train, found.samples),
        (found.validation, found.held_out),
    ):
        assert len(np.unique(rows[every], axis=0)) == len(first) < len(every)
        assert weight.sum() == len(every)
        np.testing.assert_array_equal(rows[first], np.unique(rows[every], axis=0))
    shared = {tuple(row) for row in rows[found.train]} & {
        tuple(row) for row in rows[found.validation]
    }
    assert not shared
    order = rng.permutation(200)
    again = divide("table", targets[order], ("a", "b"), features=features[order], **find)
    np.testing.assert_array_equal(rows[order][again.samples[0]], rows[found.samples[0]])
    np.testing.assert_array_equal(again.held_out[1], found.held_out[1])


# --- Rows that belong together --------------------------------------------------------------------


@pytest.mark.parametrize("names", [("u", "v"), None])
def test_a_group_is_in_one_part(names):
    random = np.random.default_rng(0)
    groups = random.integers(0, 40, 400)
    targets = random.integers(0, 2, 400).astype(np.int32 if names else np.float64)
    parts = divide(
        "t", targets, names, test=0.25, validation=0.2, seed=0,
        features=random.normal(size=(400, 2)), groups=groups,
    )  # fmt: skip
    inside = [set(groups[rows].tolist()) for rows in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, inside)) == 40
    assert all(inside)
    assert 60 < len(parts.test) < 140
    with pytest.raises(InputError, match="--group must name a column of two groups or more, got 1"):
        divide("t", targets, names, test=0.25, validation=0.2, seed=0, groups=np.zeros(400, int))


def test_the_last_rows_test_and_those_before_validate():
    random = np.random.default_rng(0)
    times, targets = random.permutation(100).astype(float), random.normal(size=100)
    parts = divide("t", targets, None, test=0.25, validation=0.2, seed=0, times=times)
    assert times[parts.train].max() < times[parts.validation].min()
    assert times[parts.validation].max() < times[parts.test].min()
    assert [len(rows) for rows in (parts.train, parts.validation, parts.test)] == [60, 15, 25]
    with pytest.raises(InputError, match="--time-column must have two different times or more"):
        divide("t", targets, None, test=0.25, validation=0.2, seed=0, times=np.ones(100))


def test_copies_of_training_rows_do_not_test():
    features = np.random.default_rng(0).normal(size=(200, 2))
    features[150:] = features[:50]
    features[0, 1] = features[150, 1] = np.nan
    targets = np.arange(200) % 2
    arguments = {"test": 0.25, "validation": 0.0, "seed": 0, "features": features}
    names = ("u", "v")
    before = divide("t", targets.astype(np.int32), names, **arguments)
    parts = divide("t", targets.astype(np.int32), names, **arguments, apart=True)
    rows = {tuple(np.nan_to_num(features[row], nan=9.0)) for row in parts.train}
    assert not {tuple(np.nan_to_num(features[row], nan=9.0)) for row in parts.test} & rows
    moved = len(before.test) - len(parts.test)
    assert moved > 0
    assert f"{moved} test rows equal some of training and moved there" in (parts.note or "")
    few = np.arange(200)[:, None] % 4.0  # of few different rows, copies are no copies
    parts = divide(
        "t", targets.astype(np.int32), names, **(arguments | {"features": few}), apart=True
    )
    assert len(parts.test) == 50
    assert "there are few different rows" in (parts.note or "")
