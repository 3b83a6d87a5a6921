import csv
import dataclasses
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from gradless import book
from gradless._core.errors import InputError
from gradless.data.datasets import Dataset, load, split
from gradless.data.minibatch import minibatch_indices
from gradless.data.named import DATASETS, spiral, vertical
from gradless.data.table import read_features


def message_of(error: pytest.ExceptionInfo[InputError]) -> str:
    """The error's message, which has to fit on one line of a terminal."""
    message = str(error.value)
    assert message.splitlines() == [message]
    return message


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


# --- Minibatches ----------------------------------------------------------------------------------

minibatch = jax.jit(minibatch_indices, static_argnums=(1, 2))
minibatches = jax.jit(jax.vmap(minibatch_indices, in_axes=(0, None, None)), static_argnums=(1, 2))


@pytest.fixture
def compile_quickly():
    """Indices are whole numbers, the same however they are compiled."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


# At most a quarter of the samples is drawn again until distinct, more come from a permutation.
SIZES = [(1, 1), (4, 1), (300, 75), (300, 76), (300, 300), (10**6, 500)]


@pytest.mark.usefixtures("compile_quickly")
@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_a_minibatch_has_distinct_samples_and_depends_on_its_key_alone(n_samples, batch_size):
    batches = [
        np.asarray(minibatch(jax.random.key(seed), n_samples, batch_size)) for seed in range(30)
    ]
    for batch in batches:
        assert batch.shape == (batch_size,)
        assert batch.dtype == np.int32
        assert len(set(batch.tolist())) == batch_size
        assert batch.min() >= 0
        assert batch.max() < n_samples
    again = minibatch(jax.random.key(7), n_samples, batch_size)
    assert np.array_equal(again, batches[7])
    if n_samples > 10 and batch_size < n_samples:
        assert len({tuple(sorted(batch.tolist())) for batch in batches}) == 30


@pytest.mark.usefixtures("compile_quickly")
@pytest.mark.parametrize(("n_samples", "batch_size"), [(16, 4), (16, 5)])
def test_minibatches_choose_all_samples_and_pairs_equally_often(n_samples, batch_size):
    count = 4000
    keys = jax.random.split(jax.random.key(1), count)
    batches = np.asarray(minibatches(keys, n_samples, batch_size))
    chosen = np.zeros((count, n_samples))
    np.put_along_axis(chosen, batches, 1, axis=1)
    together = chosen.T @ chosen / count

    def within_five_deviations(share, expected):
        return (abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / count)).all()

    one = batch_size / n_samples
    assert within_five_deviations(together.diagonal(), one)
    pairs = together[~np.eye(n_samples, dtype=bool)]
    assert within_five_deviations(pairs, one * (batch_size - 1) / (n_samples - 1))


@pytest.mark.parametrize(("n_samples", "batch_size"), [(10, 0), (10, -1), (10, 11), (0, 1)])
def test_a_minibatch_has_at_least_one_sample_and_at_most_all(n_samples, batch_size):
    with pytest.raises(InputError) as error:
        minibatch_indices(jax.random.key(0), n_samples, batch_size)
    assert f"got {batch_size}" in message_of(error)


# --- CSV files that work --------------------------------------------------------------------------


@pytest.fixture
def csv_file(tmp_path):
    """Write a file, text or bytes, and return its path."""

    def write(content: str | bytes, name: str = "table.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def test_csv_classification(csv_file):
    data = load(csv_file("a,label,b\n1,dog,2.5\n3,cat,-4e-1\n5,dog,.5\n", "pets.csv"))
    assert data.name == "pets"
    assert data.feature_names == ("a", "b")
    assert data.class_names == ("cat", "dog")
    assert np.array_equal(data.features, [[1, 2.5], [3, -0.4], [5, 0.5]])
    assert np.array_equal(data.targets, [1, 0, 1])
    assert (data.features.dtype, data.targets.dtype) == (np.float64, np.int32)


def test_csv_regression(csv_file):
    data = load(csv_file("area,price\n10,0.1\n20,0.25\n30,1e3\n"), target="price")
    assert data.class_names is None
    assert data.targets.dtype == np.float64
    assert np.array_equal(data.targets, [0.1, 0.25, 1000])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa,y\n1,u\n2,v\n3,v\n",  # byte order mark
        "a,y\r\n1,u\r\n2,v\r\n3,v\r\n",
        "a,y\r1,u\r2,v\r3,v\r",
        "a,y\n1,u\n2,v\n3,v",  # no line end after the last row
        "\n\na,y\n\n1,u\n  \n2,v\n\n3,v\n\n\n",
        " a , y \n 1 , u\n2\t, v\n 3 ,v \n",
        '"a","y"\n"1","u"\n"2","v"\n"3","v"\n',
        "y,a\nu,1\nv,2\nv,3\n",
    ],
)
def test_csv_dialects(csv_file, text):
    data = load(csv_file(text))
    assert data.feature_names == ("a",)
    assert data.class_names == ("u", "v")
    assert np.array_equal(data.features, [[1], [2], [3]])
    assert np.array_equal(data.targets, [0, 1, 1])


def test_csv_names_are_kept_as_written_but_for_white_space(csv_file):
    text = 'a,"width, in\n  cm","class"\n1,2,"New York, ""NY"""\n3,4,São  Paulo\n5,6,São Paulo\n'
    data = load(csv_file(text))
    assert data.feature_names == ("a", "width, in cm")
    assert data.class_names == ('New York, "NY"', "São Paulo")
    assert np.array_equal(data.targets, [0, 1, 1])


