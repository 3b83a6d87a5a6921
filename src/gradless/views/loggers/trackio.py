"""How does a run get into Trackio? By the calls that Weights & Biases has taught everyone."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from gradless.views.loggers.base import Logger, needs


class Trackio(Logger):
    """Writes a run of Trackio, on this machine unless told otherwise.

    Trackio keeps projects in the folder that the environment variable ``TRACKIO_DIR`` names before
    it is imported first, by default ``~/.cache/huggingface/trackio``; look at them with
    ``trackio show``.

    Parameters
    ----------
    project
        What the run belongs to.
    name
        Of the run; Trackio makes one up if not given.
    **options
        What else ``trackio.init`` takes, for example ``space_id`` or ``group``.

    Raises
    ------
    InputError
        If Trackio is not installed.
    """

    def __init__(
        self, project: str = "gradless", *, name: str | None = None, **options: Any
    ) -> None:
        """Write nothing yet."""
        self.project, self.name = project, name
        self.options = {"embed": False, "auto_log_cpu": False, "auto_log_gpu": False} | options
        with needs("trackio"):
            import trackio  # noqa: PLC0415 - an extra
        self._package: Any = trackio

    def open(self, hyperparameters: dict[str, bool | int | float | str]) -> None:
        """Begin a run."""
        with contextlib.redirect_stdout(io.StringIO()):  # which may be for something else
            self._package.init(self.project, name=self.name, config=hyperparameters, **self.options)

    def write(self, metrics: dict[str, float], evaluations: int) -> None:
        """Add a point to each curve."""
        self._package.log(metrics, step=evaluations)

    def close(self, reason: str | None) -> None:
        """Wait until everything is written."""
        del reason
        with contextlib.redirect_stdout(io.StringIO()):
            self._package.finish()
