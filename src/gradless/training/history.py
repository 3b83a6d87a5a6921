"""What happened during a run? One row per generation, thinned so that the record stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError, unknown_name
from gradless.training import history_csv
from gradless.training.history_rows import (
    FIRST,
    LOSSES,
    Row,
    columns_of,
    dtype,
    kept_count,
    measures_among,
    measures_in,
    stride_of,
)


class History:
    """Rows of a run: one per generation (or per chapter iteration), at most `capacity` of them.

    Kept are the generations that are a multiple of the stride, and always the first and the latest
    one. The stride is the smallest power of two that keeps no more than `capacity` rows, so it
    doubles as the run grows. What is kept depends on nothing but the first and the latest
    generation: a run appended row by row, in blocks, or continued from a file leaves the same
    history. Values of skipped generations are dropped; the best columns run on, so no best is lost.

    Measures have two columns each: ``accuracy`` and ``best_accuracy``, for example. Their names are
    those of the first block, or ``measures`` until there is one.

    Losses are kept in float32, and in float64 from the first block on in which they are an array of
    that: those of Python functions, or of JAX in its 64-bit mode. Measures are kept in float32.

    Parameters
    ----------
    capacity
        Largest number of rows kept, at least 2.
    measures
        Names of measures.

    Raises
    ------
    ValueError
        If `capacity` is below 2.

    Examples
    --------
    >>> history = History(capacity=4)
    >>> for generation in range(1, 8):
    ...     loss = 1 / generation
    ...     history.append(
    ...         generation=generation, evaluations=10 * generation, seconds=0.1 * generation,
    ...         loss=loss, best_loss=loss,
    ...     )
    >>> history.column("generation").tolist()
    [1, 4, 7]
    >>> history.last.evaluations
    70
    """

    CAPACITY = 10_000

    def __init__(self, capacity: int = CAPACITY, measures: Iterable[str] = ()) -> None:
        """Start an empty history."""
        if capacity < 2:
            raise ValueError(f"capacity is {capacity}, expected at least 2: the first and last row")
        self._measures = tuple(measures)
        self._rows = np.empty(capacity, dtype(self._measures, np.float32))
        self._length = 0
        self._stride = 1

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures, ``("accuracy",)`` for example."""
        return self._measures

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in their order."""
        return columns_of(self._measures)

    def append(
        self,
        *,
        generation: npt.ArrayLike,
        evaluations: npt.ArrayLike,
        seconds: npt.ArrayLike,
        loss: npt.ArrayLike,
        best_loss: npt.ArrayLike,
        **measures: npt.ArrayLike,
    ) -> None:
        """Add the next generations.

        Parameters
        ----------
        generation
            Integers of shape (n,), each one more than the one before, continuing the previous
            block. The very first may be any number from 0 up.
        evaluations, seconds, loss, best_loss
            Arrays of shape (n,), see `Row`. One row may be given as plain numbers.
        **measures
            The same of each measure and of its best: ``accuracy=..., best_accuracy=...``.

        Raises
        ------
        ValueError
            If the shapes differ, the measures are others than those of the history, or `generation`
            does not continue it. The history is unchanged then.
        """
        names = self._measures if self else measures_among(measures)
        first_four = (generation, evaluations, seconds, loss)
        given = {**dict(zip(FIRST, first_four, strict=True)), "best_loss": best_loss, **measures}
        if given.keys() != set(columns_of(names)):
            raise ValueError(f"expected the columns {columns_of(names)}, got {tuple(given)}")
        block = {name: np.atleast_1d(given[name]) for name in columns_of(names)}
        exact = any(getattr(each, "dtype", None) == np.float64 for each in (loss, best_loss))
        numbers = block["generation"]
        shapes = {name: values.shape for name, values in block.items()}
        if numbers.ndim != 1 or len(set(shapes.values())) > 1:
            raise ValueError(f"expected columns of one shape (n,), got {shapes}")
        if names != self._measures:
            self._measures = names
            self._take(np.empty(0, dtype(names, self._losses)))
        if not numbers.size:
            return
        start = int(self._rows["generation"][self._length - 1]) + 1 if self else int(numbers[0])
        if start < 0 or not np.array_equal(numbers, np.arange(start, start + numbers.size)):
            raise ValueError(
                f"generations {numbers[0]} to {numbers[-1]} ({numbers.size} rows) do not continue "
                f"the history: expected {max(start, 0)} first and then steps of 1"
            )

        latest = start + numbers.size - 1
        first = int(self._rows["generation"][0]) if self else start
        if exact and self._losses != np.float64:
            self._take(self._rows[: self._length].astype(dtype(names, np.float64)))
        stride = self._stride
        while kept_count(first, latest, stride) > self._rows.size:
            stride *= 2
        self._drop_off_stride(stride)

        kept = np.flatnonzero(numbers % stride == 0)
        # The first row of a history and the latest one stay, on the stride or off it.
        ends = ([] if self else [0]) + [numbers.size - 1]
        kept = np.union1d(kept, ends)
        end = self._length + kept.size
        with np.errstate(over="ignore"):  # a loss beyond float32 is kept as inf
            for name, values in block.items():
                self._rows[name][self._length : end] = values[kept]
        self._length = end

    def _take(self, rows: npt.NDArray[Any]) -> None:
        """Rows in place of those that there are, with their types."""
        self._rows = np.empty(self._rows.size, rows.dtype)
        self._rows[: len(rows)] = rows
        self._length = len(rows)

    def _drop_off_stride(self, stride: int) -> None:
        """Make room: leave the first row and the multiples of `stride`."""
        # With an unchanged stride only the latest row can be off it, so the others need no look.
        unchecked = 1 if stride > self._stride else max(1, self._length - 1)
        rest = self._rows[unchecked : self._length]
        rest = rest[rest["generation"] % stride == 0]
        self._length = min(self._length, unchecked) + rest.size
        self._rows[self._length - rest.size : self._length] = rest
        self._stride = stride

    @property
    def _losses(self) -> np.dtype[Any]:
        return self._rows.dtype["loss"]

    def __len__(self) -> int:
        return self._length

    def column(self, name: str) -> npt.NDArray[Any]:
        """Copy of one column.

        Parameters
        ----------
        name
            One of `columns`.

        Returns
        -------
        numpy.ndarray
            Shape (rows,): int64 for generation and evaluations, float64 for seconds, float32 for
            the measures, and float32 or float64 for the losses.

        Raises
        ------
        InputError
            If there is no such column.
        """
        if name not in self.columns:
            raise unknown_name("column", name, self.columns)
        return self._rows[name][: self._length].copy()

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all columns by name, which :meth:`from_arrays` takes."""
        return {name: self.column(name) for name in self.columns}

    @classmethod
    def empty_arrays(
        cls, length: int, losses: npt.DTypeLike = np.float32, measures: Sequence[str] = ()
    ) -> dict[str, npt.NDArray[Any]]:
        """Columns of so many rows, of zeros, with losses of this type and measures."""
        rows = np.zeros(length, dtype(measures, losses))
        return {name: rows[name].copy() for name in columns_of(measures)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.ArrayLike], capacity: int = CAPACITY) -> History:
        """A history from its columns; appending goes on as if they had been appended here.

        Raises
        ------
        InputError
            If these are not the rows of a history.
        """
        length = len(np.asarray(arrays["generation"]))
        losses = np.result_type(np.float32, *(np.asarray(arrays[name]).dtype for name in LOSSES))
        measures = measures_among(arrays)
        rows = np.zeros(length, dtype(measures, losses))
        for name in columns_of(measures):
            rows[name] = np.asarray(arrays[name])
        return cls._of(rows, capacity, InputError)

    @property
    def last(self) -> Row:
        """The latest row.

        Raises
        ------
        IndexError
            If the history is empty.
        """
        if not self:
            raise IndexError("an empty history has no last row; append one first")
        row = dict(zip(self.columns, self._rows[self._length - 1].item(), strict=True))
        return Row(
            measures={name: row.pop(name) for name in self._measures},
            best_measures={name: row.pop(f"best_{name}") for name in self._measures},
            **row,
        )

    def to_csv(self, path: Path | str) -> None:
        """Write the history as a CSV file with a header; an existing file is replaced at once.

        Losses and measures are written as the shortest number that reads back as the same float32
        or float64, seconds with three decimals, a measure that is NaN as an empty cell.

        Parameters
        ----------
        path
            File to write, in an existing folder.

        Raises
        ------
        OSError
            If the file cannot be written; an existing one is unchanged then.
        """
        history_csv.write(self.arrays(), Path(path))

    def to_pandas(self) -> Any:
        """The rows as a data frame of pandas, with the same columns.

        Returns
        -------
        pandas.DataFrame
            A copy.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - few need it, and it takes a while
        except ImportError:
            raise InputError(
                "to_pandas needs pandas, which is not installed. Install it with: "
                "pip install pandas"
            ) from None
        return pd.DataFrame(self.arrays())

    # Views are above training: they know what a history is, and it has them imported only when
    # someone wants to look. The contract of imports in pyproject.toml names these exceptions.

    def plot(
        self, measure: str = "loss", path: Path | str | None = None, *, title: str = ""
    ) -> Any:
        """Draw the loss or a measure, and its best, over evaluations.

        Parameters
        ----------
        measure
            ``"loss"``, or one of :attr:`measures`, ``"accuracy"`` for example; the best of a
            measure is that of the parameters with the best loss.
        path
            File to write; its suffix chooses the format, PNG by default. None writes none.
        title
            Of the picture.

        Returns
        -------
        matplotlib.figure.Figure
            The picture, which a notebook shows.

        Raises
        ------
        InputError
            If there is no such measure, or the suffix is that of no format of pictures.
        OSError
            If the file cannot be written.
        """
        from gradless.views import curves  # noqa: PLC0415 - see above

        known = ("loss", *self._measures)
        if measure not in known:
            error = unknown_name("measure", measure, known)
            raise InputError(f"{error}. A picture is written by path=..., for example 'loss.png'")
        x, each, best = (self.column(name) for name in ("evaluations", measure, f"best_{measure}"))
        label = "best so far" if measure == "loss" else "at the best loss so far"
        return curves.curve(x, each, best, path, quantity=measure, title=title, best_label=label)

    def _repr_html_(self) -> str:
        """What a notebook shows: how long it is, and its curve."""
        from gradless.views import html  # noqa: PLC0415 - see above

        return html.of_history(self)

    def __repr__(self) -> str:
        """How long it is and where it ends."""
        if not self:
            return "History(empty)"
        last = self.last
        return (
            f"History({len(self):,} rows, {last.evaluations:,} evaluations, "
            f"best loss {last.best_loss:.6g})"
        )

    @classmethod
    def from_csv(cls, path: Path | str, capacity: int = CAPACITY) -> History:
        """Read what `to_csv` wrote; appending goes on as if the run had never stopped.

        Losses are read as float64 if float32 does not hold one of them.

        Parameters
        ----------
        path
            File to read.
        capacity
            Largest number of rows kept. A file that was written with a smaller one is fine.

        Raises
        ------
        InputError
            If the file is missing or damaged, or has more rows than `capacity`.
        """

        rows = history_csv.read(Path(path))
        if len(rows) > capacity:
            raise InputError(
                f"history file {path}: {len(rows)} rows, expected at most the capacity of "
                f"{capacity}; read it with a larger capacity"
            )
        return cls._of(rows, capacity, lambda found: history_csv.damage(Path(path), found))

    @classmethod
    def _of(
        cls, rows: npt.NDArray[Any], capacity: int, refusal: Callable[[str], InputError]
    ) -> History:
        history = cls(capacity, measures_in(rows.dtype.names or ()) or ())
        if len(rows):
            stride = stride_of(rows["generation"], capacity) if len(rows) <= capacity else None
            if stride is None or (np.diff(rows["evaluations"]) < 0).any():
                raise refusal("rows are missing, doubled or out of order, expected evenly spaced")
            history._take(rows)
            history._stride = stride
        return history
