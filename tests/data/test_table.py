"""CSV files: those that are a data set, those that are refused, and features of unseen rows."""

import csv
from pathlib import Path

import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data.datasets import load
from gradless.data.table import read_features
from helpers.errors import message_of

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
