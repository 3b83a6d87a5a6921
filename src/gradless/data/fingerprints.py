"""Which rows of a table has a network been trained on? Their fingerprints say, eight bytes a row.

A fingerprint is of what a row says, not of how it is written: the columns that a network takes by
name, in any order, the values of numbers whatever their format, categories and classes by name.
Other columns do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradless._core import storage
from gradless._core.errors import InputError
from gradless.data.columns import Columns

FILE = "rows.safetensors"

Fingerprints = NDArray[np.uint64]

_GAP = np.uint64(0x9E3779B97F4A7C15)
_TARGET = "\0target"  # no column has such a name


def of_rows(
    columns: Columns,
    targets: NDArray[np.int32] | NDArray[np.floating],
    class_names: Sequence[str] | None,
) -> Fingerprints:
    """Fingerprints of rows, uint64 of shape (rows,); equal rows have equal ones.

    Parameters
    ----------
    columns
        The features as they are in a file.
    targets, class_names
        Class indices and the names of the classes, or numbers and None, shape (rows,).
    """
    found = np.zeros(len(targets), np.uint64)
    for index, (name, names) in enumerate(
        zip(columns.feature_names, columns.categories, strict=True)
    ):
        found += _column(name, columns.features[:, index], names)
    return found + _column(_TARGET, targets, class_names)


def _column(name: str, values: NDArray[np.generic], names: Sequence[str] | None) -> Fingerprints:
    """What a column adds to the fingerprints of its rows."""
    gaps = np.isnan(values)
    if names is None:
        # In single precision, which some files have, but for whole numbers, such as times.
        numbers = np.where(gaps, 0, values).astype(np.float64)
        with np.errstate(over="ignore"):
            single = numbers.astype(np.float32).astype(np.float64)
        numbers = np.where(numbers == np.trunc(numbers), numbers, single) + 0.0  # no -0
        words = numbers.view(np.uint64)
    else:
        of_names = np.array([_word(text) for text in names] or [0], np.uint64)
        words = of_names[np.where(gaps, 0, values).astype(np.intp)]
    return _mixed(_mixed(np.where(gaps, _GAP, words)) + np.uint64(_word(name)))


def _word(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _mixed(words: Fingerprints) -> Fingerprints:
    """Every bit of a word spread over all of them (Steele, Lea and Flood 2014, SplitMix)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def write(folder: Path, fingerprints: Fingerprints) -> None:
    """Write the fingerprints of the rows of a run into its folder."""
    kept = np.unique(fingerprints)
    storage.save_tree(folder / FILE, {"rows": kept}, {"rows": len(kept)})


def seen(folder: Path, fingerprints: Fingerprints) -> NDArray[np.bool_] | None:
    """Which of some rows the network of a run folder was trained on; None if it does not say.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None  # of an earlier version
    about = storage.load_about(path)
    count = about.get("rows") if isinstance(about, dict) else None
    if not isinstance(count, int) or count < 0:
        raise InputError(
            f"{path} must hold the rows of a run, got something else; use the file of the run"
        )
    kept = storage.load_tree(path, {"rows": np.zeros(count, np.uint64)})["rows"]
    return np.isin(fingerprints, kept)
