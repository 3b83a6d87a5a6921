"""Which samples does a network learn from, and which is it tested on?"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import InputError, unknown_name
from gradless.data.cells import number
from gradless.data.files import PACKED, TABLES, UNTOLD, Reading
from gradless.data.named import DATASETS, generator_of, scikit_learn, spelled
from gradless.data.sources import STDIN
from gradless.data.table import Table, Task, read_table

__all__ = [
    "Dataset",
    "load",
    "load_table",
    "name_of",
    "split",
    "split_rows",
]

Numbers = NDArray[np.float32] | NDArray[np.float64]
_REAL = (np.float32, np.float64)


# Equality of arrays is an array, so that a generated __eq__ would raise.
@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples to learn from, for classification or regression.

    Attributes
    ----------
    name
        The data set's name, or that of its file.
    features : float32 or float64, shape (samples, features)
        Finite numbers. Networks compute in float32: what has a large offset, such as a time in
        seconds, is to be scaled first.
    targets : int32, float32 or float64, shape (samples,)
        Class indices, int32, for classification, finite numbers for regression.
    feature_names
        One name per column of `features`, all different.
    class_names
        One name per class, or None for regression.

    Raises
    ------
    InputError
        If shapes, dtypes or values are not these.

    Examples
    --------
    >>> data = load("spiral")
    >>> data.n_samples, data.n_features, data.n_outputs
    (300, 2, 3)
    """

    name: str
    features: Numbers
    targets: NDArray[np.int32] | Numbers
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None
    extras: Mapping[str, NDArray[Any]] | None = None

    def __post_init__(self) -> None:
        """Refuse arrays and names that do not belong together."""
        features, targets = self.features, self.targets
        if features.ndim != 2 or 0 in features.shape or features.dtype not in _REAL:
            raise self._error(
                "features", features, "float32 or float64 of shape (samples, features)"
            )
        fits = targets.dtype in ((np.int32,) if self.is_classification else _REAL)
        if targets.shape != features.shape[:1] or not fits:
            kind = "int32" if self.is_classification else "float32 or float64"
            raise self._error("targets", targets, f"{kind} of shape {features.shape[:1]}")
        if not (np.isfinite(features).all() and np.isfinite(targets).all()):
            raise InputError(
                f"{self.name}: values must be finite, got NaN or infinity; drop or replace the "
                "sample"
            )
        if not len(set(self.feature_names)) == len(self.feature_names) == self.n_features:
            raise InputError(
                f"{self.name}: feature names must be {self.n_features} different ones, got "
                f"{self.feature_names}; give each column its own"
            )
        if self.is_classification and not (0 <= targets.min() <= targets.max() < self.n_outputs):
            raise InputError(
                f"{self.name}: class indices must be from 0 to {self.n_outputs - 1}, got "
                f"{targets.min()} to {targets.max()}; name every class, or renumber them"
            )

    def _error(self, what: str, given: np.ndarray, expected: str) -> InputError:
        return InputError(
            f"{self.name}: {what} must be {expected}, got {given.dtype} of shape {given.shape}; "
            "convert them"
        )

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.features)

    @property
    def n_features(self) -> int:
        """Number of features, a network's inputs."""
        return int(self.features.shape[1])

    @property
    def n_outputs(self) -> int:
        """Number of outputs that a network needs: classes, or 1 for regression."""
        return 1 if self.class_names is None else len(self.class_names)

    @property
    def is_classification(self) -> bool:
        """Whether targets are classes, and not numbers."""
        return self.class_names is not None


def load(
    source: str | os.PathLike[str],
    *,
    target: str | None = None,
    task: Task = "auto",
    seed: int = 0,
) -> Dataset:
    """Load a data set by name, or numbers without gaps from a file.

    Parameters
    ----------
    source
        A name in `DATASETS`, or the path of a CSV or Parquet file, as for `read_table`.
    target
        The file's column to predict. By default the first of ``target``, ``label``,
        ``class`` and ``y`` that the file has.
    task
        What a file's target is. ``"auto"`` takes text, and whole numbers with at most 20
        distinct values, for classes, and other numbers for regression.
    seed
        Seed of a generated data set, from 0 to 2**32 - 1. NumPy's global generator is not used.

    Returns
    -------
    Dataset
        Features are float32, of a file float64. Samples are in the order in which they are stored
        or generated: shuffle or `split` them.

    Raises
    ------
    InputError
        If there is no such data set or file, or if the file cannot be used; the message names
        file, line and column. Also if it has categories or gaps, which `gradless.prepare`
        makes numbers of.

    Examples
    --------
    >>> load("iris").class_names
    ('setosa', 'versicolor', 'virginica')
    """
    source = spelled(os.fspath(source))
    table = load_table(source, target=target, task=task, seed=seed)
    for column in table.columns.described():
        if column.kind != "number" or column.missing:
            holds = {"number": "gaps", "category": "categories"}.get(column.kind, "dates")
            raise InputError(
                f"{source}: columns must be numbers without gaps, got {holds} in "
                f"{column.name!r}; use gradless.prepare, which makes numbers of them"
            )
    features = table.features.astype(np.float32) if source in DATASETS else table.features
    return Dataset(name_of(source), features, table.targets, table.feature_names, table.class_names)


