"""Which samples are held out, to see when a network learns the others by heart?

Each class, and each label's presence and absence, is in both parts wherever there are two of it:
otherwise no network could be told from another there, and the first one would be kept. Rare ones
are chosen first, as by Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label
data" (2011).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core import defaults
from gradless._core.errors import InputError

Numbers = npt.NDArray[np.intp]


class Aside(NamedTuple):
    """Which samples are held out, (samples,), and the classes of one sample: none of them can be.

    ``few`` says that there would have been too few.
    """

    chosen: npt.NDArray[np.bool_]
    alone: Numbers
    few: bool = False


def aside(outputs: npt.NDArray[Any], share: float | None, seed: int) -> Aside:
    """Choose samples to be held out; what every door that trains does.

    Parameters
    ----------
    outputs
        As for :func:`split`.
    share
        To be held out; None for a fifth, or none if that were fewer than 10.
    seed
        Of the choice.
    """
    samples = len(outputs)
    chosen, alone, rows = np.zeros(samples, bool), np.zeros(0, np.intp), np.arange(samples)
    if outputs.ndim == 1 and outputs.dtype.kind != "f":
        alone = np.flatnonzero(np.bincount(outputs.astype(np.intp)) == 1)
        rows = np.flatnonzero(~np.isin(outputs, alone))
    wanted = defaults.VALIDATION if share is None else share
    if math.ceil(wanted * len(rows)) < len(rows):
        parts = split(outputs[rows], wanted, seed)
        if parts is not None:
            chosen[rows[parts[1]]] = True
    if share is None and chosen.sum() < defaults.FEWEST_VALIDATION_ROWS:
        return Aside(np.zeros(samples, bool), alone, few=True)
    return Aside(chosen, alone)


def split(outputs: npt.NDArray[Any], fraction: float, seed: int) -> tuple[Numbers, Numbers] | None:
    """Numbers of the samples to train on, and of those held out.

    Parameters
    ----------
    outputs
        Indices of classes (samples,), labels (samples, labels), or real numbers, floats.
    fraction
        To be held out, of each class.
    seed
        Of the choice.

    Returns
    -------
    tuple or None
        Both in ascending order; None if there is a class of a single sample.

    Raises
    ------
    InputError
        If there is a single sample.
    """
    if len(outputs) < 2:
        raise InputError(
            f"early_stopping=True must be given 2 or more different samples, got {len(outputs)}; "
            "give more of them, or early_stopping=False"
        )
    if outputs.dtype.kind == "f":
        from sklearn.model_selection import train_test_split  # noqa: PLC0415 - loads in seconds

        everything = np.arange(len(outputs))
        train, aside = train_test_split(everything, test_size=fraction, random_state=seed)
        return np.sort(train), np.sort(aside)
    groups = _groups(outputs)
    counts = np.array([len(group) for group in groups])
    if counts.min() < 2 and outputs.ndim == 1:
        return None
    aside = _chosen(outputs, groups, fraction, np.random.default_rng(seed))
    chosen = np.zeros(len(outputs), bool)
    chosen[aside] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _groups(outputs: npt.NDArray[Any]) -> list[Numbers]:
    """Numbers of the samples of each class, or with and without each label."""
    if outputs.ndim == 1:
        return [np.flatnonzero(outputs == each) for each in np.unique(outputs)]
    of_labels = [np.flatnonzero(column == value) for column in outputs.T for value in (1, 0)]
    return [group for group in of_labels if len(group)]


def _chosen(
    outputs: npt.NDArray[Any], groups: list[Numbers], fraction: float, rng: np.random.Generator
) -> list[int]:
    """Numbers of samples of which each group of two or more has some, but not all."""
    of_sample: list[list[int]] = [[] for _ in outputs]
    for number, group in enumerate(groups):
        for sample in group:
            of_sample[sample].append(number)
    left = np.array([len(group) for group in groups])  # for training
    wanted = np.clip(np.round(fraction * left), 1, None)
    taken = np.zeros(len(groups), int)
    chosen: set[int] = set()
    for number in np.argsort(left, kind="stable"):
        for sample in rng.permutation(groups[number]):
            if taken[number] >= wanted[number]:
                break
            of_it = of_sample[sample]
            if sample not in chosen and (left[of_it] > 1).all():
                chosen.add(int(sample))
                left[of_it] -= 1
                taken[of_it] += 1
    return sorted(chosen)
