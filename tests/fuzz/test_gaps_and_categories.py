"""Numbers, categories and gaps in one table: which cells are missing, and which are texts?"""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data import csv_file
from gradless.data.table import read_columns, read_features, read_labelled, read_table


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    "gap", ["", " ", "NA", "n/a", "#N/A", "<NA>", "NaN", "null", "?", '""', "\u00a0"]
)
def test_gaps_are_read_in_columns_of_both_kinds(path, gap):
    path.write_text(f"a,b,y\n1,red,u\n{gap},{gap},v\n3,blue,v\n", encoding="utf-8")
    read = read_table(path)
    assert np.array_equal(read.features[:, 0], [1, np.nan, 3], equal_nan=True)
    assert read.columns.kinds == ("number", "category")
    assert read.columns.texts(1).tolist() == ["red", None, "blue"]
    with pytest.raises(InputError, match="line 3, column 'a': missing value"):
        read_features(path, ["a"])


def test_in_quotes_what_says_missing_is_a_text_but_among_numbers(path):
    path.write_text(
        'n,country,y\n1,"NA",u\n"NA","?",v\n3,DE,"null"\nNA,NA,v\n2," na ",u\n', encoding="utf-8"
    )
    read = read_table(path)
    assert np.array_equal(read.features[:, 0], [1, np.nan, 3, np.nan, 2], equal_nan=True)
    assert read.columns.texts(1).tolist() == ["NA", "?", "DE", None, "na"]
    assert read.class_names == ("null", "u", "v")
    assert read.notes == (
        "column 'country': 'NA', '?', 'na' is read as text, since it is in quotes or in a column "
        "of text. Use --missing NA '?' na if it means a missing value",
        "column 'y': 'null' is read as text, since it is in quotes or in a column of text. Use "
        "--missing null if it means a missing value",
    )
    again = read_columns(path, ["country"], ["category"])
    assert again.texts(0).tolist() == ["NA", "?", "DE", None, "na"]


@pytest.mark.parametrize("block", [1, 7, 2**15])
def test_gaps_in_quotes_before_the_first_number(path, block):
    rows = '"NA","NA","NA",1\n' * 9 + '2,DE,,1\n"NA",,"NA",1\n'
    path.write_text("a,b,c,y\n" + rows + "3,DE,z,2\n")
    with patch.object(csv_file, "BLOCK_CELLS", block):
        read = read_table(path)
    assert read.columns.kinds == ("number", "category", "category")
    assert np.array_equal(read.features[:, 0], [*[np.nan] * 9, 2, np.nan, 3], equal_nan=True)
    assert read.columns.texts(1).tolist() == [*["NA"] * 9, "DE", None, "DE"]
    assert read.columns.texts(2).tolist() == [*["NA"] * 9, None, "NA", "z"]


def test_quotes_inside_of_quotes_change_nothing(path):
    text = 'a "word", ""NA"", and\n""NA"",""?""'.replace('"word"', '""word""')
    path.write_text(f'n,a,y\n1,"{text}",u\n2,",NA,",v\n3,"NA"\t,v\n'.replace('"NA"\t', '"NA"'))
    expected = " ".join(text.replace('""', '"').split())
    assert read_table(path).columns.texts(1).tolist() == [expected, ",NA,", "NA"]


@pytest.mark.parametrize(
    ("missing", "numbers", "country", "classes"),
    [
        (None, [1, -999, np.nan], ["?", "DE", None], ["u", "u", "v"]),
        ((), None, ["?", "DE", "NA"], ["u", "u", "v"]),
        (("",), None, ["?", "DE", "NA"], ["u", "u", "v"]),
        (("-999", "nan", "?"), [1, np.nan, np.nan], [None, "DE", "NA"], ["u", "u", "v"]),
        (("-999.0", "nan", "DE "), [1, np.nan, np.nan], ["?", None, "NA"], ["u", "u", "v"]),
    ],
)
def test_what_is_missing_can_be_said(path, missing, numbers, country, classes):
    path.write_text('n,country,y\n1,"?",u\n-999,DE,u\nnan,NA,v\n')
    if numbers is None:
        assert "1 cell ('nan', first in line 4)" in read_table(path, missing=missing).notes[0]
        numbers = [1, -999, np.nan]
    read = read_table(path, missing=missing)
    assert np.array_equal(read.features[:, 0], numbers, equal_nan=True)
    assert read.columns.texts(1).tolist() == country
    assert [read.class_names[k] for k in read.targets] == classes
    columns = read_columns(path, ["n", "country"], ["number", "category"], missing)
    assert np.array_equal(columns.features[:, 0], numbers, equal_nan=True)
    assert columns.texts(1).tolist() == country


