"""What does a run leave behind? A folder that a person can look at, keep, use and go on from.

=================== ========================================================
config.json         the recipe, what is known of the data, versions
status.json         running, finished, interrupted or failed
checkpoints/        everything that is needed to go on, the last two
history.csv         loss and accuracy over evaluations; the loss is what is minimised
validation.csv      the same loss of networks that were judged on validation rows
rows.safetensors    fingerprints of the rows that it was trained on
model.safetensors   weights and biases; for numbers, what brings outputs into their units
preprocessing.skops what makes inputs of the columns, as learned in training
result.json         the numbers of the closing table
model_card.md       what was trained on what, how good it is, how to use it
*.png               objective, accuracy, and the network's decisions
=================== ========================================================

The first three are there from the beginning on, so that a run can go on whenever it was cut off.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from gradless._core import interrupts, storage
from gradless._core.errors import InputError
from gradless._core.terminal import make_folder, shortened
from gradless._core.tree import Params
from gradless.data import fingerprints
from gradless.data.columns import Columns, Kind
from gradless.data.named import DATASETS
from gradless.data.preprocessing import Preprocessing
from gradless.models import numpy_forward
from gradless.models.mlp import MLP
from gradless.problems.supervised import OutputScale
from gradless.runs.recipe import Prepared, Recipe, prepare
from gradless.training import checkpoint
from gradless.training.checkpoint import Saved
from gradless.training.history import History
from gradless.training.loop import Stop
from gradless.training.validation import Look, Validation, looks_of

CONFIG, HISTORY, VALIDATION, MODEL, PREPROCESSING, RESULT, STATUS, LOCK = (
    "config.json",
    "history.csv",
    "validation.csv",
    "model.safetensors",
    "preprocessing.skops",
    "result.json",
    "status.json",
    "lock",
)

_NUMBERS_AT_ONCE = 2**25


@dataclass(frozen=True)
class Network:
    """A trained network with all that it takes to use it on a table."""

    model: MLP
    params: Params
    preprocessing: Preprocessing | None
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None
    target: str | None
    scale: OutputScale | None = None  # None where outputs are in the units of the target
    missing: tuple[str, ...] | None = None  # what cells are, as for `read_table`

    @property
    def kinds(self) -> tuple[Kind, ...] | None:
        """What the columns of features hold; None for numbers without gaps."""
        return None if self.preprocessing is None else self.preprocessing.kinds

    def outputs(self, columns: Columns) -> npt.NDArray[Any]:
        """Outputs (samples, outputs) for the columns of features as they are in a file."""
        if self.preprocessing is None:
            return self.outputs_of_inputs(columns.features)
        return self.outputs_of_inputs(self.preprocessing.transform(columns))

    def outputs_of_inputs(self, features: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
        """Outputs (samples, outputs) for inputs that are preprocessed as in training.

        They are float32, or float64 where they were brought into the units of the target. Computed
        in double precision, they are the same whatever other samples there are.
        """
        layers = jax.tree.map(np.asarray, self.model.used(self.params))
        weights, biases = ([layer[part] for layer in layers] for part in (0, 1))
        # In pieces, so that a wide network's activations fit into memory.
        rows = max(1, _NUMBERS_AT_ONCE // max(self.model.sizes))
        found = np.empty((len(features), self.model.sizes[-1]), np.float32)
        for i in range(0, len(features), rows):
            # What the network saw in training is float32.
            inputs = np.asarray(features[i : i + rows], np.float32).astype(np.float64)
            with np.errstate(over="ignore", invalid="ignore"):  # is infinite, or NaN
                piece = numpy_forward.outputs(inputs, weights, biases, self.model.activation)
                found[i : i + rows] = piece
        return found if self.scale is None else self.scale.applied(found)

    def probabilities(self, features: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
        """Class probabilities (samples, classes) for inputs preprocessed as in training."""
        return softmax(self.outputs_of_inputs(features))


def softmax(outputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
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
        raise InputError(
            f"--out {folder} holds {held}, expected a new or empty folder; give another name, for "
            f"example {folder}-2, or delete it"
        )
    return folder


def forget_unbegun(folder: Path) -> None:
    """Take what is written before a run's first checkpoint away: there is nothing to go on with."""
    if not checkpoint.found(folder):
        for name in (CONFIG, STATUS, LOCK):
            (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (folder / checkpoint.FOLDER).rmdir()
            folder.rmdir()


def write_config(folder: Path, prepared: Prepared) -> None:
    """Write what decides the run, before it begins."""
    train = prepared.train
    storage.write_json(
        folder / CONFIG,
        {
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
                "inputs": list(train.feature_names),
                "classes": None if train.class_names is None else list(train.class_names),
                "fingerprint": prepared.fingerprint,
                "columns": prepared.columns,
            },
            "network": {"sizes": list(prepared.model.sizes)},
            "versions": _versions(),
        },
    )


