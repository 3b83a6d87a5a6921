"""How does a run get into MLflow? As a run of an experiment, in a database or on a server."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradless.views.loggers.base import Logger, needs


class MLflow(Logger):
    """Writes a run of MLflow.

    Parameters
    ----------
    where
        A folder, in which ``mlflow.db`` is written (look at it with
        ``mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db``), or the address of a server
        such as ``"http://localhost:5000"``. Default: what MLflow is set to, for example by the
        environment variable ``MLFLOW_TRACKING_URI``.
    experiment
        What the run belongs to; made if there is none of the name.
    name
        Of the run; MLflow makes one up if not given.

    Raises
    ------
    InputError
        If MLflow, or what it needs for a database, is not installed.
    """

    def __init__(
        self,
        where: str | Path | None = None,
        *,
        experiment: str = "gradless",
        name: str | None = None,
    ) -> None:
        """Write nothing yet."""
        self.where, self.experiment, self.name = where, experiment, name
        self._in_folder = where is not None and "://" not in str(where)
        with needs("mlflow"):
            import mlflow  # noqa: PLC0415 - an extra

            if self._in_folder:  # the package alone knows servers
                import alembic  # noqa: F401, PLC0415
                import sqlalchemy  # noqa: F401, PLC0415
        self._package: Any = mlflow

    def open(self, hyperparameters: dict[str, bool | int | float | str]) -> None:
        """Begin a run."""
        with _quietly():
            self._client: Any = self._package.MlflowClient(tracking_uri=self._address())
            found = self._client.get_experiment_by_name(self.experiment)
            if found is None:
                number = self._client.create_experiment(self.experiment, self._artifacts())
            else:
                number = found.experiment_id
        self._run = self._client.create_run(number, run_name=self.name).info.run_id
        kind = self._package.entities.Param
        params = [kind(_allowed(name), str(value)) for name, value in hyperparameters.items()]
        self._client.log_batch(self._run, params=params)

    def _address(self) -> str | None:
        if not self._in_folder:
            return None if self.where is None else str(self.where)
        folder = Path(str(self.where)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{folder / 'mlflow.db'}"

    def _artifacts(self) -> str | None:
        """Where files of runs would be; there are none, but MLflow wants to know."""
        return (
            (Path(str(self.where)).absolute() / "artifacts").as_uri() if self._in_folder else None
        )

    def write(self, metrics: dict[str, float], evaluations: int) -> None:
        """Add a point to each curve."""
        now, kind = time.time_ns() // 1_000_000, self._package.entities.Metric
        points = [kind(_allowed(name), value, now, evaluations) for name, value in metrics.items()]
        self._client.log_batch(self._run, metrics=points)

    def close(self, reason: str | None) -> None:
        """Say how the run ended."""
        self._client.set_tag(self._run, "stopped because", reason or "cut off")
        self._client.set_terminated(self._run, "FAILED" if reason is None else "FINISHED")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the news that tables of a database are made."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.INFO))
    try:
        yield
    finally:
        logging.disable(before)


def _allowed(name: str) -> str:
    """A name as MLflow takes it everywhere."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
