"""What does a run leave behind? A folder that a person can look at, keep, use and go on from.

=================== ========================================================
config.json         the recipe, what is known of the data, versions
status.json         running, finished, interrupted or failed
checkpoints/        everything that is needed to go on, the last two
run.seeds           with ``--seed-log``: the seed and the losses of all candidates
live.csv            a line a second of the same, while it trains, for gradless watch
history.csv         loss and accuracy over evaluations; the loss is what is minimised
validation.csv      the same loss of networks that were judged on validation rows
rows.safetensors    fingerprints of the rows that it was trained on
model.safetensors   weights and biases; for numbers, what brings outputs into their units
preprocessing.skops what makes inputs of the columns, as learned in training
result.json         the numbers of the closing table
model_card.md       what was trained on what, how good it is, how to use it
card.html           the same as a page with its pictures
*.png               objective, accuracy, and the network's decisions
=================== ========================================================

The first three are there from the beginning on, so that a run can go on whenever it was cut off.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gradless._core import storage
from gradless._core.errors import InputError
from gradless._core.terminal import make_folder, shortened
from gradless._core.tree import Params
from gradless.data import fingerprints
from gradless.data.columns import is_kind
from gradless.data.named import DATASETS
from gradless.data.preprocessing import Preprocessing
from gradless.models.mlp import MLP
from gradless.problems.supervised import OutputScale
from gradless.runs import ranges
from gradless.runs.network import Network
from gradless.runs.prepared import Prepared
from gradless.runs.recipe import Recipe
from gradless.training import checkpoint, seed_log
from gradless.training.history import History
from gradless.training.validation import Look, Validation, looks_of

CONFIG, HISTORY, VALIDATION, MODEL, PREPROCESSING, RESULT, STATUS, LOCK, SEEDS = (
    "config.json",
    "history.csv",
    "validation.csv",
    "model.safetensors",
    "preprocessing.skops",
    "result.json",
    "status.json",
    "lock",
    seed_log.NAME,
)


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
        raise InputError(
            f"--out must be a new or empty folder, got {folder}, which holds {held}. Use for "
            f"example --out {folder}-2"
        )
    return folder


def forget_unbegun(folder: Path) -> None:
    """Take what is written before a run's first checkpoint away: there is nothing to go on with."""
    if not checkpoint.found(folder):
        for name in (CONFIG, STATUS, LOCK, SEEDS):
            (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (folder / checkpoint.FOLDER).rmdir()
            folder.rmdir()


def write_config(folder: Path, prepared: Prepared) -> None:
    """Write what decides the run, before it begins."""
    storage.write_json(folder / CONFIG, config_of(prepared))


def config_of(prepared: Prepared) -> dict[str, Any]:
    """What decides a run, and what is known of its data, for JSON."""
    train = prepared.train
    return {
        "recipe": dataclasses.asdict(prepared.recipe),
        "data": {
            "name": train.name,
            "training_samples": train.n_samples,
            "validation_samples": (
                0 if prepared.validation is None else prepared.validation.n_samples
            ),
            "test_samples": 0 if prepared.test is None else prepared.test.n_samples,
            "target": prepared.target,
            "features": [column.name for column in prepared.table],
            "kinds": [column.kind for column in prepared.table],
            "ranges": ranges.seen(prepared),
            "inputs": list(train.feature_names),
            "classes": None if train.class_names is None else list(train.class_names),
            "fingerprint": prepared.fingerprint,
            "columns": prepared.columns,
        },
        "network": {"sizes": list(prepared.model.sizes)},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """What the bits of a run depend on."""
    return {
        "gradless": importlib.metadata.version("gradless"),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "backend": jax.default_backend(),
    }


def write_run(
    folder: Path,
    network: Network,
    history: History,
    prepared: Prepared,
    validation: Validation | None = None,
) -> None:
    """Write the network with its preprocessing, its rows, its history and what chose it."""
    if network.preprocessing is not None:  # first: where a network is, it can be used
        network.preprocessing.save(folder / PREPROCESSING)
    write_weights(folder, network.model, network.params, network.scale)
    fingerprints.write(folder, prepared.rows)
    history.to_csv(folder / HISTORY)
    if validation is None:
        (folder / VALIDATION).unlink(missing_ok=True)
    else:
        storage.write_bytes(folder / VALIDATION, validation.csv().encode())


def write_weights(folder: Path, model: MLP, params: Params, scale: OutputScale | None) -> None:
    """Write weights and biases, and what brings outputs into their units."""
    tree: dict[str, Any] = {"layers": model.stored(params)}
    if scale is not None:
        tree["outputs"] = scale
    storage.save_tree(folder / MODEL, tree, {"scaled": scale is not None})


def read_looks(folder: Path) -> list[Look]:
    """What was seen of the networks that validation rows chose from; nothing if they did not."""
    path = folder / VALIDATION
    return looks_of(path.read_text(encoding="utf-8")) if path.is_file() else []


def write_result(folder: Path, result: dict[str, object]) -> None:
    """Write the numbers of the closing table."""
    storage.write_json(folder / RESULT, result)


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run folder."""
    # os.path, unlike pathlib, takes a name that is too long for one that does not exist.
    if not os.path.isdir(folder):  # noqa: PTH112
        raise InputError(
            f"RUN must be a folder of gradless train, got {shortened(folder)}, which is not a "
            "folder"
        )
    if not (folder / CONFIG).exists():
        raise InputError(f"RUN must be the folder of a run, got {folder}, which holds no {CONFIG}")
    return checked_config(storage.read_json(folder / CONFIG), folder / CONFIG)


def checked_config(config: Any, name: Path) -> dict[str, Any]:
    """What was read, if this version can use it."""
    try:
        recipe = Recipe.from_json(config["recipe"])
        sizes, described = tuple(config["network"]["sizes"]), config["data"]
        recipe.model(sizes)
        classes = described["classes"]
        kinds, inputs = described["kinds"], len(described["inputs"])
        if len(kinds) != len(described["features"]) or not all(map(is_kind, kinds)):
            raise InputError("there is not one kind for each feature")
        if (inputs, 1 if classes is None else len(classes)) != (
            sizes[0],
            sizes[-1],
        ):
            raise InputError("the network does not fit the data")
    except (KeyError, TypeError, InputError):
        raise InputError(
            f"{name} does not describe a run that this version of gradless can read"
        ) from None
    return dict(config)


def read_network(folder: Path) -> Network:
    """The trained network of a run folder; the data are not needed."""
    config = read_config(folder)
    recipe = Recipe.from_json(config["recipe"])
    model = recipe.model(tuple(config["network"]["sizes"]))
    described = config["data"]
    if not (folder / MODEL).exists() and checkpoint.found(folder):
        raise InputError(
            f"{folder} has no {MODEL} yet, since the run did not end; "
            f"end it with: gradless resume {folder}"
        )
    like: dict[str, Any] = {"layers": model.stored_zeros()}
    # In files of before, the last layer has taken the scale.
    if dictionary(storage.load_about(folder / MODEL)).get("scaled"):
        like["outputs"] = OutputScale(*np.zeros((2, model.sizes[-1])))
    stored = storage.load_tree(folder / MODEL, like)
    names, classes = tuple(described["features"]), described["classes"]
    preprocessing = None
    if recipe.standardize or recipe.data not in DATASETS:
        path = folder / PREPROCESSING
        preprocessing = Preprocessing.load(path, names, described["kinds"])
        if preprocessing.input_names != tuple(described["inputs"]):
            raise InputError(
                f"{path} makes other inputs than {CONFIG} names; use the file of the run"
            )
    return Network(
        model,
        model.restored(stored["layers"], folder / MODEL),
        preprocessing,
        names,
        None if classes is None else tuple(classes),
        described.get("target"),
        stored.get("outputs"),
        recipe.missing,
        recipe.how,
        _ranges(described.get("ranges"), names),
    )


def _ranges(written: Any, names: tuple[str, ...]) -> tuple[tuple[float, float] | None, ...] | None:
    """Ranges as they are written; None of files that have none."""
    if not isinstance(written, list) or len(written) != len(names):
        return None
    try:
        return tuple(None if one is None else (float(one[0]), float(one[1])) for one in written)
    except (TypeError, ValueError, IndexError):
        return None


def dictionary(value: Any) -> dict[str, Any]:
    """What was read if it is one, otherwise nothing."""
    return value if isinstance(value, dict) else {}
