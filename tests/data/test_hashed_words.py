"""Columns of free text, by the words that are in them."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer

from gradless.data import hashed_words
from gradless.data.columns import is_kind
from gradless.data.leaks import leaks
from gradless.data.preprocessing import Preprocessing
from gradless.data.table import read_beside, read_table
from helpers.commands import read_json, refuse, succeed, write_table

TEXTS = [f"The room {k} was {'clean' if k % 2 else 'dirty'} and we said so" for k in range(60)]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rows = [[text, k % 7, "yes" if k % 2 else "no"] for k, text in enumerate(TEXTS)]
    rows[3][0] = ""
    path = tmp_path_factory.mktemp("texts") / "table.csv"
    return write_table(path, ["review", "n", "good"], rows)


def test_words_are_those_of_scikit_learn(table):
    read = read_table(table, "good", text=["review"])
    assert read.columns.kinds == ("text", "number")
    assert all(map(is_kind, read.columns.kinds))
    assert not read.left_out
    flat = read.columns.flat()
    assert flat.feature_names[:2] == ("review: words 1", "review: words 2")
    assert flat.features.shape == (60, hashed_words.INPUTS + 1)
    expected = HashingVectorizer(n_features=hashed_words.INPUTS).transform(TEXTS).toarray()
    expected[3] = 0  # a gap has no words
    np.testing.assert_array_equal(flat.features[:, :-1], expected)


def test_new_texts_have_inputs_by_the_same_rule(table, tmp_path):
    train = read_table(table, "good", text=["review"]).columns
    fitted = Preprocessing.fit(train)
    assert fitted.input_names[0] == "review: words 1"
    assert np.bincount(fitted.sources).tolist() == [hashed_words.INPUTS, 1]
    fitted.save(tmp_path / "kept.skops")
    again = Preprocessing.load(tmp_path / "kept.skops", fitted.names, fitted.kinds)
    other = tmp_path / "other.csv"
    write_table(other, ["n", "review"], [[1, TEXTS[7]], [2, "unheard of"]])
    seen = read_beside(other, train.feature_names, train.kinds)[0]
    inputs = again.transform(seen)
    np.testing.assert_array_equal(
        inputs[0, : hashed_words.INPUTS], fitted.transform(train)[7, : hashed_words.INPUTS]
    )
    assert np.isfinite(inputs).all()
    assert not list(again.strangers(seen))


def test_places_of_texts_give_no_target_away(tmp_path):
    rows = [[text, k // 30, "yes" if k < 30 else "no"] for k, text in enumerate(TEXTS)]
    write_table(tmp_path / "sorted.csv", ["review", "n", "good"], rows)
    read = read_table(tmp_path / "sorted.csv", "good", text=["review"])
    said = list(leaks(read.columns, read.targets, read.class_names, "good"))
    assert len(said) == 1
    assert said[0].startswith("column 'n' predicts")


def test_text_is_asked_for_by_an_option(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # others leave files where the tests are run
    shown = " ".join(succeed("look", table, "--target", "good").split())
    assert "--text review uses its words" in shown
    shown = " ".join(succeed("look", table, "--target", "good", "--text", "review").split())
    assert "words of 'review', hashed into 128 inputs each" in shown
    for text, said in (
        (("--text", "good"), "--text must name other columns than the target"),
        (("--text", "reviews"), "review"),
        (("--text", "n", "--categories", "n"), "--text must name other columns than --categories"),
    ):
        assert said in refuse("look", table, "--target", "good", *text)
    assert "a built-in data set" in refuse("train", "spiral", "--text", "n")


@pytest.mark.slow
def test_a_network_learns_from_words_and_reads_new_ones(table, tmp_path):
    run = tmp_path / "run"
    succeed(
        "train", table, "--target", "good", "--text", "review", "--hidden", 4, "--alpha", "0.01",
        "--out", run,
    )  # fmt: skip
    assert read_json(run, "config.json")["recipe"]["text"] == ["review"]
    assert read_json(run, "result.json")["test_accuracy"] > 0.9
    assert "free text" in (run / "model_card.md").read_text(encoding="utf-8")
    new = tmp_path / "new.csv"
    write_table(new, ["review", "n"], [["it was so clean", 1], ["how dirty", 1], ["", 1]])
    answers = [line.split(",")[0] for line in succeed("predict", run, new).splitlines()[1:]]
    assert answers[:2] == ["yes", "no"]
    assert "the same bit for bit" in succeed("repeat", run)
