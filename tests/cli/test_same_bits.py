"""The command line and an estimator given the same table, seed and settings find the same bits."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from gradless import GradientFreeClassifier, GradientFreeRegressor
from helpers.commands import read_json, succeed, write_table

pytestmark = pytest.mark.usefixtures("without_pictures")

EVALUATIONS = 1500


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Rows of three numbers, a class and a number to predict; some of the rows twice."""
    rng = np.random.default_rng(0)
    numbers = rng.normal([5, 0, -1e4], [1, 100, 3], (90, 3)).round(3)
    words = np.array(["no", "yes"])[(numbers @ [1, 0.01, 0] - 5 + rng.normal(0, 0.3, 90) > 0) * 1]
    y = (1e3 + numbers @ [200, -1, 0] + rng.normal(0, 10, 90)).round(2)
    again = rng.integers(0, 90, 10)
    numbers, words, y = (np.concatenate([each, each[again]]) for each in (numbers, words, y))
    path = tmp_path_factory.mktemp("table") / "table.csv"
    columns = zip(numbers.tolist(), words.tolist(), y.tolist(), strict=True)
    write_table(path, ["a", "b", "c", "word", "y"], [[*x, word, n] for x, word, n in columns])
    return path, numbers, words, y


def of_command(table, folder, target, other, *arguments):
    """Layers of the network that the command line leaves, and its closing numbers."""
    out = succeed(
        "train", table[0], "--target", target, "--drop", other, "--seed", 3, "--hidden", 4,
        "--evaluations", EVALUATIONS, "--test-fraction", 0, *arguments, "--json", "--out", folder,
    )  # fmt: skip
    assert json.loads(out) == read_json(folder, "result.json")
    arrays = load_file(folder / "model.safetensors")
    layers = [arrays[f"layers.{k}.{part}"] for k in range(2) for part in ("weights", "biases")]
    return layers, json.loads(out), arrays


def assert_same(model, layers):
    ours = [array for pair in zip(model.coefs_, model.intercepts_, strict=True) for array in pair]
    for one, other in zip(ours, layers, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ((), {}),
        (("--objective", "f1"), {"objective": "f1"}),
        pytest.param(
            ("--strategy", "hill_climbing", "--batch-size", "32", "--patience", "2"),
            {"strategy": "hill_climbing", "batch_size": 32, "patience": 2},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["defaults", "f1", "minibatches"],
)
def test_a_classifier_is_that_of_the_command_line(table, tmp_path, arguments, parameters):
    layers, result, _ = of_command(table, tmp_path / "run", "word", "y", *arguments)
    model = GradientFreeClassifier(
        4, max_evaluations=EVALUATIONS, random_state=3, **parameters
    ).fit(table[1], table[2])
    assert_same(model, layers)
    assert model.n_evaluations_ == result["evaluations"]
    assert model.stopped_because_.split(" on ")[0] == result["stopped_because"].split(" on ")[0]


@pytest.mark.parametrize(
    ("objective", "validation", "parameters"),
    [
        ("squared_error", (), {}),
        pytest.param(
            "absolute_error", ("--validation", "0"), {"early_stopping": False},
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_a_regressor_is_that_of_the_command_line(
    table, tmp_path, objective, validation, parameters
):
    arguments = "--objective", objective, "--task", "regression", *validation
    layers, result, arrays = of_command(table, tmp_path / "run", "y", "word", *arguments)
    model = GradientFreeRegressor(
        4, max_evaluations=EVALUATIONS, random_state=3, objective=objective, **parameters
    ).fit(table[1], table[3])
    assert_same(model, layers)
    np.testing.assert_array_equal(arrays["outputs.scale"], model.output_scale_)
    np.testing.assert_array_equal(arrays["outputs.shift"], model.output_shift_)
    assert model.n_evaluations_ == result["evaluations"]


def test_a_constant_target_is_predicted_as_that_number(table, tmp_path):
    _, numbers, _, _ = table
    rows = [[*x, 2.5] for x in numbers.tolist()]
    constant = write_table(tmp_path / "constant.csv", ["a", "b", "c", "y"], rows)
    arguments = ("--target", "y", "--seed", 3, "--hidden", 4, "--evaluations", 300, "--quiet")
    succeed("train", constant, *arguments, "--test-fraction", 0, "--out", tmp_path / "run")
    predicted = succeed("predict", tmp_path / "run", constant).split()
    assert predicted == ["prediction", *["2.5"] * len(rows)]
    model = GradientFreeRegressor(4, max_evaluations=300, random_state=3)
    assert set(model.fit(numbers, np.full(len(numbers), 2.5)).predict(numbers)) == {2.5}
