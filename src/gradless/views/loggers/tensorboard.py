"""How does a run get into TensorBoard? As event files, by ``tensorboardX``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradless.views.loggers.base import Logger, needs


class TensorBoard(Logger):
    """Writes event files for ``tensorboard --logdir``.

    Parameters
    ----------
    folder
        Where they are written, a folder for each run, such as ``"logs/sigma-0.1"``; TensorBoard
        shows all runs below a folder side by side.

    Raises
    ------
    InputError
        If tensorboardX is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        """Write nothing yet."""
        self.folder = Path(folder)
        with needs("tensorboard"):
            import tensorboardX  # noqa: PLC0415 - an extra
        self._package: Any = tensorboardX

    def open(self, hyperparameters: dict[str, bool | int | float | str]) -> None:
        """Begin an event file."""
        self._hyperparameters = hyperparameters
        self._writer: Any = self._package.SummaryWriter(str(self.folder))
        lines = [f"| {name} | {value} |" for name, value in hyperparameters.items()]
        table = "\n".join(["| hyperparameter | value |", "| --- | --- |", *lines])
        self._writer.add_text("hyperparameters", table, 0)

    def write(self, metrics: dict[str, float], evaluations: int) -> None:
        """Add a point to each curve."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, evaluations)
        self._writer.flush()

    def close(self, reason: str | None) -> None:
        """Say why the run ended, and close the file."""
        self._writer.add_text("stopped because", reason or "cut off", 0)
        self._writer.close()
