"""Where does ``--log`` write a run? Beside the others, so that a tracker shows them together."""

from __future__ import annotations

import os
from pathlib import Path

from gradless.training.observers import Observer
from gradless.views.loggers import MLflow, TensorBoard, Trackio


def observers(log: str | None, folder: Path) -> list[Observer]:
    """What logs a run of this folder; nothing is written yet.

    Raises
    ------
    InputError
        If its package is not installed.
    """
    match log:
        case None:
            return []
        case "tensorboard":
            return [TensorBoard(folder / "tensorboard")]
        case "mlflow":
            is_set = "MLFLOW_TRACKING_URI" in os.environ
            return [MLflow(None if is_set else folder.parent, name=folder.name)]
        case "trackio":
            return [Trackio(name=folder.name)]
    raise AssertionError(log)


def how_to_look(log: str, folder: Path) -> str:
    """The command that shows what was logged."""
    match log:
        case "tensorboard":
            return f"tensorboard --logdir {folder.parent}"
        case "mlflow" if "MLFLOW_TRACKING_URI" in os.environ:
            return "mlflow ui"
        case "mlflow":
            return f"mlflow ui --backend-store-uri sqlite:///{folder.parent / 'mlflow.db'}"
    return "trackio show --project gradless"
