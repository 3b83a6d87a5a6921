"""The page of rare classes says what the numbers say."""

import numpy as np
import pytest
from benchmarks.pages.intervals import Interval
from benchmarks.quality import imbalanced_page as page
from benchmarks.quality.imbalanced_page import BOOSTED, GRADLESS, LINEAR, NETWORK, RANKED
from benchmarks.quality.imbalanced_tables import TABLES
from benchmarks.quality.tables.chosen import REPORTED, TUNED

METRICS = ("f1", "balanced_accuracy", "profit", RANKED)


def measured(lead):
    """A table on which gradless is ahead of the linear model by so much, and of others by 0.2."""
    noise = np.array([-0.01, 0.0, 0.01])
    of = {GRADLESS: 0.5 + noise, LINEAR: 0.5 - lead + 2 * noise}
    of |= {NETWORK: 0.3 + noise, BOOSTED: 0.3 + 2 * noise}
    values = {who: numbers.tolist() for who, numbers in of.items()}
    seconds = {who: [0.5, 0.5, 0.5] for who in of}
    values_of_all = dict.fromkeys(METRICS, values)
    return {"rows": 500, "columns": 7, "rare": 0.1, "values": values_of_all, "seconds": seconds}


@pytest.fixture
def results():
    return {"one": measured(0.1), "two": measured(0.001), "three": measured(-0.1)}


def test_splits_that_share_rows_say_less_than_independent_ones():
    values = [0.1, 0.2, 0.3, 0.4]
    found = Interval.of_splits(values, test=0.25)
    assert found.mean == pytest.approx(0.25)
    assert found.half == pytest.approx(Interval.of(values).half * np.sqrt(4 * (1 / 4 + 1 / 3)))


def test_tables_are_counted_by_their_intervals(results):
    rows = page.counts(results)
    assert f"| F1 | {page.WORDS[LINEAR]}, threshold tuned | 2 | 1 | 1 | 1 | +0.0003 |" in rows
    assert f"| Average precision | {page.WORDS[NETWORK]} | 3 | 3 | 0 | 0 | +0.2000 |" in rows


def test_the_page_says_where_it_is_worse(results, tmp_path):
    where = {"cores": 2, "cpu": "a processor", "python": "3.11"}
    document = {"command": "COMMAND", "splits": 3, "machine": where, "results": results}
    page.render(document, tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert "on 2 of 3 tables; above it beyond the interval on 1 (one), below on 1 (three)." in text
    assert "| one | 500 | 10.0% | 0.500 | +0.100 ± " in text


def test_halves_share_no_table():
    names = [table.name for table in TABLES]
    assert len(set(names)) == len(names)
    assert sum(table.half == REPORTED for table in TABLES) >= 6
    assert {table.half for table in TABLES} == {TUNED, REPORTED}