def load_table(
    source: str,
    *,
    target: str | None = None,
    task: Task = "auto",
    seed: int = 0,
    drop: Sequence[str] = (),
    categories: Sequence[str] = (),
    text: Sequence[str] = (),
    missing: Sequence[str] | None = None,
    how: Reading = UNTOLD,
    beside: Sequence[str] = (),
) -> Table:
    """Load the columns of a data set by name, or of a file, as they are.

    Parameters
    ----------
    source, target, task, seed
        As for `load`.
    drop, categories, text, missing, how, beside
        As for `read_table`.

    Raises
    ------
    InputError
        As for `load`.
    """
    if source in DATASETS:
        info = DATASETS[source]
        given = (*drop, *categories, *text, *beside, *how[:-1])
        for_files = (target, missing) != (None, None) or any(x is not None for x in given)
        if for_files or task not in ("auto", "classification"):
            raise InputError(
                "a built-in data set must be used as it is, got an option for files with "
                f"{source!r}, which has {info.classes} classes; remove target, task, drop, "
                "categories, text and missing, and what says how a file is written"
            )
        return info.make(generator_of(seed))
    looks_like_path = any(mark in source for mark in "/\\")
    if (
        looks_like_path
        or source == STDIN
        or source.lower().endswith(TABLES)
        or os.path.exists(source)  # noqa: PTH110 (a name may be too long)
    ):
        return read_table(
            source, target, task, drop=drop, categories=categories, text=text, missing=missing,
            how=how, beside=beside,
        )  # fmt: skip
    raise InputError(
        f"{unknown_name('data set', source, DATASETS)}, or the path of a CSV, Parquet or Excel file"
    )


def name_of(source: str) -> str:
    """Name of a data set, or of a file without its ending."""
    if source in DATASETS:
        return source
    name = Path(source).name
    for ending in PACKED:  # of what is packed, the name of the table
        name = name.removesuffix(ending)
    stem = re.sub(r"[*?\[\]]+", "", Path(name).stem).strip("-_ .")
    return stem if stem and source != STDIN else "table"


# --- Training and test samples --------------------------------------------------------------------


def split(dataset: Dataset, test_fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Divide the samples at random into training and test samples.

    For classification both parts have the classes in the data set's proportions.

    Parameters
    ----------
    dataset
        The samples to divide.
    test_fraction
        Share of the samples to test on, between 0 and 1, both excluded; their number is
        rounded up.
    seed
        From 0 to 2**32 - 1. The same seed gives the same division.

    Returns
    -------
    train, test : Dataset
        Together they hold every sample once, shuffled.

    Raises
    ------
    InputError
        If a part would be empty or smaller than the number of classes, or if a class has fewer
        than two samples.

    Examples
    --------
    >>> train, test = split(load("iris"), 0.2, seed=0)
    >>> train.n_samples, test.n_samples
    (120, 30)
    """
    parts = split_rows(dataset.name, dataset.targets, dataset.class_names, test_fraction, seed)
    extras = dataset.extras
    train, test = (
        dataclasses.replace(
            dataset,
            features=dataset.features[rows],
            targets=dataset.targets[rows],
            extras=extras and {name: values[rows] for name, values in extras.items()},
        )
        for rows in parts
    )
    return train, test


def split_rows(
    name: str,
    targets: NDArray[np.int32] | Numbers,
    class_names: Sequence[str] | None,
    test_fraction: float,
    seed: int,
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Divide the rows of a data set as `split` does; returns the indices of each part.

    Parameters
    ----------
    name, targets, class_names
        Of the data set.
    test_fraction, seed
        As for `split`.
    """
    if not 0 < test_fraction < 1:
        raise InputError(
            f"the test fraction must be between 0 and 1, got {test_fraction!r}. For example: 0.2"
        )
    samples = len(targets)
    n_test = math.ceil(test_fraction * samples)
    smallest = 1
    if class_names is not None:
        counts = np.bincount(targets, minlength=len(class_names))
        smallest = int(np.count_nonzero(counts))
        if 1 in counts:
            otherwise = ""
            if None not in map(number, class_names):
                otherwise = ", or predict numbers instead of classes with --task regression"
            raise InputError(
                f"{name}: every class must have two samples, one to train and one to test on, "
                f"got one of {class_names[list(counts).index(1)]!r}; add samples or drop "
                f"it{otherwise}"
            )
    if min(n_test, samples - n_test) < smallest:
        raise InputError(
            f"{name}: training and test must have at least {smallest} samples each, got "
            f"{samples - n_test} and {n_test} for a test fraction of {test_fraction}; choose "
            "another fraction"
        )
    train, test = scikit_learn("model_selection").train_test_split(
        np.arange(samples),
        test_size=n_test,
        random_state=generator_of(seed),
        stratify=targets if class_names is not None else None,
    )
    return train, test