def test_csv_numeric_classes_are_sorted_by_value(csv_file):
    data = load(csv_file("a,y\n0,10\n0,9\n0,-1\n0,9.0\n0,10\n"))
    assert data.class_names == ("-1", "9", "10")
    assert np.array_equal(data.targets, [2, 1, 0, 1, 2])


def test_csv_classes_with_a_word_among_them_are_sorted_as_text(csv_file):
    data = load(csv_file("a,y\n0,10\n0,9\n0,10+\n0,9\n"))
    assert data.class_names == ("10", "10+", "9")


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([k % 20 for k in range(60)], 20),
        ([k % 21 for k in range(60)], None),  # too many for classes
        ([0.5, 1, 0.5, 1], None),
        (["1.0", "2.00", "1", "2e0"], 2),
        (["low", "high", "low", "nearly none"], 3),
        ([f"class {k % 40}" for k in range(80)], 40),
    ],
)
def test_csv_task_is_inferred_from_the_target(csv_file, values, classes):
    data = load(csv_file("a,y\n" + "".join(f"{k},{value}\n" for k, value in enumerate(values))))
    assert (len(data.class_names) if data.class_names else None) == classes


def test_csv_task_can_be_given(csv_file):
    path = csv_file("a,y\n" + "".join(f"{k},{k % 30 + 0.5}\n" for k in range(60)))
    assert load(path, task="classification").n_outputs == 30
    path = csv_file("a,y\n0,1\n0,2\n0,1\n")
    assert np.array_equal(load(path, task="regression").targets, [1, 2, 1])


def test_csv_target_is_found_by_its_usual_names(csv_file):
    header = ["y", "class", "label", "target", "a"]
    while len(header) > 1:
        rows = ["0,1,2,3,4", "4,3,2,1,0", "4,3,0,3,0", "0,1,0,1,4"]
        text = "\n".join([",".join(header), *(row[: 2 * len(header) - 1] for row in rows)])
        expected = next(name for name in ("target", "label", "class", "y") if name in header)
        assert expected not in load(csv_file(text)).feature_names
        header.remove(expected)
    path = csv_file("y,b\n0,1\n0,2\n0,1\n")
    assert load(path, target="b").feature_names == ("y",)


