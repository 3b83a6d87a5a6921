"""What commands print is readable in narrow terminals and clean in pipes."""

import re
from pathlib import Path

import pytest

from helpers.commands import SMALL, succeed, write_table

WIDTHS = [60, 80, 120]


def lines_of(*arguments: object) -> list[str]:
    return succeed(*arguments).splitlines()


def check(lines: list[str], width: int) -> None:
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "arguments",
    [["strategies"], ["strategies", "cma_es"], ["datasets"], ["runs", "."], ["help"]],
    ids=" ".join,
)
def test_lists(arguments, width, monkeypatch, vertical):
    monkeypatch.setenv("COLUMNS", str(width))
    vertical.copy("a-run-of-quite-a-long-name")
    lines = lines_of(*arguments)
    check(lines, width)
    if arguments[0] == "runs":
        assert any("a-run-of-quite-a-long-name" in line for line in lines)
        assert any(re.search(r"loss: 0\.\d{4}\b", line) for line in lines)


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("width", WIDTHS)
def test_a_run_and_what_is_measured(width, monkeypatch, iris_table):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = lines_of(
        "train", iris_table, "--target", "species", "--drop", "note,row", *SMALL, "--out", "run"
    )
    check(lines, max(width, 96))  # a line for each improvement is not wrapped
    start = next(k for k, line in enumerate(lines) if line.startswith("network"))
    table = [line for line in lines[start:] if not line.endswith((".", "measure", "different"))]
    assert any(line.startswith("accuracy") for line in table)
    assert any(re.fullmatch(r"F1, mean of classes( .*)?", line) for line in table)
    check(lines_of("evaluate", "run", Path(iris_table.name)), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_explanation(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    check(lines_of("explain", "vertical", *SMALL[:4], "--measure", "0"), width)


@pytest.mark.slow
def test_rows_of_a_table_of_long_names(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "60")
    names = ["a class of a rather long name", "another class of a rather long name"]
    rows = [[k, k % 7, names[k % 2]] for k in range(40)]
    table = write_table(tmp_path / "long.csv", ["a", "b", "y"], rows)
    succeed("train", table, *SMALL, "--quiet", "--out", "run")
    lines = lines_of("evaluate", "run", table)
    assert sum(name in line for line in lines for name in names) >= 2
