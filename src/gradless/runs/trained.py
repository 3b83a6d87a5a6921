"""How is the network of a run folder used in Python? On tables, as ``gradless predict`` does it."""

from __future__ import annotations

import csv
import io
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError
from gradless._core.probabilities import softmax
from gradless.data.columns import Columns
from gradless.data.files import Reading
from gradless.data.table import read_columns
from gradless.data.unscaled import unscaled
from gradless.runs import run_folder
from gradless.runs.network import Network

_WRITTEN = Reading(delimiter=",", decimal=".", encoding="utf-8", names=True)


class TrainedRun:
    """The trained network of a run folder, for new rows of its table.

    :func:`gradless.load_run` makes it.

    Attributes
    ----------
    columns : tuple of str
        Columns that a table needs, in any order.
    classes : tuple of str, or None
        Names of the classes; None for numbers.
    target : str or None
        Name of the column that it predicts.
    input_names : tuple of str
        Names of what :meth:`inputs` makes of the columns.
    """

    def __init__(self, network: Network) -> None:
        """Use this network."""
        self._network = network
        self.columns = network.feature_names
        self.classes = network.class_names
        self.target = network.target
        made = network.preprocessing
        self.input_names = network.feature_names if made is None else made.input_names

    def __repr__(self) -> str:
        what = "numbers" if self.classes is None else f"{len(self.classes)} classes"
        return f"TrainedRun(target={self.target!r}, {what} from {len(self.columns)} columns)"

    def predict(self, table: Any) -> npt.NDArray[Any]:
        """The class, or the number, of each row.

        Parameters
        ----------
        table : path, pandas or Polars data frame, or mapping
            A CSV, Parquet or Excel file; or columns by name, each a sequence of values, of which
            None and NaN are missing. Other columns are ignored.

        Returns
        -------
        ndarray, shape (rows,)
            Names of classes, of dtype object, or numbers, float64.

        Raises
        ------
        InputError
            If a column is not there or holds something else than in training.
        """
        outputs = self._outputs(table)
        if self.classes is None:
            return outputs[:, 0].astype(np.float64)
        names: npt.NDArray[Any] = np.array(self.classes, object)[outputs.argmax(1)]
        return names

    def predict_proba(self, table: Any) -> npt.NDArray[np.float64]:
        """Probabilities of the classes, in the order of ``classes``.

        Parameters
        ----------
        table
            As for :meth:`predict`.

        Returns
        -------
        ndarray, float64, shape (rows, classes)

        Raises
        ------
        InputError
            As :meth:`predict`, and if the network predicts numbers.
        """
        if self.classes is None:
            raise InputError(
                "predict_proba must be of classes, got a network that predicts numbers; use predict"
            )
        return softmax(self._outputs(table).astype(np.float64))

    def inputs(self, table: Any) -> npt.NDArray[np.float64]:
        """What the files of ``gradless export`` take: inputs that are not scaled yet.

        Parameters
        ----------
        table
            As for :meth:`predict`.

        Returns
        -------
        ndarray, float64, shape (rows, inputs)
            In the order of ``input_names``. Numbers are as in the table, with the median of
            training where one is missing; each category has an input of 0 or 1.

        Raises
        ------
        InputError
            As :meth:`predict`.
        """
        return unscaled(self._network.preprocessing, self._read(table))

    def _outputs(self, table: Any) -> npt.NDArray[Any]:
        return self._network.outputs(self._read(table))

    def _read(self, table: Any) -> Columns:
        """Columns of a file; of a data frame or mapping, by the rules of files."""
        network = self._network
        if isinstance(table, (str, os.PathLike)):
            return read_columns(
                table, network.feature_names, network.kinds, network.missing, network.how
            )
        known = list(table) if isinstance(table, Mapping) else list(getattr(table, "columns", ()))
        if not known:
            raise InputError(
                "a table must be a path, a data frame or a mapping of columns, got "
                f"{type(table).__name__}. For example: {{{self.columns[0]!r}: [...], ...}}"
            )
        if absent := [name for name in self.columns if name not in known]:
            raise InputError(
                f"a table must have the columns of training, got none named {absent[0]!r}; it has "
                f"{', '.join(map(repr, known[:8]))}"
            )
        columns = [list(map(_cell, table[name])) for name in self.columns]
        if len(set(map(len, columns))) != 1 or not columns[0]:
            raise InputError("a table must have columns of one length, 1 or more, got others")
        text = io.StringIO(newline="")
        # One column more, since a line without anything is no row.
        csv.writer(text).writerow([*self.columns, max(self.columns, key=len) + "'"])
        for row in zip(*columns, strict=True):
            text.write(",".join(row) + ",0\n")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            path.write_text(text.getvalue(), encoding="utf-8", newline="")
            return read_columns(
                path, network.feature_names, network.kinds, network.missing, _WRITTEN
            )


def _cell(value: Any) -> str:
    """A value as a CSV file has it; texts are in quotes, so that none of them is missing."""
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        return repr(value.item() if isinstance(value, np.generic) else value)
    if str(value) in ("<NA>", "NaT"):  # of pandas, whatever its version
        return ""
    return '"' + str(value).replace('"', '""') + '"'


def load_run(folder: str | os.PathLike[str]) -> TrainedRun:
    """Load the trained network of a run folder, to be used on new rows.

    Parameters
    ----------
    folder
        That ``gradless train`` has written. No code in it is run.

    Returns
    -------
    TrainedRun
        With ``predict`` and, for classes, ``predict_proba``.

    Raises
    ------
    InputError
        If there is no run in it, or a file is damaged.

    Examples
    --------
    >>> run = gradless.load_run("runs/churn-1")  # doctest: +SKIP
    >>> run.predict({"age": [31], "plan": ["pro"]})  # doctest: +SKIP
    array(['no'], dtype=object)
    """
    return TrainedRun(run_folder.read_network(Path(folder)))
