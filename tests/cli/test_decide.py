"""``gradless decide``: a rule from a file of predictions, and its use."""

import csv
import json

import numpy as np
import pytest

from helpers.commands import call, refuse, succeed


def _write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """Two classes as gradless predict names their columns, with an ID and the truth."""
    rng = np.random.default_rng(0)
    likely = 1 / (1 + np.exp(2 - 1.5 * rng.normal(size=500)))
    true = rng.uniform(size=500) < likely
    rows = [
        [
            f"c{number}",
            f"{1 - p:.6f}",
            f"{p:.6f}",
            "yes" if t else "no",
            1 + number % 2,
            number // 5,
        ]
        for number, (p, t) in enumerate(zip(likely, true, strict=True))
    ]
    header = ["id", "probability of no", "probability of yes", "churn", "weight", "town"]
    return _write(tmp_path_factory.mktemp("decide") / "predicted.csv", header, rows)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three classes, columns named as they are."""
    rng = np.random.default_rng(1)
    powers = np.exp(1.5 * rng.normal(size=(300, 3)) - [0, 0.5, 1.5])
    likely = powers / powers.sum(1, keepdims=True)
    true = (likely.cumsum(1) < rng.uniform(size=(300, 1))).sum(1)
    rows = [[*(f"{p:.6f}" for p in row), "abc"[t]] for row, t in zip(likely, true, strict=True)]
    return _write(tmp_path_factory.mktemp("three") / "three.csv", ["a", "b", "c", "kind"], rows)


@pytest.fixture
def profit(predicted):
    return ("decide", predicted, "--target", "churn", "--value", "100", "--cost", "10")


def test_a_profit_is_told_with_intervals_and_the_rule_used(profit, predicted, tmp_path):
    rule, out = tmp_path / "decision.json", tmp_path / "decided.csv"
    said = " ".join(succeed(*profit, "--out", rule).split())
    assert "500 rows (no" in said
    assert "Decide yes where its probability is above 0.1" in said
    assert "profit a row" in said
    assert "Better than the largest probability." in said
    facts = json.loads(rule.read_text())
    assert facts["promise"]["better"]
    assert facts["columns"] == ["probability of no", "probability of yes"]
    told = succeed("decide", predicted, "--rule", rule, "--keep", "id", "--out", out)
    told = " ".join(told.split())
    assert "500 rows, no" in told
    decided = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["id"] for row in decided] == [f"c{number}" for number in range(500)]
    given = list(csv.DictReader(predicted.read_text().splitlines()))
    for row, one in zip(given, decided, strict=True):
        above = float(row["probability of yes"]) > facts["threshold"]
        assert one["decision"] == ("yes" if above else "no")
        assert float(one["probability of no"]) + float(one["probability of yes"]) == pytest.approx(
            1
        )


def test_a_score_of_one_column_says_the_same(profit, tmp_path):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    succeed(*profit, "--out", one)
    succeed(*profit, "--score", "probability of yes", "--out", other)
    both = [json.loads(path.read_text()) for path in (one, other)]
    assert both[0]["threshold"] == pytest.approx(both[1]["threshold"], rel=1e-4)
    assert both[1]["columns"] == ["probability of yes"]
    written = succeed("decide", profit[1], "--rule", other).splitlines()
    assert written[0] == "decision,probability of no,probability of yes"
    assert len(written) == 501


def test_the_positive_class_weights_groups_and_capacity(profit, predicted):
    facts = json.loads(
        succeed(*profit, "--capacity", "10%", "--weight", "weight", "--group", "town", "--json")
    )
    assert facts["promise"]["share"] == pytest.approx(0.1, abs=0.04)
    assert facts["promise"]["capacity"] == 0.1
    said = succeed(*profit, "--capacity", "10%")
    assert "largest probability, up to 10%" in said
    assert "limited to the same share" in " ".join(said.split())
    said = succeed("decide", predicted, "--target", "churn", "--positive", "no")
    assert "Decide no where" in said or "as before" in said


def test_more_classes_and_a_file_of_costs(three, tmp_path):
    said = succeed("decide", three, "--target", "kind", "--objective", "balanced_accuracy")
    assert "Multiply the probabilities (a" in said
    costs = _write(tmp_path / "costs.csv", ["true", "a", "b", "c"],
                   [["c", 9, 9, 0], ["a", 0, 1, 1], ["b", 1, 0, "1.5"]])  # fmt: skip
    rule = tmp_path / "rule.json"
    said = succeed("decide", three, "--target", "kind", "--costs", costs, "--out", rule)
    assert "lowest expected cost" in said
    facts = json.loads(rule.read_text())
    assert facts["benefits"] == [[0, -1, -1], [-1, 0, -1.5], [-9, -9, 0]]
    succeed("decide", three, "--rule", rule, "--quiet", "--out", tmp_path / "decided.csv")


def test_a_decision_that_is_always_the_same_is_told_without_a_threshold(predicted, tmp_path):
    costs = _write(tmp_path / "costs.csv", ["", "no", "yes"], [["no", 0, 0], ["yes", 5, 0]])
    said = succeed("decide", predicted, "--target", "churn", "--costs", costs)
    assert "Decide yes for every row." in said
    assert "above" not in said


def test_no_better_than_before_is_said(tmp_path):
    rng = np.random.default_rng(3)
    share = rng.uniform(size=60)
    rows = [[f"{p:.4f}", int(t)] for p, t in zip(share, rng.uniform(size=60) < 0.5, strict=True)]
    path = _write(tmp_path / "noise.csv", ["p", "y"], rows)
    said = succeed("decide", path, "--target", "y", "--score", "p", "--objective", "accuracy")
    assert "No better than before" in said or "No rule was better than before" in said


def test_narrow_consoles_and_quiet_ones(profit, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, succeed(*profit).splitlines()[1:])) <= 60
    assert succeed(*profit, "--quiet") == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--target must name the column of the true classes, got none"),
        (["--target", "chur"], "unknown --target column 'chur'; did you mean 'churn'?"),
        (["--target", "id"], "must hold at most 200 classes, got 500"),
        (["--target", "churn", "--score", "sco"], "unknown --score column 'sco'"),
        (
            ["--target", "churn", "--score", "weight"],
            "must be probabilities from 0 to 1, got 1 to 2",
        ),
        (["--target", "churn", "--objective", "auc"], "unknown metric of decisions 'auc'"),
        (["--target", "churn", "--objective", "profit"], "must have a value"),
        (["--target", "churn", "--value", "0"], "--value must be above 0"),
        (["--target", "churn", "--positive", "maybe"], "must be one of no, yes, got 'maybe'"),
        (["--target", "churn", "--weight", "id"], "--weight id must be a column of numbers"),
        (["--target", "weight"], "a column of probabilities for each class, named '1', '2' or"),
        (["--target", "churn", "--keep", "id"], "--keep must come with --rule"),
        (["--target", "churn", "--costs", "none.csv"], "--costs none.csv cannot be read"),
        (["--rule", "none.json"], "--rule none.json cannot be read"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_a_line(predicted, more, said):
    assert said in refuse("decide", predicted, *more)


def test_files_that_are_no_rules_or_costs_are_refused(predicted, three, tmp_path):
    wrong = tmp_path / "wrong.json"
    for text in ("nothing", "[]", '{"format": 1}'):
        wrong.write_text(text)
        assert "gradless decide --out wrote" in refuse("decide", predicted, "--rule", wrong)
    costs = tmp_path / "costs.csv"
    for text, said in (
        ("", "the header must name each class once, 'a', 'b', 'c', got nothing"),
        ("t,a,b,c\na,0,1,1\nb,1,0,1\n", "the first column must name each class once"),
        ("t,a,b,c\na,0,1,1\nb,1,0,1\nc,1,x,0\n", "costs must be numbers, got 'x' of c, b"),
        ("t,a,b,c\na,0,1,1\nb,1,0,1\nc,1,1\n", "costs must be numbers, got '' of c, c"),
    ):
        costs.write_text(text)
        assert said in refuse("decide", three, "--target", "kind", "--costs", costs)
    empty = _write(tmp_path / "empty.csv", ["p", "y"], [["0.5", "a"], ["0.5", ""]])
    assert "got 1 empty cell" in refuse("decide", empty, "--target", "y", "--score", "p")
    alone = _write(tmp_path / "alone.csv", ["p", "y"], [["0.5", "a"], ["0.5", "a"]])
    assert "two classes or more" in refuse("decide", alone, "--target", "y", "--score", "p")
    sums = _write(tmp_path / "sums.csv", ["a", "b", "y"], [["0.5", "0.9", "a"], ["1", "0", "b"]])
    assert "a sum of 1 in each row" in refuse("decide", sums, "--target", "y")


def test_what_cannot_be_written_is_refused(profit, tmp_path):
    code, _, said = call(*profit, "--out", tmp_path / "nowhere" / "rule.json")
    assert (code, "cannot be written" in said) == (2, True)


def test_a_number_of_calls_is_of_each_file(profit, predicted, tmp_path):
    rule, out = tmp_path / "rule.json", tmp_path / "decided.csv"
    shown = " ".join(succeed(*profit, "--capacity", "20", "--out", rule).split())
    assert "more than 20 rows of a file, decide yes for the 20 that are furthest above" in shown
    assert "largest probability, up to 4%" in shown
    assert "yes 20" in succeed("decide", predicted, "--rule", rule, "--out", out)
    assert "--capacity must be a number" in refuse(*profit, "--capacity", "500%")
    assert "a whole number of rows above 1" in refuse(*profit, "--capacity", "2.5")


def test_values_by_row_are_a_column(predicted, tmp_path):
    rule, out = tmp_path / "rule.json", tmp_path / "decided.csv"
    arguments = ("decide", predicted, "--target", "churn", "--value-column", "town", "--cost", 10)
    shown = " ".join(succeed(*arguments, "--out", rule).split())
    assert "corrected probability times its value above 10" in shown
    assert "profit a row" in shown
    succeed("decide", predicted, "--rule", rule, "--keep", "town", "--out", out)
    with out.open(newline="") as file:
        decided = list(csv.DictReader(file))
    assert list(decided[0])[:2] == ["town", "decision"]
    least = min(float(row["town"]) for row in decided if row["decision"] == "yes")
    assert least > 10
    for more, said in (
        (("--value", 5), "--value must be left out with --value-column"),
        (("--objective", "f1"), "--objective must be profit with --value-column, got f1"),
        (("--capacity", "5%"), "capacity must be a number of rows where values differ"),
    ):
        assert said in refuse(*arguments, *more)
    assert "--cost must be above 0 with --value-column" in refuse(*arguments[:-2])
    assert "must be a column of numbers" in refuse(*arguments[:-3], "id", "--cost", 10)


def test_thresholds_by_group(predicted, tmp_path):
    rule, out = tmp_path / "rule.json", tmp_path / "decided.csv"
    arguments = ("decide", predicted, "--target", "churn", "--group-column", "weight")
    shown = " ".join(succeed(*arguments, "--gap", "0.1", "--out", rule).split())
    assert "Decide yes where its probability is above" in shown
    assert "points apart between groups" in shown
    facts = json.loads(rule.read_text())
    assert set(facts["group_thresholds"]) == {"1", "2"}
    succeed("decide", predicted, "--rule", rule, "--out", out)
    with out.open(newline="") as file:
        assert "weight" not in next(csv.reader(file))
    assert "--gap must come with --group-column" in refuse(*arguments[:4], "--gap", "0.1")
    assert "--capacity must be left out" in refuse(*arguments, "--capacity", 5)
    assert "must be 2 to 32, got 100" in refuse(*arguments[:-1], "town")
    plain = tmp_path / "plain.json"
    succeed("decide", predicted, "--target", "churn", "--out", plain)
    assert "the rule looks at no group" in refuse(
        "decide", predicted, "--rule", plain, "--group-column", "weight"
    )
