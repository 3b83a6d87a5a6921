"""Tables stay readable at any width, and leave no spaces at the ends of lines."""

import io

import pytest

from gradless._core.terminal import PatientConsole
from gradless.views.tables import Column, Facts, Table

COLUMNS = [
    Column("name"), Column("evaluations\na second", right=True), Column("spare", optional=True),
    Column("meaning", wraps=True),
]  # fmt: skip
ROWS = [
    ["hill_climbing", "1,234,567", "a rather long one", "the best is changed a little"],
    ["cma_es", "89", "-", "a distribution that learns the shape of the landscape as it goes"],
]


def shown(table, width: int) -> list[str]:
    text = io.StringIO()
    PatientConsole(file=text, width=width).print(table)
    return text.getvalue().splitlines()


@pytest.mark.parametrize("width", [24, 30, 40, 50, 60, 80, 120])
def test_no_number_and_no_name_is_split_at_any_width(width):
    lines = shown(Table(COLUMNS, ROWS), width)
    assert all(line == line.rstrip() for line in lines)
    assert max(map(len, lines)) <= max(width, len("  evaluations a second 1,234,567"))
    text = "\n".join(lines)
    for row in ROWS:
        assert row[0] in text
        assert row[1] in text
        assert all(word in text for word in row[3].split())


def test_a_wide_table_has_headings_of_several_lines_and_numbers_to_the_right():
    assert shown(Table(COLUMNS, ROWS), 120) == [
        "               evaluations",
        "name              a second  spare              meaning",
        "hill_climbing    1,234,567  a rather long one  the best is changed a little",
        "cma_es                  89  -                  "
        "a distribution that learns the shape of the landscape as it goes",
    ]


def test_a_narrow_table_does_without_what_is_optional():
    lines = shown(Table(COLUMNS, ROWS), 60)
    assert lines[2:4] == [
        "hill_climbing    1,234,567  the best is changed a little",
        "cma_es                  89  a distribution that learns the",
    ]
    assert "spare" not in "".join(lines)


def test_a_very_narrow_table_is_stacked():
    assert shown(Table(COLUMNS, ROWS), 40) == [
        "hill_climbing",
        "  evaluations a second 1,234,567",
        "  spare a rather long one",
        "  the best is changed a little",
        "cma_es",
        "  evaluations a second 89",
        "  a distribution that learns the shape",
        "  of the landscape as it goes",
    ]


def test_facts_stand_beside_or_below_their_names():
    facts = Facts([("network", "2-64-3, 387 parameters"), ("why", "one two three four five six")])
    assert shown(facts, 60) == [
        "network  2-64-3, 387 parameters",
        "why      one two three four five six",
    ]
    assert shown(facts, 20) == [
        "network", "  2-64-3, 387", "  parameters", "why", "  one two three four", "  five six",
    ]  # fmt: skip


def test_letters_of_any_width_are_aligned():
    lines = shown(Table([Column("x"), Column("y", right=True)], [["日本", "1"], ["a", "22"]]), 40)
    assert lines == ["x      y", "日本   1", "a     22"]
