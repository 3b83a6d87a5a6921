"""Columns as people have them: what is read of each, what is left out, and what is said."""

import datetime
from pathlib import Path

import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data import dates, numerals
from gradless.data.table import read_beside, read_columns, read_table


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "a table.csv"


def column(path: Path, cells: list[str], **options):
    """A table of one column of these cells, with a target that repeats."""
    rows = "".join(f'"{cell}",{k},{"uv"[k % 2]}\n' for k, cell in enumerate(cells))
    path.write_text("x,n,y\n" + rows, encoding="utf-8")
    return read_table(path, **options)


# --- Numbers with more to them --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["$1,234.50", "$7.00", "$12.25"], [1234.5, 7, 12.25]),
        (["1,234", "999", "12,345,678"], [1234, 999, 12345678]),
        (["1 234", "9", "2 000 000"], [1234, 9, 2000000]),
        (["1\u202f234", "9", "5"], [1234, 9, 5]),
        (["1'234", "9", "5"], [1234, 9, 5]),
        (["5 %", "7%", "12.5 %"], [5, 7, 12.5]),
        (["€5", "€6.5", "€7"], [5, 6.5, 7]),
        (["\u22121", "2", "-3"], [-1, 2, -3]),
        (["(1,200)", "900", "(3)"], [-1200, 900, -3]),
        (["\ufeff1", "2", "3"], [1, 2, 3]),
        (["1,5", "2,25", "3"], [1.5, 2.25, 3]),
        (["0,125", "0,250", "0,5"], [0.125, 0.25, 0.5]),
        (["1.234.567", "5", "6"], [1234567, 5, 6]),
        (["1.234,5", "2,25", "9"], [1234.5, 2.25, 9]),
    ],
)
def test_numbers_as_people_write_them(path, cells, expected):
    read = column(path, cells)
    assert read.columns.kinds == ("number", "number")
    assert read.features[:, 0].tolist() == expected
    assert read.notes  # says so
    used = read_columns(path, ["x"], ["number"])
    assert used.features[:, 0].tolist() == expected


@pytest.mark.parametrize("cells", [["$1", "€2", "$3"], ["5%", "0.5", "7%"]])
def test_units_that_cannot_be_compared_are_no_numbers(path, cells):
    assert column(path, cells).columns.kinds[0] == "category"


def test_words_for_unknown_among_numbers_are_gaps_and_said(path):
    read = column(path, ["-", "1.5", "unknown", ".", "?", "2.5", "n.a.", "3.5"])
    known = [1.5, 2.5, 3.5]
    assert read.features[~np.isnan(read.features[:, 0]), 0].tolist() == known
    (note,) = read.notes
    assert "4 cells ('-', 'unknown', '.' and others, first in line 2) are read as missing" in note


def test_a_typing_error_among_numbers_is_a_gap_and_named(path):
    cells = [str(k / 7) for k in range(400)]
    cells[250] = "1O3"
    read = column(path, cells)
    assert np.flatnonzero(np.isnan(read.features[:, 0])).tolist() == [250]
    assert read.notes == (
        "column 'x': 1 cell ('1O3', first in line 252) is not a number and read as missing. Use "
        "--categories x if all its cells are categories",
    )


@pytest.mark.parametrize("block", [1, 7, 2**15])
def test_few_numbers_and_letters_are_categories(path, block, monkeypatch):
    monkeypatch.setattr("gradless.data.csv_file.BLOCK_CELLS", block)
    read = column(path, ["4", "4", "f", "r", "4", "f"] * 5)
    assert read.categories[0] == ("4", "f", "r")
    assert "numbers and texts, such as '4' and 'f', are read as categories" in read.notes[0]
    # Numbers that were read before the first word are read again as texts.
    read = column(path, ["01", "1", *["x", "y", "1", "01"] * 9])
    assert read.categories[0] == ("01", "1", "x", "y")


