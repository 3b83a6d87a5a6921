"""One class however it is written, and what is said of it."""

import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless.data import describing
from gradless.data.columns import Columns
from gradless.data.datasets import split_rows
from gradless.data.table import read_labelled, read_table
from gradless.data.targets import class_indices


@pytest.fixture
def read(tmp_path):
    """Reads a target's cells, one a row."""
    path = tmp_path / "table.csv"

    def write_and_read(*cells: str, task: str = "classification", known=None):
        rows = [f"{k},{cell}\n" for k, cell in enumerate(cells)]
        path.write_text("a,y\n" + "".join(rows), encoding="utf-8")
        if known is not None:
            return read_labelled(path, ["a"], ["number"], "y", known)[1].tolist()
        table = read_table(path, task=task)
        return table.targets.tolist(), table.class_names, table.notes

    return write_and_read


def test_booleans_in_any_case_are_two_classes(read):
    targets, names, notes = read("True", "FALSE", "TRUE", "true", "False", "FALSE")
    assert (targets, names) == ([1, 0, 1, 1, 0, 0], ("FALSE", "True"))
    assert notes == (
        "column 'y': 'True' and 'TRUE' and 'true', 'FALSE' and 'False' each are one class",
    )
    assert read("yes", "No", "no", "Yes", task="auto")[:2] == ([1, 0, 0, 1], ("No", "yes"))


def test_words_in_another_case_are_other_classes(read):
    assert read("a", "A", "a") == ([1, 0, 1], ("A", "a"), ())


@pytest.mark.parametrize(("one", "other"), [("1E2", "100"), ("3.1", "3.10"), ("1", "01.0")])
def test_numbers_of_one_value_are_one_class_and_that_is_said(read, one, other):
    targets, names, notes = read(one, other, "7000", one)
    assert (targets, names) == ([0, 0, 1, 0], (one, "7000"))
    assert notes == (
        f"column 'y': '{one}' and '{other}' are one class, as the same number; if they differ, "
        "write them as words, such as v3.10",
    )


def test_answers_of_yes_and_no_in_several_ways_are_named(read):
    cells = ("yes", "True", "1", "no", "False", "0", "True", "TRUE", "1", "0")
    _, names, notes = read(*cells, task="auto")
    assert len(names) == 6
    assert notes[-1] == (
        "column 'y': 'yes', 'True' and '1' as well as 'no', 'False' and '0' are told apart, "
        "though they may mean the same; write them alike if they do"
    )
    assert not any("told apart" in note for note in read("1", "0", "?x", "1", "yes", "0")[2])


def test_of_one_number_in_all_rows_there_is_nothing_to_learn(read):
    targets, _, _ = read(*["2.5"] * 12, task="auto")
    columns = Columns(np.arange(12.0)[:, None], ("a",), (None,))
    said = dict(describing.facts(columns, (), "y", np.array(targets), None))["target"]
    assert said == "'y', 2.5 in all rows: there is nothing to learn, choose another target"


def test_written_as_words_they_are_apart(read):
    assert read("v3.1", "v3.10", "v3.1") == ([0, 1, 0], ("v3.1", "v3.10"), ())


def test_of_many_merged_classes_some_are_named(read):
    cells = [text for k in range(6) for text in (f"{k}", f"{k}.0")]
    (note,) = read(*cells)[2]
    assert (
        "'0' and '0.0', '1' and '1.0', '2' and '2.0' each are one class, and so are 3 more" in note
    )


def test_classes_of_a_network_are_found_however_they_are_written(read):
    assert read("TRUE", "false", "True", known=["False", "True"]) == [1, 0, 1]
    assert read("100.0", "1e2", "07", known=["7", "100"]) == [1, 1, 0]
    # Where it learned them as two, they stay two.
    assert read("TRUE", "True", known=["TRUE", "True"]) == [0, 1]
    with pytest.raises(InputError, match=r"must be one that the network knows.*got 'maybe'"):
        read("true", "maybe", known=["False", "True"])
    assert class_indices(["YES", "perhaps"], ["no", "yes"]) == [1, None]


def test_only_numbers_are_told_of_regression_where_no_class_repeats(read):
    with pytest.raises(InputError, match=r"another target, or predict numbers with --task regr"):
        read("1", "2", "3")
    with pytest.raises(InputError, match=r"classes must repeat.*; choose another target$"):
        read("a", "b", "3")


def test_one_row_teaches_nothing(read):
    for task in ("classification", "regression"):
        with pytest.raises(InputError, match="two rows of data or more, got one"):
            read("1.5", task=task)


def test_a_class_of_one_number_is_told_of_regression(read):
    targets, names, _ = read("1", "2", "1", "2", "7")
    with pytest.raises(InputError, match=r"got one of '7'.* --task regression"):
        split_rows("table", np.array(targets), names, 0.5, 0)
    with pytest.raises(InputError, match=r"add samples or drop it$"):
        split_rows("table", np.array(targets), ("a", "b", "c"), 0.5, 0)
