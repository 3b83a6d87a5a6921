"""Columns that matter are important, and those that do not are not."""

import numpy as np
import pytest

from gradless.models.mlp import Dense
from gradless.runs.importance import dependences, importances
from gradless.runs.network import Network
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.runs.scoring import Scoring


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network by hand: its number is 100 + 10 * (kind = b) + size, and it ignores the rest."""
    rng = np.random.default_rng(0)
    size, none = rng.normal(5, 2, (2, 80)).round(3)
    kind = rng.choice(["a", "b"], 80)
    path = tmp_path_factory.mktemp("importance") / "table.csv"
    lines = [
        f"{n},{k},{s},{100 + 10 * (k == 'b') + s:.3f}"
        for n, k, s in zip(none, kind, size, strict=True)
    ]
    path.write_text("\n".join(["none,kind,size,y", *lines, ""]), encoding="utf-8")
    prepared = prepare(
        Recipe(str(path), target="y", hidden=(1,), activation="relu", strategy="openai_es")
    )
    scaler = prepared.preprocessing.transformer.named_transformers_["numbers"].named_steps["scale"]
    weights = np.float32([[0], [scaler.scale_[1]], [0], [10]])
    first = Dense(weights, np.float32([scaler.mean_[1] + 1000]))
    last = Dense(np.float32([[1]]), np.float32([100 - 1000]))
    network = Network(
        prepared.model, (first, last), prepared.preprocessing, ("none", "kind", "size"), None, "y"
    )
    return network, prepared, size


def test_the_importance_is_what_shuffling_costs(run):
    network, prepared, _ = run
    found = {one.name: one for one in importances(network, prepared)}
    assert list(found) == ["kind", "size", "none"]
    assert found["none"][2:] == (0, 0, 0)
    for name, column in (("kind", [2, 3]), ("size", [1])):
        # Of rows shuffled at random, the mean of (x - x')^2 is twice the variance.
        inputs = prepared.test.features[:, column[-1]]
        factor = 10 if name == "kind" else network.params[0].weights[1, 0]
        expected = 2 * np.var(inputs * factor)
        assert found[name].value == pytest.approx(expected, rel=0.5)
        assert 0 < found[name].low < found[name].value < found[name].high


def test_shuffled_columns_are_judged_by_the_objective(run):
    network, prepared, _ = run
    value = Scoring(prepared, prepared.test).value(
        network.outputs_of_inputs(prepared.test.features)
    )
    assert value == pytest.approx(0, abs=1e-4)


def test_the_dependence_is_the_mean_answer_at_a_value(run):
    network, prepared, size = run
    kind, line, none = dependences(network, prepared, importances(network, prepared))
    assert kind.values == ("a", "b")
    assert kind.answers[1] - kind.answers[0] == pytest.approx(10, rel=1e-4)
    assert np.diff(line.answers[:, 0]) == pytest.approx(np.diff(line.values), rel=1e-3)
    assert size.min() <= line.values[0] < line.values[-1] <= size.max()
    assert (np.diff(line.seen) >= 0).all()
    assert none.answers == pytest.approx(none.answers[0].repeat(len(none.answers)).reshape(-1, 1))


def test_what_would_take_long_is_left_out(run, monkeypatch):
    network, prepared, _ = run
    monkeypatch.setattr("gradless.runs.importance._WORK", 1000)
    assert importances(network, prepared) == []