# --- Dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["2020-01-02", "2020-02-29"], ["2020-01-02", "2020-02-29"]),
        (["2020/1/2", "2020/12/31"], ["2020-01-02", "2020-12-31"]),
        (["2.1.2020", "31.12.2020"], ["2020-01-02", "2020-12-31"]),
        (["2.1.2020", "3.1.2020"], ["2020-01-02", "2020-01-03"]),
        (["01/02/2020", "12/31/2020"], ["2020-01-02", "2020-12-31"]),
        (["01/02/2020", "31/12/2020"], ["2020-02-01", "2020-12-31"]),
        (["1/2/20", "12/31/20"], ["2020-01-02", "2020-12-31"]),
        (["2 Jan 2020", "January 3, 2020"], ["2020-01-02", "2020-01-03"]),
        (["2-Jan-20", "3-Feb-99"], ["2020-01-02", "1999-02-03"]),
        (["2020-01", "2020-02"], ["2020-01-01", "2020-02-01"]),
        (["20 Jan, 2020", "May 2021"], ["2020-01-20", "2021-05-01"]),
    ],
)
def test_days(path, cells, days):
    read = column(path, cells * 2)
    found = np.array(days, "datetime64[D]").astype(float).tolist()
    assert read.features[:, 0].tolist() == found * 2
    used = read_columns(path, ["x"], [read.columns.kinds[0]])
    assert used.features[:, 0].tolist() == found * 2


def test_times(path):
    cells = ["2020-01-02T10:30:00Z", "2020-01-02 22:30", "2020-01-03 00:30:00+02:00"]
    read = column(path, cells)
    first = np.datetime64("2020-01-02").astype(float)
    np.testing.assert_allclose(
        read.features[:, 0] - first, [10.5 / 24, 22.5 / 24, 22.5 / 24], atol=1e-9
    )
    clock = column(path, ["12:30", "10:30 pm", "06:00:00"])
    assert clock.columns.kinds[0] == "clock"
    assert clock.features[:, 0].tolist() == [12.5 / 24, 22.5 / 24, 0.25]


def test_days_and_months_that_cannot_be_told_apart_are_said(path):
    read = column(path, ["01/02/2020", "03/04/2020", "01/02/2021"])
    assert "'01/02/2020' is read as 2020-01-02" in read.notes[0]
    # In training the months came first; so they do when it is used.
    path.write_text("x\n13/02/2020\n")
    with pytest.raises(InputError, match="'13/02/2020' is not a date"):
        read_columns(path, ["x"], [read.columns.kinds[0]])


def test_what_a_network_sees_of_a_date():
    moments = [datetime.datetime(2020, 12, 31, 18), datetime.datetime(2021, 1, 4)]
    values = np.array(
        [(m - datetime.datetime(1970, 1, 1)) / datetime.timedelta(1) for m in moments]
    )
    found = dates.parts(np.append(values, np.nan), "date, with times")
    assert found["year"][:2].tolist() == [2020, 2021]
    np.testing.assert_allclose(found["hour, sine"][:2], [-1, 0], atol=1e-9)
    # A Thursday and a Monday; December and January.
    angle = np.arctan2(found["weekday, sine"], found["weekday, cosine"])[:2] * 7 / (2 * np.pi) % 7
    np.testing.assert_allclose(angle, [3, 0], atol=1e-9)
    np.testing.assert_allclose(found["month, sine"][:2], [np.sin(-np.pi / 6), 0], atol=1e-9)
    assert all(np.isnan(part[2]) for part in found.values())


# --- Columns of no use, and rows without a target -------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("x", ["7"] * 30, "one value, 7, in all rows"),
        ("x", ["red"] * 30, "one value, 'red', in all rows"),
        ("x", [""] * 30, "no filled cell"),
        ("x", [f"id {k}" for k in range(30)], "names or identifiers, 30 different texts"),
        ("x", [f"he said {k} words of it" for k in range(30)], "free text, such as"),
        ("id", [str(k * k) for k in range(30)], "an identifier in each row"),
        ("customer_id", [str(k + 1) for k in range(30)], "row numbers, an index"),
        ("PassengerId", [str(k + 1) for k in range(30)], "row numbers, an index"),
        ("", [str(k) for k in range(30)], "row numbers, an index"),
        ("", [f"name {k}" for k in range(30)], "a name in each row, an index"),
    ],
)
def test_columns_of_no_use_are_left_out_and_said(path, name, cells, why):
    rows = "".join(f"{cell},{k % 7},{'uv'[k % 2]}\n" for k, cell in enumerate(cells))
    path.write_text(f"{name},b,y\n" + rows)
    read = read_table(path)
    assert read.feature_names == ("b",)
    (left,) = read.left_out
    assert why in left.why


