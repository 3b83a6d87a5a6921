"""The field's own benchmark: how much of BBOB does ``gradless.minimize`` solve beside its peers?

COCO (Hansen et al. 2021, "COCO: a platform for comparing continuous optimizers in a black-box
setting") has 24 functions in instances that are shifted and rotated by chance. All search from the
same points with as many evaluations, and what counts is how many of 51 targets above the optimum
are reached, and after how many evaluations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

TARGETS = tuple(float(target) for target in 10 ** np.linspace(2, -8, 51))
"""Distances to the optimum, the easiest first, the same factor from each to the next."""

DIMENSIONS = {
    "bbob": (2, 3, 5, 10, 20),
    "bbob-noisy": (2, 3, 5, 10, 20),
    "bbob-mixint": (5, 10, 20),
}
"""Of each suite of COCO that is measured; of larger ones it has some."""

FUNCTIONS = {
    "bbob": range(1, 25),
    "bbob-noisy": range(101, 131),
    "bbob-mixint": range(1, 25),
}

_GROUPS = {
    "separable": range(1, 6),
    "moderate condition": range(6, 10),
    "high condition": range(10, 15),
    "multimodal, with structure": range(15, 20),
    "multimodal, weak structure": range(20, 25),
}
_NOISE = {
    "moderate noise": range(101, 107),
    "severe noise": range(107, 122),
    "severe noise, multimodal": range(122, 131),
}
GROUPS = {"bbob": _GROUPS, "bbob-noisy": _NOISE, "bbob-mixint": _GROUPS}
"""Functions of a suite as its authors group them."""

PER_DIMENSION = 10_000
"""Evaluations of a run for each variable."""


class Place(NamedTuple):
    """A problem of a suite."""

    suite: str
    function: int
    dimension: int
    instance: int


Row = dict[str, Any]
"""What is kept of a run, as JSON can hold it."""
