"""The page of real tables says what the numbers say."""

import numpy as np
import pytest
from benchmarks.quality.tables import page
from benchmarks.quality.tables.chosen import REPORTED, TABLES, TUNED
from benchmarks.quality.tables.contestants import CONSTANT, GRADLESS, LINEAR, NAMES


def measured(mine, linear):
    """A table on which the others are in between of a constant guess and the linear model."""
    noise = np.array([-0.01, 0.0, 0.01])
    losses = {name: (linear + 0.1 + noise).tolist() for name in NAMES}
    losses[GRADLESS], losses[LINEAR] = (mine + noise).tolist(), (linear + 2 * noise).tolist()
    losses[CONSTANT] = [1.0, 1.0, 1.0]
    seconds = {name: [0.5 if name == GRADLESS else 0.25] * 3 for name in NAMES}
    return {"rows": 500, "columns": 7, "classes": 2, "losses": losses, "seconds": seconds}


@pytest.fixture
def results():
    return {"one": measured(0.3, 0.4), "two": measured(0.5, 0.4), "three": measured(0.4, 0.5)}


def test_ranks_are_means_over_tables(results):
    ranks = page.mean_ranks(results)
    assert ranks[GRADLESS] == pytest.approx((1 + 3.5 + 1) / 3)
    assert ranks[CONSTANT] == 6


def test_differences_are_paired(results):
    found = page.difference(results["one"], LINEAR)
    assert found.mean == pytest.approx(-10)
    assert found.half == pytest.approx(4.303 / np.sqrt(3), rel=1e-3)


def test_the_page_says_where_it_is_worse(results, tmp_path):
    where = {"cores": 2, "cpu": "a processor", "python": "3.11"}
    document = {"command": "COMMAND", "splits": 3, "machine": where, "results": results}
    page.render(document, tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert "Worse than the linear model beyond the interval: 1 (two)." in text
    assert "Worse than a constant guess beyond the interval: none." in text
    assert "Better than both kinds of MLP on 2 of 3 tables." in text
    assert "A fit takes 2.0 times the processor time" in text
    assert "| one | -10.0 ± 2.5 |" in text


def test_halves_share_no_table():
    names = [table.name for table in TABLES]
    assert len(set(names)) == len(names) >= 24
    assert {table.half for table in TABLES} == {TUNED, REPORTED}
