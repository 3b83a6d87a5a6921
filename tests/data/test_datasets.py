import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from gradless import book
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset, load, split
from gradless.data.named import DATASETS, spiral, vertical
from helpers.errors import message_of


def regression(features, targets) -> Dataset:
    features = np.asarray(features, dtype=np.float32)
    names = tuple(f"f{column}" for column in range(features.shape[1]))
    return Dataset("numbers", features, np.asarray(targets, dtype=np.float32), names, None)


def classification(targets, classes: int) -> Dataset:
    features = np.arange(len(targets), dtype=np.float32)[:, None]
    names = tuple(f"c{index}" for index in range(classes))
    return Dataset("groups", features, np.asarray(targets, dtype=np.int32), ("row",), names)


# --- Dataset --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (
            {"features": np.zeros((2, 1), np.int64)},
            "float32 or float64 of shape (samples, features), got int64 of shape (2, 1)",
        ),
        ({"features": np.zeros(2, np.float32)}, "got float32 of shape (2,)"),
        ({"features": np.zeros((0, 1), np.float32)}, "got float32 of shape (0, 1)"),
        ({"features": np.zeros((2, 0), np.float32)}, "got float32 of shape (2, 0)"),
        ({"features": np.full((2, 1), np.nan, np.float32)}, "got NaN or infinity"),
        ({"targets": np.zeros(3, np.int32)}, "int32 of shape (2,), got int32 of shape (3,)"),
        ({"targets": np.zeros(2, np.int64)}, "got int64 of shape (2,)"),
        ({"class_names": None}, "targets must be float32 or float64 of shape (2,)"),
        ({"targets": np.array([0, 2], np.int32)}, "from 0 to 1, got 0 to 2"),
        ({"targets": np.array([-1, 1], np.int32)}, "got -1 to 1"),
        ({"feature_names": ("a", "b")}, "must be 1 different ones"),
        (
            {"features": np.zeros((2, 2), np.float32), "feature_names": ("a", "a")},
            "must be 2 different ones",
        ),
    ],
)
def test_a_dataset_refuses_parts_that_do_not_belong_together(change, fragment):
    parts = {
        "name": "broken",
        "features": np.zeros((2, 1), np.float32),
        "targets": np.array([0, 1], np.int32),
        "feature_names": ("a",),
        "class_names": ("no", "yes"),
    }
    Dataset(**parts)
    with pytest.raises(InputError) as error:
        Dataset(**parts | change)
    assert fragment in message_of(error)
    assert message_of(error).startswith("broken: ")


def test_a_regression_dataset_has_one_output():
    data = regression([[1, 2], [3, 4], [5, 6]], [0.5, 1.5, 2.5])
    assert (data.n_samples, data.n_features, data.n_outputs) == (3, 2, 1)
    assert not data.is_classification


# --- Data sets by name ----------------------------------------------------------------------------


def test_names_of_the_data_sets():
    assert list(DATASETS) == [
        *("spiral", "vertical", "moons", "circles"),
        *("iris", "wine", "breast-cancer", "digits"),
    ]


@pytest.mark.parametrize("name", DATASETS)
def test_each_data_set_is_what_the_registry_says(name):
    info, data = DATASETS[name], load(name)
    assert data.name == name
    assert data.features.shape == (info.samples, info.features)
    assert data.features.dtype == np.float32
    assert data.targets.shape == (info.samples,)
    assert data.targets.dtype == np.int32
    assert sorted(set(data.targets.tolist())) == list(range(info.classes))
    assert data.n_outputs == len(set(data.class_names)) == info.classes
    assert data.is_classification
    assert info.planar == (data.n_features == 2)
    assert all(type(text) is str for text in data.feature_names + data.class_names)
    assert len(info.description.splitlines()) == 1


@pytest.mark.parametrize("name", DATASETS)
def test_only_generated_data_sets_depend_on_the_seed(name):
    first, again, other = (load(name, seed=seed).features for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) != DATASETS[name].generated


@pytest.mark.parametrize("name", DATASETS)
def test_numpys_global_generator_is_left_alone(name):
    before = np.random.get_state(legacy=False)["state"]
    split(load(name), 0.25, seed=0)
    after = np.random.get_state(legacy=False)["state"]
    assert np.array_equal(before["key"], after["key"])
    assert before["pos"] == after["pos"]


@pytest.mark.parametrize(
    ("ours", "chapter"), [(spiral, book.spiral_data), (vertical, book.vertical_data)]
)
def test_the_books_data_sets_are_the_chapters(ours, chapter):
    state = np.random.get_state()
    try:
        book.init(0)
        expected_features, expected_targets = chapter(100, 3)
    finally:
        np.random.set_state(state)
    features, targets = ours(100, 3, np.random.RandomState(0))
    assert np.array_equal(features, expected_features)
    assert features.dtype == expected_features.dtype == np.float32
    assert np.array_equal(targets, expected_targets)
    assert targets.dtype == expected_targets.dtype == np.uint8

    data = load(ours.__name__)
    assert np.array_equal(data.features, expected_features)
    assert np.array_equal(data.targets, expected_targets)