def _versions() -> dict[str, str]:
    return {
        "gradless": importlib.metadata.version("gradless"),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "backend": jax.default_backend(),
    }


def about(
    prepared: Prepared,
    stop: Stop,
    history: History,
    not_finite: int,
    validation: Validation | None = None,
) -> dict[str, Any]:
    """What a checkpoint says of its run besides its numbers."""
    last = history.last if len(history) else None
    return {
        "recipe": _as_json(prepared.recipe),
        "fingerprint": prepared.fingerprint,
        "versions": _versions(),
        "stop": dataclasses.asdict(stop),
        "not_finite": not_finite,
        "validation": None if validation is None else validation.described(),
        "evaluations": last.evaluations if last else 0,
        "seconds": last.seconds if last else 0.0,
        "best_loss": last.best_loss if last else None,
    }


def _as_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON gives it back."""
    return dict(json.loads(json.dumps(dataclasses.asdict(recipe))))


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
    tree: dict[str, Any] = {"layers": network.model.stored(network.params)}
    if network.scale is not None:
        tree["outputs"] = network.scale
    storage.save_tree(folder / MODEL, tree, {"scaled": network.scale is not None})
    fingerprints.write(folder, prepared.rows)
    history.to_csv(folder / HISTORY)
    if validation is None:
        (folder / VALIDATION).unlink(missing_ok=True)
    else:
        storage.write_bytes(folder / VALIDATION, validation.csv(prepared.strategy).encode())


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
        raise InputError(f"{shortened(folder)} is not a folder, expected one of gradless train")
    if not (folder / CONFIG).exists():
        raise InputError(f"{folder} holds no {CONFIG}, expected the folder of a run")
    config = storage.read_json(folder / CONFIG)
    try:
        recipe = Recipe.from_json(config["recipe"])
        sizes, described = tuple(config["network"]["sizes"]), config["data"]
        recipe.model(sizes)
        classes = described["classes"]
        kinds, inputs = described["kinds"], len(described["inputs"])
        if len(kinds) != len(described["features"]) or not set(kinds) <= {"number", "category"}:
            raise InputError("there is not one kind for each feature")
        if (inputs, 1 if classes is None else len(classes)) != (
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
    model = recipe.model(tuple(config["network"]["sizes"]))
    described = config["data"]
    if not (folder / MODEL).exists() and checkpoint.found(folder):
        raise InputError(
            f"{folder} has no {MODEL} yet, since the run did not end; "
            f"end it with: gradless resume {folder}"
        )
    like: dict[str, Any] = {"layers": model.stored_zeros()}
    # In files of before, the last layer has taken the scale.
    if _dictionary(storage.load_about(folder / MODEL)).get("scaled"):
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
    )


class Progress(NamedTuple):
    """How far a run has come, and where it was to stop."""

    stop: Stop
    evaluations: int
    seconds: float
    not_finite: int
    validation: Validation | None = None


def reopen(folder: Path) -> tuple[Prepared, Saved, Progress]:
    """Everything needed to go on with a run.

    Raises
    ------
    InputError
        If it cannot go on as it would have, because its data or its configuration have changed, or
        if no checkpoint can be read.
    """
    config = read_config(folder)
    prepared = prepare(Recipe.from_json(config["recipe"]))
    described, features = config["data"], [column.name for column in prepared.table]
    if (described.get("fingerprint"), described["features"]) != (prepared.fingerprint, features):
        raise InputError(
            f"the data of {folder} have changed since it began: "
            f"{_changed(described, prepared)}; "
            "restore them, or start a new run with gradless train"
        )
    saved = checkpoint.newest(folder, prepared.begin())
    _check_unchanged(folder, prepared, saved)
    try:
        names = ("evaluations", "seconds", "not_finite")
        kinds = ((int,), (int, float), (int,))
        numbers = [saved.about[name] for name in names]
        if not all(isinstance(*pair) for pair in zip(numbers, kinds, strict=True)):
            raise TypeError("not numbers")
        validation = prepared.validator()
        if validation is not None:
            validation.restore(saved.about["validation"], saved.kept)
        stop = Stop(**saved.about["stop"])
        return prepared, saved, Progress(stop, *numbers)._replace(validation=validation)
    except (KeyError, TypeError, ValueError, InputError):
        raise InputError(
            f"the checkpoints in {folder} do not say how far the run is and what limits it had; "
            "start a new run with gradless train"
        ) from None


def _changed(then: dict[str, Any], prepared: Prepared) -> str:
    """What is different about the data."""
    features, before = [column.name for column in prepared.table], list(then["features"])
    if features != before:
        more = [f"features {_some(sorted(set(features) - set(before)))} are new"]
        less = [f"features {_some(sorted(set(before) - set(features)))} are gone"]
        kept = more * (not set(features) <= set(before)) + less * (not set(before) <= set(features))
        return " and ".join(kept) or "the features are in another order"
    if (count := then.get("training_samples")) != prepared.train.n_samples:
        return f"{prepared.train.n_samples} training samples, were {count}"
    columns, checksums = _dictionary(then.get("columns")), prepared.columns
    changed = [name for name in checksums if columns.get(name) != checksums[name]]
    # Rows, target and columns are the same: then their preprocessing is not.
    return f"other values in {_some(changed)}" if changed else "they are preprocessed otherwise"


def _some(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def _check_unchanged(folder: Path, prepared: Prepared, saved: Saved) -> None:
    now = _as_json(prepared.recipe)
    try:
        then = _as_json(Recipe.from_json(saved.about.get("recipe")))
    except InputError:
        then = {}
    if not then or saved.about.get("fingerprint") != prepared.fingerprint:
        raise InputError(f"the checkpoints in {folder} are those of another run; restore its own")
    then, now = ({**recipe, **_dictionary(recipe["hyperparameters"])} for recipe in (then, now))
    for name in sorted((now.keys() | then.keys()) - {"hyperparameters"}):
        if now.get(name) != then.get(name):
            raise InputError(
                f"{folder / CONFIG} was changed since the run began: {name} is {now.get(name)!r}, "
                f"its checkpoint has {then.get(name)!r}; change it back, or start a new run"
            )


def differing_versions(saved: Saved) -> str | None:
    """What a run that goes on should know: bits depend on these versions."""
    then, now = saved.about.get("versions", {}), _versions()
    changed = [
        f"{name} {then.get(name)} is now {now[name]}"
        for name in ("gradless", "jax", "backend")
        if then.get(name) != now[name]
    ]
    return ", ".join(changed) or None


# --- Who uses it, and how did it end? -------------------------------------------------------------


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run folder; a second process is refused.

    The system frees the lock when a process dies, however it dies.

    Raises
    ------
    InputError
        If another process holds it.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"{folder} is in use by {_holder(folder)}; wait until it ends, or end it with Ctrl-C. "
            f"If there is no such process, delete {folder / LOCK}"
        ) from None
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror})") from None
    try:
        with contextlib.suppress(OSError):  # only for people; the lock itself holds
            (folder / LOCK).write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        lock.release()


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Say that a run is running, and if that raises, how it ended."""
    with interrupts.farewell(lambda: _cut_off(folder)):
        write_status(folder, "running")
        try:
            yield
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            with contextlib.suppress(OSError):  # the first error counts
                how = "interrupted" if interrupted else "failed"
                write_status(folder, how, str(error) or type(error).__name__)
            raise


