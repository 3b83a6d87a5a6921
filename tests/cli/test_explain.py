"""What is said of a run is what the run does; sizes are counted by hand."""

import json
from pathlib import Path

import pytest

from gradless.cli import main
from gradless.cli.explain import explain, sentences
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe

MIB = 2**20
CHAPTER = ("vertical", "--hidden", "3", "--strategy", "random_search", "--population", "64")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")  # a line for each fact


@pytest.fixture
def has_bfloat16(monkeypatch):
    monkeypatch.setattr("gradless.models.facts.has_bfloat16", lambda: True)


def told(capsys, *arguments: str) -> str:
    assert main(["explain", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert not list(Path().iterdir())
    return out


def facts(capsys, *arguments: str) -> dict:
    (line,) = told(capsys, *arguments, "--json").splitlines()
    return json.loads(line)


def test_the_chapters_network(capsys):
    found = facts(capsys, *CHAPTER, "--measure", "0")
    assert found["network"] == {
        "sizes": [2, 3, 3],
        "activation": "relu",
        "parameters": 2 * 3 + 3 + 3 * 3 + 3,
        "weights": "float32",
        "precision": "float32",
    }
    assert found["data"]["samples"] == found["data"]["samples_in_an_evaluation"] == 300
    assert found["strategy"]["evaluations_per_generation"] == 64
    assert found["formulation"]["written_out_as_rows"]
    assert found["formulation"]["members_together"] == 64
    assert found["evaluation"] == {
        "multiply_adds": 300 * (2 * 3 + 3 * 3),
        "parameter_bytes": 4 * 21,
        "input_bytes": 4 * 2 * 300,
        "activation_bytes": 0,
    }
    assert not found["memory"]["candidates_as_numbers"]
    assert found["memory"]["candidate_bytes"] == 64 * 3 * 4  # two words and an index each
    # What is refused is what is said: all of this, and the program besides.
    assert sum(found["memory"][name] for name in ("state_bytes", "data_bytes")) < MIB
    assert found["memory"]["needed_bytes"] < 250 * MIB < found["memory"]["free_bytes"]
    assert found["measured"] is None


def test_wide_networks_are_products_of_which_activations_are_kept():
    named = {"strategy": "openai_es", "hyperparameters": {"population": 16}}
    found = explain(prepare(Recipe("digits", hidden=(64, 32), batch_size=100, **named)))
    assert not found["formulation"]["written_out_as_rows"]
    assert found["strategy"]["evaluations_per_generation"] == 17  # and the center
    assert found["evaluation"]["multiply_adds"] == 100 * (64 * 64 // 2 + 64 * 32 + 32 * 10)
    assert found["evaluation"]["activation_bytes"] == 4 * 100 * (64 + 32 + 10)
    text = sentences(found)
    assert "100 of them" in text["data"]
    assert "matrix product" in text["formulation"]
    assert "opposite members share" in text["formulation"]


def test_low_rank_changes_cost_thin_products():
    named = {"strategy": "openai_es", "hyperparameters": {"population": 16, "rank": 2}}
    found = explain(prepare(Recipe("digits", hidden=(256, 32), batch_size=100, **named)))
    first = 2 * (64 + 256) // 2  # for both of a pair
    assert found["evaluation"]["multiply_adds"] == 100 * (first + 256 * 32 + 32 * 10)
    assert "one pair of opposite members after another" in sentences(found)["formulation"]
    one_sided = {"strategy": "fzoo", "hyperparameters": {"probes": 16, "rank": 2}}
    found = explain(prepare(Recipe("digits", hidden=(256, 32), batch_size=100, **one_sided)))
    assert found["evaluation"]["multiply_adds"] == 100 * (2 * first + 256 * 32 + 32 * 10)
    assert "one member after another" in sentences(found)["formulation"]


@pytest.mark.usefixtures("has_bfloat16")
def test_bfloat16_halves_the_bytes_and_is_not_written_out_as_rows(capsys):
    found = facts(capsys, *CHAPTER, "--measure", "0", "--precision", "bfloat16")
    assert found["network"]["precision"] == "bfloat16"
    assert not found["formulation"]["written_out_as_rows"]
    assert found["evaluation"]["parameter_bytes"] == 2 * 21
    assert found["evaluation"]["activation_bytes"] == 2 * 300 * (3 + 3)


def test_rounded_weights_are_told_and_not_evaluated_in_pairs():
    named = {"strategy": "openai_es", "hyperparameters": {"population": 16}}
    found = explain(prepare(Recipe("digits", hidden=(64,), weights="int8", **named)))
    assert found["network"]["weights"] == "int8"
    assert not found["formulation"]["opposite_pairs"]
    assert "weights rounded to int8, computed in float32" in sentences(found)["network"]


def test_the_strategy_is_the_one_that_train_would_choose(capsys):
    limits = ("vertical", "--hidden", "3", "--measure", "0", "--evaluations", "1000")
    assert facts(capsys, *limits)["strategy"]["name"] == "sep_cma_es"


def test_the_rate_is_measured(capsys):
    climb = ("vertical", "--hidden", "3", "--strategy", "hill_climbing")
    found = facts(capsys, *climb, "--measure", "0.05")
    measured = found["measured"]
    assert measured["seconds"] >= 0.05
    assert measured["evaluations_per_second"] > 0
    assert measured["multiply_adds_per_second"] == 4500 * measured["evaluations_per_second"]
    assert "evaluations a second in the whole loop" in sentences(found)["measured"]


def test_a_line_for_each_fact(capsys):
    lines = told(capsys, *CHAPTER, "--measure", "0").splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "network", "data", "strategy", "formulation", "one evaluation", "memory",
    ]  # fmt: skip
    assert "2-3-3, relu, 21 parameters, computed in float32" in lines[0]
    assert "MiB in all" in lines[-1]
    assert "GiB free" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["verticle"], ["did you mean 'vertical'"]),
        ([], ["Missing DATA. For example: gradless explain spiral"]),
        (["vertical", "--measure", "-1"], ["--measure must be 0 or more, got -1"]),
        (["vertical", "--measure", "nan"], ["a time such as 30s, 5m or 1h, got nan"]),
        (["vertical", "--sigma", "1"], ["--sigma", "--strategy openai_es"]),
        (["vertical", "--out", "x"], ["--out"]),
        (["vertical", "--precision", "float16"], ["float16", "bfloat16"]),
        (["vertical", "--strategy", "random_search", "--evaluations", "20"], ["got 20"]),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, fragments):
    assert main(["explain", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    for fragment in fragments:
        assert fragment in line
