"""The benchmark of decisions: one split of a table of scikit-learn, and what is said of it."""

import pytest
from benchmarks.quality import decisions


@pytest.mark.slow
def test_a_split_is_measured_and_told(capsys):
    found = decisions.one("breast cancer", "linear", 0)
    assert [run["metric"] for run in found] == ["f1", "balanced_accuracy", "profit"]
    for run in found:
        assert run["values"].keys() == {"ours", "argmax", "scikit-learn", "their seconds"}
        assert run["values"]["ours"] > 0.9
    decisions.report(found)
    assert "f1: mean" in capsys.readouterr().out


def test_a_difference_is_turned_so_that_more_is_better():
    runs = [
        {"sign": -1, "values": {"ours": 1.0 + k, "argmax": 1.5 + 2 * k}} for k in range(2)
    ]  # costs
    gap, half = decisions.difference(runs, "argmax")
    assert gap == pytest.approx(1.0)
    assert half == pytest.approx(12.706 * (0.5 * (1 / 2 + 1)) ** 0.5, rel=1e-3)