def test_a_class_that_says_missing(path):
    """Namibia, as pandas writes it."""
    path.write_text("a,y\n1,NA\n2,DE\n3,NA\n4,FR\n5,FR\n")
    read = read_table(path)
    assert (read.class_names, len(read.targets)) == (("DE", "FR"), 3)
    assert "2 rows without a value in the target 'y' are left out" in read.notes[0]
    assert "the first in line 2" in read.notes[0]
    path.write_text("a,y\n1,NA\n2,DE\n3,NA\n")
    assert read_table(path, missing=()).class_names == ("DE", "NA")
    path.write_text('a,y\n1,"NA"\n2,DE\n3,"NA"\n')
    assert read_table(path).class_names == ("DE", "NA")
    with pytest.raises(InputError, match="there must be two"):
        read_table(path, missing=["NA"])
    _, targets, _ = read_labelled(path, ["a"], ["number"], "y", ["DE", "NA"])
    assert targets.tolist() == [1, 0, 1]


def test_white_space_accents_and_the_case_of_booleans_make_no_other_category(path):
    cells = ["caf\u00e9", "cafe\u0301", " a  b", "a b", "TRUE", "True", "no", "No", "Yes", "X", "x"]
    rows = "".join(f"{k},{cell},{'uv'[k % 2]}\n" for k, cell in enumerate(cells))
    path.write_text("n,a,y\n" + rows, encoding="utf-8")
    texts = read_table(path).columns.texts(1).tolist()
    assert texts == [*["caf\u00e9"] * 2, *["a b"] * 2, *["true"] * 2, *["no"] * 2, "yes", "X", "x"]


@pytest.mark.parametrize(
    "cell", ["2020-21", "1-2", "3.11.7-rc", "May", "12 May", "A 1/2/2020", "1:2"]
)
def test_categories_like_dates_are_kept(path, cell):
    path.write_text(f"a,b,y\n1,{cell},u\n2,{cell},v\n3,other,v\n")
    assert read_table(path).categories == (None, (cell, "other"))


def test_up_to_twenty_rare_categories_and_a_thousand_that_repeat(path):
    def table(names: list[str]) -> str:
        return "n,a,y\n" + "".join(f"{k},{name},{'uv'[k % 2]}\n" for k, name in enumerate(names))

    path.write_text(table([f"k {k}" for k in range(20)]))
    assert len(read_table(path).categories[1]) == 20
    path.write_text(table([f"k {k}" for k in range(21)] * 2))
    assert len(read_table(path).categories[1]) == 21
    path.write_text(table([f"k {k}" for k in range(1000)] * 2))
    assert len(read_table(path).categories[1]) == 1000


def test_columns_that_are_dropped_or_are_categories(path):
    path.write_text("id,zip code,a,y\nx1,10115,1,u\nx2,80331,2,v\nx3,10115,,v\n")
    read = read_table(path, drop=["id"], categories=[" zip  code"])
    assert read.feature_names == ("zip code", "a")
    assert read.categories == (("10115", "80331"), None)
    for option in ("drop", "categories"):
        with pytest.raises(InputError, match=f"unknown --{option} column 'zip'; did you mean"):
            read_table(path, **{option: ["zip"]})
        with pytest.raises(
            InputError, match=f"--{option} must name other columns than the target, got 'y'"
        ):
            read_table(path, **{option: ["y"]})


@pytest.mark.parametrize("block", [1, 7, 2**15])
def test_kinds_do_not_depend_on_blocks(path, block):
    rows = "".join(f",,{k},{'uv'[k % 2]}\n" for k in range(30)) + "x,1,2,u\n,,3,v\nz,2,3,v\n"
    path.write_text("a,b,c,y\n" + rows)
    with patch.object(csv_file, "BLOCK_CELLS", block):
        read = read_table(path)
    assert read.columns.kinds == ("category", "number", "number")
    assert [column.missing for column in read.columns.described()] == [31, 31, 0]


def test_a_missing_value_alone_in_its_row_is_no_empty_line(path):
    path.write_text('a\n1\n""\n3\n')
    with pytest.raises(InputError, match="line 3, column 'a': missing value"):
        read_features(path, ["a"])
