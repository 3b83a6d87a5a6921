"""What does a run leave behind? A folder that a person can look at, keep, use and go on from.

==================  ========================================================
config.json         the recipe, what is known of the data, versions
history.csv         loss and accuracy over evaluations
model.safetensors   weights and biases, and the scaling of the inputs
state.safetensors   everything that is needed to go on
result.json         the numbers of the closing table
*.png               loss, accuracy, and the network's decisions
==================  ========================================================
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from gradless import checkpoint
from gradless.data import DATASETS, Scaling
from gradless.errors import InputError
from gradless.history import History
from gradless.models import MLP
from gradless.output import make_folder, shortened
from gradless.recipe import Prepared, Recipe, prepare
from gradless.train import Run
from gradless.tree import Params

CONFIG, HISTORY, MODEL, STATE, RESULT = (
    "config.json",
    "history.csv",
    "model.safetensors",
    "state.safetensors",
    "result.json",
)

_NUMBERS_AT_ONCE = 2**26


@functools.partial(jax.jit, static_argnums=0)
def _apply(model: MLP, params: Params, features: jax.Array) -> jax.Array:
    return model.apply(params, features)


@dataclass(frozen=True)
class Network:
    """A trained network with all that it takes to use it on a table."""

    model: MLP
    params: Params
    scaling: Scaling | None
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None

    def outputs(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Outputs (samples, outputs) for features as they are in the file, (samples, features)."""
        if self.scaling is not None:
            features = self.scaling.apply(features)
        return self.outputs_of_scaled(features)

    def outputs_of_scaled(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Outputs (samples, outputs) for features scaled as in training."""
        # In pieces, so that a wide network's activations fit into memory.
        rows = max(1, _NUMBERS_AT_ONCE // max(self.model.sizes))
        pieces = range(0, len(features), rows)
        outputs = [_apply(self.model, self.params, features[i : i + rows]) for i in pieces]
        return np.concatenate([np.asarray(piece) for piece in outputs])

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Class probabilities (samples, classes) for features scaled as in training."""
        return softmax(self.outputs_of_scaled(features))


def softmax(outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Class probabilities from the outputs of a network, (samples, classes)."""
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def default_folder(data: str, strategy: str) -> Path:
    """First free folder ``runs/DATA-STRATEGY-N``."""
    stem = data if data in DATASETS else Path(data).stem
    strategy = strategy.replace(":", "-")  # evosax names; not every system allows colons
    number = 1
    while (folder := Path("runs") / f"{stem}-{strategy}-{number}").exists():
        number += 1
    return folder


def claim(folder: Path) -> Path:
    """Make the folder of a new run; one that already holds something is refused."""
    make_folder(folder)
    if any(folder.iterdir()):
        held = "another run" if (folder / CONFIG).exists() else "other files"
        raise InputError(f"--out {folder} holds {held}, expected a new or empty folder")
    return folder


def write_config(folder: Path, prepared: Prepared) -> None:
    """Write what decides the run, before it begins."""
    train = prepared.train
    checkpoint.write_json(
        folder / CONFIG,
        {
            "recipe": dataclasses.asdict(prepared.recipe),
            "data": {
                "name": train.name,
                "training_samples": train.n_samples,
                "test_samples": 0 if prepared.test is None else prepared.test.n_samples,
                "features": list(train.feature_names),
                "classes": None if train.class_names is None else list(train.class_names),
                "fingerprint": prepared.fingerprint,
            },
            "network": {"sizes": list(prepared.model.sizes)},
            "versions": {
                "gradless": importlib.metadata.version("gradless"),
                "jax": jax.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "backend": jax.default_backend(),
            },
        },
    )


def write_run(folder: Path, network: Network, run: Run, history: History) -> None:
    """Write the network, its history and the state to go on from."""
    checkpoint.save_tree(folder / MODEL, _stored(network.params, network.scaling))
    checkpoint.save_tree(folder / STATE, run)
    history.to_csv(folder / HISTORY)


def write_result(folder: Path, result: dict[str, object]) -> None:
    """Write the numbers of the closing table."""
    checkpoint.write_json(folder / RESULT, result)


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run folder."""
    # os.path, unlike pathlib, takes a name that is too long for one that does not exist.
    if not os.path.isdir(folder):  # noqa: PTH112
        raise InputError(f"{shortened(folder)} is not a folder, expected one of gradless train")
    if not (folder / CONFIG).exists():
        raise InputError(f"{folder} holds no {CONFIG}, expected the folder of a run")
    config = checkpoint.read_json(folder / CONFIG)
    try:
        recipe = Recipe.from_json(config["recipe"])
        sizes, described = tuple(config["network"]["sizes"]), config["data"]
        MLP(sizes, recipe.activation, recipe.initializer)
        classes = described["classes"]
        if (len(described["features"]), 1 if classes is None else len(classes)) != (
            sizes[0],
            sizes[-1],
        ):
            raise InputError("the network does not fit the data")
    except (KeyError, TypeError, InputError):
        raise InputError(
            f"{folder / CONFIG} does not describe a run that this version of gradless can read"
        ) from None
    return dict(config)


def read_network(folder: Path) -> Network:
    """The trained network of a run folder; the data are not needed."""
    config = read_config(folder)
    recipe = Recipe.from_json(config["recipe"])
    model = MLP(tuple(config["network"]["sizes"]), recipe.activation, recipe.initializer)
    described = config["data"]
    zeros = np.zeros(model.sizes[0], np.float32)
    scaling = Scaling(mean=zeros, scale=zeros + 1) if recipe.standardize else None
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0)))
    like = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
    stored = checkpoint.load_tree(folder / MODEL, _stored(like, scaling))
    if scaling is not None:
        inputs = {name: np.asarray(array) for name, array in stored["inputs"].items()}
        scaling = Scaling(**inputs)
    classes = described["classes"]
    return Network(
        model,
        stored["layers"],
        scaling,
        tuple(described["features"]),
        None if classes is None else tuple(classes),
    )


def reopen(folder: Path) -> tuple[Prepared, Run, History]:
    """Everything needed to go on with a run; refused if its data have changed."""
    config = read_config(folder)
    prepared = prepare(Recipe.from_json(config["recipe"]))
    if prepared.fingerprint != config["data"].get("fingerprint"):
        raise InputError(
            f"the data of {folder} have changed since it began; "
            "restore them, or start a new run with gradless train"
        )
    run = checkpoint.load_tree(folder / STATE, prepared.begin())
    return prepared, run, History.from_csv(folder / HISTORY)


def _stored(params: Params, scaling: Scaling | None) -> dict[str, Any]:
    if scaling is None:
        return {"layers": params}
    return {"layers": params, "inputs": {"mean": scaling.mean, "scale": scaling.scale}}
