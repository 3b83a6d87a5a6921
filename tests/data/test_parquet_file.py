"""A Parquet file is the table that its CSV file is."""

import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as arrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from gradless._core.errors import InputError
from gradless.data import csv_file
from gradless.data.table import Table, read_columns, read_features, read_labelled, read_table


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.parquet"


def write(path, **columns) -> None:
    parquet.write_table(arrow.table(columns), path)


def same(one: Table, other: Table) -> bool:
    texts = [
        [table.columns.texts(k).tolist() for k, kind in enumerate(table.columns.kinds)
         if kind == "category"]
        for table in (one, other)
    ]  # fmt: skip
    numbers = [kind == "number" for kind in one.columns.kinds]
    return (
        one.columns.kinds == other.columns.kinds
        and np.array_equal(one.features[:, numbers], other.features[:, numbers], equal_nan=True)
        and np.array_equal(one.targets, other.targets)
        and (one.feature_names, one.class_names) == (other.feature_names, other.class_names)
        and texts[0] == texts[1]
    )


cells = {
    "int": st.integers(-(2**30), 2**30),
    "float": st.floats(-1e30, 1e30),
    "text": st.sampled_from(["Oslo", "Rome", "Sao Paulo"]),
    "bool": st.booleans(),
    "numbers as text": st.sampled_from(["1", "2.5", "-3e4"]),
}


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data(), st.lists(st.sampled_from(list(cells)), min_size=1, max_size=5))
def test_it_is_read_as_its_csv_file(path, data, kinds):
    rows = data.draw(st.integers(3, 12))
    columns = {}
    for k, kind in enumerate(kinds):
        gaps = data.draw(st.booleans())
        some = cells[kind] | st.none() if gaps else cells[kind]
        column = data.draw(st.lists(some, min_size=rows - 1, max_size=rows - 1))
        columns[f"{kind} {k}"] = [*column, data.draw(cells[kind])]
    frame = pd.DataFrame(
        {name: pd.array(column, dtype=object) for name, column in columns.items()}
    ).assign(y=[("u", "v")[k % 2] for k in range(rows)])
    frame.to_csv(path.with_suffix(".csv"), index=False)
    parquet.write_table(arrow.table({**columns, "y": frame["y"].tolist()}), path)
    read = read_table(path)
    assert same(read, read_table(path.with_suffix(".csv")))
    # By its first bytes, whatever it is called.
    renamed = path.rename(path.with_suffix(".data"))
    assert same(read_table(renamed), read)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (arrow.int8(), [1, 2, None]),
        (arrow.uint64(), [1, 2, None]),
        (arrow.float16(), [np.float16(1), np.float16(2), None]),
        (arrow.float32(), [1.0, 2.0, float("nan")]),
        (arrow.decimal128(9, 2), [Decimal("1.00"), Decimal("2.00"), None]),
        (arrow.string(), ["1", "2", ""]),
        (arrow.large_string(), ["1", "2.0", None]),
        (arrow.dictionary(arrow.int8(), arrow.string()), ["1", "2", None]),
        (arrow.dictionary(arrow.int8(), arrow.int64()), [1, 2, None]),
    ],
)
def test_types_of_numbers(path, kind, values):
    write(path, a=arrow.array(values, kind), y=["u", "v", "v"])
    read = read_table(path)
    assert read.columns.kinds == ("number",)
    assert np.array_equal(read.features[:, 0], [1, 2, np.nan], equal_nan=True)


@pytest.mark.parametrize("kind", [arrow.string(), arrow.large_string()])
@pytest.mark.parametrize("encoded", [False, True])
def test_types_of_text(path, kind, encoded):
    texts = arrow.array(["red", None, "red "], kind)
    write(path, a=texts.dictionary_encode() if encoded else texts, y=[True, False, False])
    read = read_table(path)
    assert read.columns.texts(0).tolist() == ["red", None, "red"]
    assert read.class_names == ("False", "True")


def test_columns_by_name_and_with_answers(path):
    write(path, y=["b", "a", "b"], c=[1, 2, 3], a=["x", "z", None], d=[[1], [2], [3]])
    found, targets, _ = read_labelled(
        path, ["a", "c"], ["category", "number"], None, ["a", "b", "c"]
    )
    assert found.texts(0).tolist() == ["x", "z", None]
    assert found.features[:, 1].tolist() == [1, 2, 3]
    assert targets.tolist() == [1, 0, 1]
    assert read_features(path, ["c"]).tolist() == [[1], [2], [3]]
    # Numbers that are categories in training.
    assert read_columns(path, ["c"], ["category"]).texts(0).tolist() == ["1", "2", "3"]
    table = read_table(path, categories=["c"], drop=["d"])
    assert table.columns.kinds == ("category", "category")


def test_regression(path):
    write(path, a=[1, 2, 3], price=[0.1, 0.25, 1e3])
    assert read_table(path, "price").targets.tolist() == [0.1, 0.25, 1000]


def test_blocks_change_nothing(path, monkeypatch):
    numbers = np.random.default_rng(0).normal(size=100)
    write(path, a=numbers, b=[f"k {k % 5}" for k in range(100)], y=["u", "v"] * 50)
    whole = read_table(path)
    monkeypatch.setattr(csv_file, "BLOCK_CELLS", 21)
    monkeypatch.setattr("gradless.data.parquet_file.BLOCK_CELLS", 21)
    assert same(read_table(path), whole)
    assert np.array_equal(whole.features[:, 0], numbers)