def _cut_off(folder: Path) -> str | None:
    """Say that a run was interrupted, if it has not ended; returns how it goes on."""
    if _stored_status(folder) != "running":
        return None
    write_status(folder, "interrupted", "interrupted before all was written")
    return f"go on with: gradless resume {folder}" if checkpoint.found(folder) else None


def _holder(folder: Path) -> str:
    try:
        return (folder / LOCK).read_text(errors="replace")[:200].strip() or "another process"
    except OSError:
        return "another process"


def write_status(folder: Path, how: str, why: str | None = None) -> None:
    """Say how a run is: running, finished, interrupted or failed, and why."""
    storage.write_json(folder / STATUS, {"status": how, "why": why})


class Summary(NamedTuple):
    """A run in one line; what is not known is None."""

    run: str
    status: str
    strategy: str | None
    data: str | None
    objective: str | None
    evaluations: int | None
    best_loss: float | None
    seconds: float | None


def summaries(directory: Path) -> list[Summary]:
    """Every run folder in a directory, the oldest first."""
    if not directory.is_dir():
        raise InputError(f"{shortened(directory)} is not a folder, expected one that holds runs")
    inside = [path.parent for path in directory.glob(f"*/{CONFIG}")]
    if (directory / CONFIG).exists():
        inside = [directory]
    return [
        _summary(folder) for folder in sorted(inside, key=lambda f: (f / CONFIG).stat().st_mtime)
    ]


def _summary(folder: Path) -> Summary:
    known: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    with contextlib.suppress(InputError):
        recipe = _dictionary(_dictionary(storage.read_json(folder / CONFIG)).get("recipe"))
    for path in checkpoint.found(folder):
        with contextlib.suppress(InputError):
            known = _dictionary(storage.load_about(path))
            break
    return Summary(
        str(folder), status(folder), recipe.get("strategy"), recipe.get("data"),
        recipe.get("objective"), known.get("evaluations"), known.get("best_loss"),
        known.get("seconds"),
    )  # fmt: skip


def _dictionary(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def status(folder: Path) -> str:
    """How a run is: running, finished, interrupted (or killed), failed or unknown."""
    found = _stored_status(folder)
    if found != "running":
        return found
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        with lock:
            return "interrupted"  # nobody holds it: it was killed
    except (Timeout, OSError):
        return "running"


def _stored_status(folder: Path) -> str:
    try:
        return str(_dictionary(storage.read_json(folder / STATUS)).get("status", "unknown"))
    except InputError:
        return "unknown"