def test_spiral_arms_start_at_the_origin_and_end_on_the_unit_circle():
    features, targets = spiral(50, 4, np.random.RandomState(1))
    radius = np.hypot(*features.T).reshape(4, 50)
    assert np.allclose(radius, np.linspace(0, 1, 50), atol=1e-6)
    assert np.array_equal(targets, np.repeat([0, 1, 2, 3], 50))


def test_vertical_clouds_stand_side_by_side():
    features, targets = vertical(10_000, 3, np.random.RandomState(1))
    for k in range(3):
        cloud = features[targets == k]
        assert np.allclose(cloud.mean(axis=0), [k / 3, 0.5], atol=0.005)
        assert np.allclose(cloud.std(axis=0), 0.1, atol=0.005)


@pytest.mark.parametrize(
    ("source", "options", "fragment"),
    [
        ("sprial", {}, "unknown data set 'sprial'; did you mean 'spiral'?"),
        ("sprial", {}, "or the path of a CSV, Parquet or Excel file"),
        ("", {}, "unknown data set ''"),
        ("no/such/file", {}, "no/such/file: no such file"),
        ("irs.csv", {}, "irs.csv: no such file"),
        ("IRS.CSV", {}, "IRS.CSV: no such file"),
        ("irs.pq", {}, "irs.pq: no such file"),
        ("irs.ods", {}, "irs.ods: no such file"),
        ("two\nlines.csv", {}, "'two\\nlines.csv': no such file"),
        ("iris", {"target": "species"}, "option for files"),
        ("iris", {"task": "regression"}, "option for files"),
        ("spiral", {"seed": -1}, "got -1"),
        ("spiral", {"seed": 2**32}, "from 0 to 2**32 - 1"),
        ("spiral", {"seed": 0.5}, "got 0.5"),
    ],
)
def test_a_source_that_cannot_be_loaded(source, options, fragment):
    with pytest.raises(InputError) as error:
        load(source, **options)
    assert fragment in message_of(error)


def test_the_books_data_sets_start_without_scikit_learn_and_jax():
    program = (
        "import sys, gradless.data.datasets; gradless.data.datasets.load('spiral'); "
        "print({'jax', 'sklearn'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (run.stdout.strip(), run.stderr) == ("set()", "")


# --- Split ----------------------------------------------------------------------------------------


def test_split_keeps_every_sample_once_and_the_proportions_of_the_classes():
    data = classification(np.repeat([0, 1, 2], [60, 30, 10]), 3)
    train, test = split(data, 0.2, seed=5)
    rows = np.concatenate([train.features, test.features])[:, 0].astype(int)
    assert sorted(rows) == list(range(100))
    assert np.bincount(train.targets).tolist() == [48, 24, 8]
    assert np.bincount(test.targets).tolist() == [12, 6, 2]
    for part in (train, test):
        assert np.array_equal(part.targets, data.targets[part.features[:, 0].astype(int)])
        assert (part.name, part.class_names) == (data.name, data.class_names)
        assert (part.features.dtype, part.targets.dtype) == (np.float32, np.int32)


def test_split_depends_on_the_seed_alone():
    data = load("iris")
    first, again, other = (split(data, 0.3, seed=seed)[1].features for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_split_of_a_regression_rounds_the_test_samples_up():
    train, test = split(regression(np.arange(10)[:, None], np.arange(10)), 0.11, seed=0)
    assert (train.n_samples, test.n_samples) == (8, 2)
    assert sorted(np.concatenate([train.targets, test.targets])) == list(range(10))


@pytest.mark.parametrize("fraction", [0, 1, -0.2, 1.5, 20, float("nan"), float("inf")])
def test_split_refuses_what_is_not_a_fraction(fraction):
    with pytest.raises(InputError) as error:
        split(load("iris"), fraction, seed=0)
    assert f"between 0 and 1, got {fraction!r}" in message_of(error)


@pytest.mark.parametrize(
    ("data", "fraction", "fragment"),
    [
        (classification([0, 0, 0, 1, 2, 2], 3), 0.5, "got one of 'c1'"),
        (classification([0, 0, 1, 1, 2, 2], 3), 0.2, "got 4 and 2"),
        (classification([0, 0, 1, 1, 2, 2], 3), 0.6, "at least 3 samples each"),
        (regression([[1], [2]], [1, 2]), 0.9, "got 0 and 2"),
        (regression([[1]], [1]), 0.5, "at least 1 samples each"),
    ],
)
def test_split_refuses_parts_that_are_too_small(data, fraction, fragment):
    with pytest.raises(InputError) as error:
        split(data, fraction, seed=0)
    assert fragment in message_of(error)


def test_split_works_at_the_smallest_sizes():
    train, test = split(classification([0, 0, 1, 1], 2), 0.5, seed=0)
    assert sorted(train.targets) == sorted(test.targets) == [0, 1]
    # A class without any sample is no obstacle.
    split(classification([0, 0, 2, 2], 3), 0.5, seed=0)


def test_split_refuses_a_seed_that_numpy_cannot_use():
    with pytest.raises(InputError, match="got -1"):
        split(load("iris"), 0.5, seed=-1)


def test_what_an_objective_looks_at_goes_with_its_rows():
    data = load("iris")
    numbered = dataclasses.replace(data, extras={"value": np.arange(len(data.targets))})
    for part in split(numbered, 0.2, seed=0):
        rows = part.extras["value"]
        np.testing.assert_array_equal(part.features, data.features[rows])
