"""Runs of networks whose weights have eight bits."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from gradless._core.storage import load_about, save_tree
from gradless._core.tree import Structure
from gradless.data.datasets import load
from gradless.runs import run_folder
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from helpers.commands import (
    SMALL,
    Trained,
    last_checkpoint,
    read_json,
    refuse,
    succeed,
    write_table,
)


@pytest.fixture(scope="module")
def eight(tmp_path_factory) -> Trained:
    """A network of weights in eight bits."""
    folder = tmp_path_factory.mktemp("eight") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradless.views.pictures.draw", lambda *_: [])
        out = succeed("train", "vertical", *SMALL, "--weights", "int8", "--out", folder)
    return Trained(folder, out)


def test_a_file_of_eight_bits_is_the_network_that_was_trained(eight):
    arrays = load_file(eight.folder / "model.safetensors")
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        f"layers.{layer}.{name}": dtype
        for layer in (0, 1)
        for name, dtype in (
            ("weights.values", "int8"), ("weights.scale", "float32"), ("biases", "float32"),
        )
    }  # fmt: skip
    network = run_folder.read_network(eight.folder)
    trained = Structure.of(network.params).unravel(
        load_file(last_checkpoint(eight.folder))["run.best"]
    )
    assert not np.array_equal(trained[0].weights, network.params[0].weights)  # not rounded
    features = load("vertical").features
    np.testing.assert_array_equal(
        dataclasses.replace(network, params=trained).outputs_of_inputs(features),
        network.outputs_of_inputs(features),
    )
    loss = read_json(eight.folder, "result.json")["loss"]
    prepared = prepare(Recipe.from_json(read_json(eight.folder, "config.json")["recipe"]))
    assert prepared.judge(network.params, prepared.train).value == loss
    assert "the same bit for bit" in succeed("repeat", eight.folder)


@pytest.mark.parametrize(
    ("damage", "fragment"),
    [
        ({"values": np.int8(1)}, "a scale of 16 bits by which"),
        ({"values": np.int8(-128)}, "from -128 to"),
        ({"scale": np.float32(np.nan)}, "a scale of nan"),
        ({"values": np.float32(1)}, "weights.values' must be int8[2, 3], got float32[2, 3]"),
        ({"scale": np.float64(1)}, "'layers.0.weights.scale' must be float32[], got float64[]"),
    ],
    ids=["all ones", "-128", "not a number", "numbers", "digits"],
)
def test_weights_that_training_cannot_have_made_are_refused(eight, tmp_path, damage, fragment):
    folder = eight.copy(Path("run"))
    arrays = load_file(folder / "model.safetensors")
    for name, value in damage.items():
        where = f"layers.0.weights.{name}"
        arrays[where] = np.full(arrays[where].shape, value)
    save_tree(folder / "model.safetensors", arrays)
    line = refuse("predict", folder, write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]]))
    assert fragment in line
    assert str(folder / "model.safetensors") in line


def test_a_network_of_other_weights_is_refused(eight, vertical, tmp_path):
    table = write_table(tmp_path / "rows.csv", ["x", "y"], [[0, 0]])
    for run, other in ((eight, vertical), (vertical, eight)):
        folder = run.copy(tmp_path / run.folder.parent.name)
        shutil.copy(other.folder / "model.safetensors", folder)
        assert "must hold the arrays of this run" in refuse("predict", folder, table)


@pytest.mark.usefixtures("without_pictures")
def test_a_run_of_before_there_were_other_weights_goes_on(vertical):
    folder = vertical.copy(Path("run"))
    config = read_json(folder, "config.json")
    del config["recipe"]["weights"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for path in (folder / "checkpoints").iterdir():
        about = load_about(path)
        del about["recipe"]["weights"]
        save_tree(path, load_file(path), about)
    succeed("resume", folder, "--evaluations", "400", "--quiet")