@pytest.mark.parametrize(
    ("columns", "fragment"),
    [
        ({"a": [[1], [2]]}, "to learn from, got 'a' (cells of type 'list<"),
        ({"a": [None, None]}, "to learn from, got 'a' (no filled cell)"),
        ({"a": [1, 2], " a": [1, 2]}, "several columns are named 'a'"),
        ({}, "got 'y' alone"),
    ],
)
def test_tables_that_cannot_be_used(path, columns, fragment):
    write(path, **columns, y=["u", "v"])
    with pytest.raises(InputError) as error:
        read_table(path)
    (line,) = str(error.value).splitlines()
    assert line.startswith(str(path))
    assert fragment in line


def test_infinite_numbers_are_gaps_with_a_word_about_them(path):
    write(path, a=[1.0, float("inf"), -1e39, 2.0], y=["u", "v", "u", "v"])
    table = read_table(path)
    assert np.array_equal(table.features[:, 0], [1, np.nan, np.nan, 2], equal_nan=True)
    (note,) = table.notes
    assert "2 cells ('inf', '-1e+39', first in row 2) are read as missing" in note


def test_dates_are_those_of_a_csv_file(path):
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2020-02-28", periods=4).astype(object),
            "moment": pd.date_range("2020-02-28 12:30", periods=4, freq="7h"),
            "y": ["u", "v", "u", "v"],
        }
    )
    frame["day"] = frame["day"].dt.date if hasattr(frame["day"], "dt") else frame["day"]
    frame.to_parquet(path)
    frame.to_csv(path.with_suffix(".csv"), index=False)
    one, other = read_table(path), read_table(path.with_suffix(".csv"))
    assert one.columns.kinds[1] == other.columns.kinds[1] == "date, with times"
    np.testing.assert_array_equal(one.features, other.features)
    assert one.features[0, 0] == np.datetime64("2020-02-28").astype(int)


def test_the_index_of_pandas_is_left_out(path):
    frame = pd.DataFrame({"a": [1, 2, 4, 3], "y": [1, 0, 1, 0]}, index=[5, 6, 7, 9])
    frame.to_parquet(path)
    table = read_table(path)
    assert table.feature_names == ("a",)
    assert [left.name for left in table.left_out] == ["index"]


def test_a_table_without_rows_is_refused(path):
    write(path, a=arrow.array([], arrow.int8()), y=arrow.array([], arrow.string()))
    with pytest.raises(InputError, match="no rows; add at least one"):
        read_table(path)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_refused_or_tables(path, seed):
    write(path, a=[1.0, 2.0, None] * 9, b=["x", "z", None] * 9, y=["u", "v", "u"] * 9)
    data, random = bytearray(path.read_bytes()), np.random.default_rng(seed)
    place = int(random.integers(4, len(data)))
    if seed % 2:
        del data[place:]
    else:
        data[place] ^= int(random.integers(1, 256))
    path.write_bytes(data)
    try:
        table = read_table(path)
    except InputError as error:
        (line,) = str(error).splitlines()
        assert line.startswith(str(path))
    else:
        assert table.features.shape == (27, 2)


def test_without_pyarrow_the_extra_is_named(path, monkeypatch):
    write(path, a=[1, 2, 3], y=["u", "v", "v"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "gradless.data.parquet_file", raising=False)
    with pytest.raises(InputError, match=r'pip install "\.\[parquet\]"'):
        read_table(path)
    monkeypatch.delitem(sys.modules, "gradless.data.parquet_file")


def test_what_says_missing_in_a_column_of_text_is_a_text(path):
    """Here nothing is another thing than the text NA."""
    write(path, c=["NA", None, "DE", ""], n=["1", "NA", None, "2"], y=["NA", "u", "u", "NA"])
    table = read_table(path)
    assert table.columns.texts(0).tolist() == ["NA", None, "DE", None]
    assert np.array_equal(table.features[:, 1], [1, np.nan, np.nan, 2], equal_nan=True)
    assert table.class_names == ("NA", "u")
    assert [note.split(" is read")[0] for note in table.notes] == [
        "column 'c': 'NA'",
        "column 'y': 'NA'",
    ]


def test_numbers_that_mean_missing_and_numbers_as_categories(path):
    write(path, a=[1.0, -999.0, 3.0, np.nan], b=[1.0, 2.0, np.nan, 1.0], y=["u", "v", "u", "v"])
    table = read_table(path, missing=["-999"], categories=["b"])
    assert np.array_equal(table.features[:, 0], [1, np.nan, 3, np.nan], equal_nan=True)
    assert table.columns.texts(1).tolist() == ["1.0", "2.0", None, "1.0"]


@pytest.mark.parametrize("words", ["1.parquet", "2.parquet"])
def test_a_column_of_words_in_one_file_and_of_numbers_in_another_is_categories(tmp_path, words):
    for name in ("1.parquet", "2.parquet"):
        is_words = name == words
        write(
            tmp_path / name,
            a=["x", "1", "x"] if is_words else [1, 2, 1],
            b=[4, 5, 6],
            y=list("uvu"),
        )
    table = read_table(tmp_path)
    found = table.columns.texts(0).tolist()
    parts = [["x", "1", "x"], ["1", "2", "1"]]
    assert [found[:3], found[3:]] == (parts if words == "1.parquet" else parts[::-1])
    assert table.features[:, 1].tolist() == [4, 5, 6, 4, 5, 6]
    used = read_columns(tmp_path, ["a"], ["number"]).features[:, 0]
    assert int(np.isnan(used).sum()) == 2
    assert np.nansum(used) == 5


def test_a_column_of_lists_in_one_of_several_files_is_left_out(tmp_path):
    write(tmp_path / "1.parquet", a=[1, 2], b=[4, 5], y=["u", "v"])
    write(tmp_path / "2.parquet", b=[4, 5], a=[[1], [2]], y=["u", "v"])
    table = read_table(tmp_path)
    assert table.feature_names == ("b",)
    assert "cells of type 'list" in table.left_out[0].why