def test_csv_numbers_are_read_exactly(csv_file):
    generator = np.random.default_rng(0)
    exact = generator.normal(size=(5000, 3)) * 10.0 ** generator.integers(-30, 30, (5000, 3))
    rows = "".join(f"{a!r},{b!r},{c!r},{k % 2}\n" for k, (a, b, c) in enumerate(exact.tolist()))
    path = csv_file("a,b,c,y\n" + rows)
    assert np.array_equal(load(path).features, exact)
    largest = float(np.finfo(np.float32).max)
    data = load(csv_file(f"a,y\n{largest!r},0.5\n-3.40282356e38,1\n1e-60,2\n"))
    assert data.features[:, 0].tolist() == [largest, -3.40282356e38, 1e-60]


def test_csv_file_without_its_usual_ending(csv_file, monkeypatch, tmp_path):
    csv_file("a,y\n1,0\n2,1\n3,1\n", "measurements")
    monkeypatch.chdir(tmp_path)
    assert load("measurements").name == "measurements"
    assert load(Path("measurements")).n_samples == 3


# --- CSV files that do not ------------------------------------------------------------------------

GOOD = "a,b,y\n1,2,u\n3,4,v\n5,6,v\n"
MANY = "a,y\n" + "".join(f"{k},{k % 2}\n" for k in range(5000))


@pytest.mark.parametrize(
    ("content", "options", "fragment"),
    [
        # The file
        (b"", {}, "the file is empty"),
        ("\ufeff", {}, "the file is empty"),
        ("\n  \n\n", {}, "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", {}, "line 3: this must be text, got a NUL byte"),
        ("a,y\n1,u\n\0,v\n", {}, "line 3: this must be text, got a NUL byte"),
        ('a,y\n1,u\n2,"v\n3,v\n', {}, "not valid CSV (unexpected end of data)"),
        ('a,y\n1,"u"x\n', {}, "line 2: not valid CSV"),
        ("a,y\n1," + "u" * 200_000 + "\n", {}, "line 2: not valid CSV (field larger than"),
        # The header
        ("a,b,y\n", {}, "no rows below the header"),
        ("a,b,y", {}, "no rows below the header"),
        ("5.1,3.5,0\n4.9,3,1\n", {}, "hold column names, got '5.1', '3.5', '0'; add a"),
        ("a,b,a,b,y\n1,2,3,4,u\n", {}, "several columns are named 'a', 'b'"),
        ("a, a,y\n1,2,u\n", {}, "several columns are named 'a'"),
        # Rows
        ("a,b,y\n1,2,u\n\n1,v\n", {}, "3 cells as the header has, got 2"),
        ("a,b,y\n1,2,u\n1,2,3,v\n", {}, "3 cells as the header has, got 4"),
        ('a,b,y\n"1\n",2,u\n1,v\n', {}, "3 cells as the header has, got 2"),
        # Cells
        ("a,b,y\n,,u\n,,v\n,,v\n", {}, "to learn from, got 'a' (no filled cell), 'b' (no filled"),
        ("a,b,y\n1,2,u\n1,,v\n1,2,v\n", {}, "numbers without gaps, got gaps in 'b'"),
        ("a,b,y\n1,x,u\n1,y,v\n1,x,v\n", {}, "numbers without gaps, got categories in 'b'"),
        ("a,b,y\n1,2,u\n2,inf,v\n3,4,v\n", {}, "numbers without gaps, got gaps in 'b'"),
        (MANY + "x,1\n", {}, "numbers without gaps, got gaps in 'a'"),
        # The target
        ("a,b,c\n1,2,3\n", {}, "Use --target NAME with one of: 'a', 'b', 'c'"),
        (",".join(f"f{k}" for k in range(784)) + "\n", {}, "'f19', ... (784 in all)"),
        (GOOD, {"target": "Y"}, "unknown target column 'Y'"),
        ("a,species\n1,u\n", {"target": "speices"}, "did you mean 'species'?"),
        ("y\nu\nv\n", {}, "got 'y' alone"),
        ("a,y\n1,u\n2,u\n", {}, "column 'y': there must be two classes or more, got 'u' alone"),
        ("a,y\n1,1\n2,1.0\n", {}, "column 'y': there must be two classes or more, got '1' alone"),
        ("a,y\n1,u\n", {}, "two rows of data or more, got one"),
        ("a,y\n1,u\n2,v\n", {}, "a class of its own for each of the 2 rows"),
        ("a,b\n1,2\n3,4\n", {"target": "b"}, "a class of its own for each of the 2 rows"),
        ("a,y\n1,\n2,\n", {}, "column 'y': the target must have values, got no filled cell"),
        (GOOD, {"task": "regression"}, "line 2, column 'y': 'u' is not a number"),
        (GOOD, {"task": "regression"}, "--task classification"),
        (GOOD, {"task": "clasification"}, "unknown task 'clasification'"),
    ],
)
def test_csv_files_that_cannot_be_used(csv_file, content, options, fragment):
    path = csv_file(content)
    with pytest.raises(InputError) as error:
        load(path, **options)
    message = message_of(error)
    assert fragment in message
    assert len(message) < 600
    if "unknown task" not in message:
        assert message.startswith(path)