@pytest.mark.parametrize("name", ["x", "week", "paid", "grid", "Madrid"])
def test_numbers_that_grow_by_one_are_kept(path, name):
    rows = "".join(f"{k},{k % 7},{'uv'[k % 2]}\n" for k in range(30))
    path.write_text(f"{name},b,y\n" + rows)
    assert read_table(path).feature_names == (name, "b")


def test_rows_without_a_target_are_left_out_and_counted(path):
    path.write_text("a,note,y\n1,p,0.5\n2,q,\n3,p,NA\n4,q,2.5\n5,p,1O\n6,q,3\n7,q,4\n8,q,5\n")
    read = read_table(path, beside=["note"])
    assert read.targets.tolist() == [0.5, 2.5, 3, 4, 5]
    assert read.features[:, 0].tolist() == [1, 4, 6, 7, 8]
    assert read.beside == {"note": ["p", "q", "q", "q", "q"]}
    assert (
        "3 rows without a value in the target 'y' are left out, the first in line 3" in read.notes
    )
    assert "('1O', first in line 6)" in read.notes[1]


def test_whole_numbers_as_classes_are_said_with_what_makes_them_numbers(path):
    path.write_text("a,y\n" + "".join(f"{k},{(1, 2, 5)[k % 3]}\n" for k in range(30)))
    read = read_table(path)
    assert read.class_names == ("1", "2", "5")
    assert "read as 3 classes" in read.notes[0]
    assert "--task regression" in read.notes[0]
    assert read_table(path, task="regression").class_names is None


def test_cells_that_are_kept_are_as_they_are(path):
    path.write_text('x,name\n1, "Köln "\n-,b\n')
    columns, kept, notes = read_beside(path, ["x"], ["number"], keep=["name"])
    assert kept == {"name": ["Köln ", "b"]}
    assert np.isnan(columns.features[1, 0])
    assert "such as '-' in line 3" in notes[0]


def test_a_column_of_other_things_than_in_training_is_refused(path):
    path.write_text("x\nred\nblue\n7\n")
    with pytest.raises(InputError, match="line 2, column 'x': 'red' is not a number"):
        read_columns(path, ["x"], ["number"])
    with pytest.raises(InputError, match="line 2, column 'x': 'red' is not a date"):
        read_columns(path, ["x"], ["date"])


def test_no_word_for_unknown_is_a_number():
    assert not [word for word in numerals.UNKNOWN if numerals.meant([word], [1.0], ".").numbers]


# --- Hints ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("{:.2f}%", "0.{:.0f}", "numbers written in several ways, such as '12.60%' and '0.14'"),
        ("${:.0f}", "€{:.0f}", "such as '$13' and '€14'; write all alike"),
        ("{:.1f} kg", "{:.1f}", "such as '12.6 kg' and '13.6'"),
        ("1.{:.0f}0,56", "1,{:.0f}0.5", "such as '1.130,56' and '1,140.5'"),
        ("{:.1f} kg", "{:.1f} kg", "numbers with a unit or a sign, such as '12.6 kg'; write"),
        ("A{:.0f}", "B{:.0f}", "names or identifiers, 60 different texts in 60 cells"),
        ("{:.0f}a", "{:.0f}b", "names or identifiers"),
        ("1.2.{:.0f}", "1.3.{:.0f}", "names or identifiers"),
    ],
)
def test_numbers_that_cannot_be_compared_are_no_names(path, one, other, said):
    read = column(path, [(one, other)[k % 2].format(12.6 + k) for k in range(60)])
    assert said in dict(read.left_out)["x"]


def test_hints_name_what_to_type(path):
    read = column(path, [f"{k % 7 * 611:05}" for k in range(60)])
    assert read.notes == (
        "column 'x': '00611' is read as the number 611. Use --categories x if these are codes",
    )
    read = column(path, ["-999" if k % 9 == 4 else str(k % 30) for k in range(60)])
    assert read.notes == (
        "column 'x': -999 repeats, far from all other numbers. Use --missing -999 if it means a "
        "missing value",
    )
    assert not column(path, [str(-999 + 37 * (k % 30)) for k in range(60)]).notes
    assert not column(path, [str(k % 30) for k in range(60)]).notes
