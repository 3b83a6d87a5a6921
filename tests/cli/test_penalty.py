"""Tables are fitted with a penalty on the weights, which cross-validation chooses."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from gradless import GradientFreeClassifier, GradientFreeRegressor
from gradless._core import interrupts
from helpers.commands import call, read_json, refuse, succeed, write_table

FIT = ("--hidden", 4, "--seed", 3)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two numbers of which one matters, a class and a number that follow it with much noise."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(90, 2)).round(3)
    lead = numbers[:, 0] + rng.normal(0, 1, 90)
    words, y = np.array(["no", "yes"])[(lead > 0) * 1], (50 + 10 * lead).round(2)
    path = tmp_path_factory.mktemp("table") / "table.csv"
    columns = zip(numbers.tolist(), words.tolist(), y.tolist(), strict=True)
    write_table(path, ["a", "b", "word", "y"], [[*x, word, n] for x, word, n in columns])
    return path, numbers, words, y


@pytest.fixture(scope="module")
def fitted(table, tmp_path_factory):
    """A fit by the command line: its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("fitted") / "run"
    target = ("--target", "word", "--drop", "y")
    return folder, succeed("train", table[0], *target, *FIT, "--out", folder)


def layers(folder):
    arrays = load_file(folder / "model.safetensors")
    return [arrays[f"layers.{k}.{part}"] for k in range(2) for part in ("weights", "biases")]


def test_a_fit_says_what_it_chose_and_how_good_that_is(fitted):
    folder, shown = fitted
    result = read_json(folder, "result.json")
    penalty = result["penalty"]
    assert penalty["alpha"] == penalty["strengths"][np.argmin(penalty["losses"])]
    alpha = penalty["alpha"]
    assert f"penalty {alpha:g}: log loss on rows not seen" in shown
    assert "cross-validation" in shown
    assert result["stopped_because"] == "the fit is complete"
    assert 0 < result["loss"] < result["validation_loss"]  # of rows not seen
    assert result["validation_loss"] == pytest.approx(min(penalty["losses"]), rel=1e-4)
    assert penalty["fitted"] < penalty["losses"]
    assert (folder / "penalty.png").is_file()
    assert not (folder / "loss.png").exists()
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    assert "divided into 5 folds" in card
    assert "in cross-validation, on rows not seen" in card
    assert [array.shape for array in layers(folder)] == [(2, 12), (12,), (12, 2), (2,)]


def test_a_fit_repeats_and_is_at_its_end(fitted, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(fitted[0], folder)
    assert "the same bit for bit" in succeed("repeat", folder)
    assert "to the end" in refuse("resume", folder)
    assert "to the end" in refuse("resume", folder, "--evaluations", "1000000")


@pytest.mark.usefixtures("without_pictures")
def test_a_fit_that_was_cut_off_goes_on_to_the_same_end(fitted, table, tmp_path, monkeypatch):
    answers = iter([None] * 4)
    folder = tmp_path / "cut"
    arguments = ("train", table[0], "--target", "word", "--drop", "y", *FIT, "--out", folder)
    with monkeypatch.context() as patch:
        patch.setattr(interrupts, "asked", lambda: next(answers, interrupts.INTERRUPTED))
        _, _, said = call(*arguments)
    assert f"resume with: gradless resume {folder}" in said
    assert read_json(folder, "status.json")["status"] == "interrupted"
    before = layers(folder)  # it can be used at once
    assert [array.shape for array in before] == [array.shape for array in layers(fitted[0])]
    succeed("resume", folder)
    for one, other in zip(layers(folder), layers(fitted[0]), strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    "objective",
    ["cross_entropy", *(pytest.param(n, marks=pytest.mark.slow) for n in ("f1", "squared_error"))],
)
def test_both_doors_find_the_same_bits(table, tmp_path, objective):
    path, numbers, words, y = table
    of_numbers = objective == "squared_error"
    target, other, answers = ("y", "word", y) if of_numbers else ("word", "y", words)
    out = succeed(
        "train", path, "--target", target, "--drop", other, *FIT, "--test-fraction", 0,
        "--objective", objective, "--json", "--out", tmp_path / "run",
    )  # fmt: skip
    kind = GradientFreeRegressor if of_numbers else GradientFreeClassifier
    model = kind(4, objective=objective, random_state=3).fit(numbers, answers)
    ours = [array for pair in zip(model.coefs_, model.intercepts_, strict=True) for array in pair]
    for one, its in zip(ours, layers(tmp_path / "run"), strict=True):
        assert one.tobytes() == its.tobytes()
    result = json.loads(out)
    assert model.alpha_ == result["penalty"]["alpha"]
    assert model.cv_losses_.tolist() == result["penalty"]["losses"]
    assert model.n_evaluations_ == result["evaluations"]


def test_a_penalty_may_be_given(table, tmp_path):
    arguments = ("train", table[0], "--target", "word", "--drop", "y", *FIT, "--json")
    given = json.loads(succeed(*arguments, "--alpha", "0.02", "--out", tmp_path / "given"))
    empty = {name: [] for name in ("strengths", "losses", "errors", "fitted")}
    assert given["penalty"] == {"alpha": 0.02, **empty}
    assert not (tmp_path / "given" / "penalty.png").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--alpha", "much"), "alpha must be 'auto', or a number, 0 or more, got 'much'"),
        (("--alpha", "-1"), "0 or more, got '-1'"),
        (("--alpha", "nan"), "0 or more, got 'nan'"),
        (("--alpha", "0.1", "--strategy", "snes"), "got 0.1: a strategy was named"),
        (("--alpha", "0.1", "--hidden", "4", "4"), "it takes one hidden layer"),
        (("--alpha", "0.1", "--activation", "sign"), "goes in steps"),
        (("--alpha", "0.1", "--batch-size", "8"), "a batch size was given"),
        (("--alpha", "0.1", "--evaluations", "50"), "evaluations or more"),
        (("--alpha", "0.1", "--validation", "0.2"), "validation rows were asked for"),
    ],
)
def test_a_penalty_that_does_not_go_with_the_rest_is_refused(table, given, said):
    error = refuse("train", table[0], "--target", "word", "--drop", "y", *given)
    assert said in error