def test_a_directory_is_not_a_csv_file(tmp_path):
    with pytest.raises(InputError) as error:
        load(str(tmp_path))
    assert "no table here; name a file, a folder of tables or a pattern" in message_of(error)


# --- Features of unseen rows ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "b,a\n2,1\n4,3\n",
        "id,b,y,a,note\nx7,2,u,1,\nx8,4,,3,inf\n",  # what is not asked for is not looked at
    ],
)
def test_features_are_read_by_name(csv_file, text):
    features = read_features(csv_file(text), ("a", "b"))
    assert features.dtype == np.float64
    assert np.array_equal(features, [[1, 2], [3, 4]])


def test_one_feature_of_one_row(csv_file):
    assert read_features(csv_file("a\n7\n"), ("a",)).tolist() == [[7]]


def test_features_read_back_are_those_of_training(csv_file, tmp_path):
    data = load("wine")
    path = tmp_path / "wine.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["target", *data.feature_names])
        writer.writerows([k, *row] for k, row in zip(data.targets, data.features, strict=True))
    read = read_features(path, data.feature_names)
    assert np.array_equal(read.astype(np.float32), data.features)
    again = load(path)
    assert np.array_equal(again.features, read)
    assert np.array_equal(again.targets, data.targets)
    assert again.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("a,c,y\n1,2,u\n", "no column named 'b'. There must be one for each of the 2 features"),
        ("A,B\n1,2\n", "no column named 'a', 'b'"),
        ("a,b\n1,x\n", "line 2, column 'b': 'x' is not a number"),
        ("b,a\n1,\n", "line 2, column 'a': missing value '"),
        ("a,b\n1,2\n1,inf\n", "line 3, column 'b': 'inf' must be a finite number"),
        ("a,b\n", "no rows below the header"),
        ("a,b\n1\n", "line 2: the row must have 2 cells as the header has, got 1"),
        ("1,2\n3,4\n", "the first line must hold column names, got '1', '2'"),
        ("", "the file is empty"),
    ],
)
def test_features_that_cannot_be_read(csv_file, content, fragment):
    path = csv_file(content)
    with pytest.raises(InputError) as error:
        read_features(path, ("a", "b"))
    assert fragment in message_of(error)
    assert message_of(error).startswith(path)


def test_features_of_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_features(tmp_path / "unseen.csv", ("a",))


def test_what_an_objective_looks_at_goes_with_its_rows():
    data = load("iris")
    numbered = dataclasses.replace(data, extras={"value": np.arange(len(data.targets))})
    for part in split(numbered, 0.2, seed=0):
        rows = part.extras["value"]
        np.testing.assert_array_equal(part.features, data.features[rows])
