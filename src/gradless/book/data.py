"""Which random numbers and which data does the chapter draw?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import InputError

FloatArray = NDArray[np.float32]


def init(seed: int = 0) -> None:
    """Start the stream of random numbers that the book's results are drawn from.

    This seeds NumPy's global generator, so that a loop's own ``np.random.randn`` continues the
    stream that the data sets and the layers have drawn from. Nothing else in NumPy changes.

    Parameters
    ----------
    seed
        From 0 to 2**32 - 1. The book's numbers come from 0.

    Raises
    ------
    InputError
        If the generator cannot be seeded with `seed`.

    Examples
    --------
    >>> init()
    >>> print(np.random.randn(2).round(3))
    [1.764 0.4  ]
    """
    require_whole_number("seed", seed, 0, 2**32 - 1)
    np.random.seed(seed)


def randn(*shape: int) -> FloatArray:
    """Standard normal numbers from the global stream, float32."""
    return np.random.randn(*shape).astype(np.float32)


def vertical_data(samples: int, classes: int) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Clouds of points side by side, one per class: the chapter's easy data set.

    Parameters
    ----------
    samples
        Points per class.
    classes
        Number of classes, at most 256.

    Returns
    -------
    X : float32, shape (samples * classes, 2)
        Points, normal around (k / 3, 1 / 2) with standard deviation 0.1 for class k.
    y : uint8, shape (samples * classes,)
        The class of each point, in ascending order.

    Raises
    ------
    InputError
        If `samples` or `classes` is not a whole number within bounds.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 6.

    Examples
    --------
    >>> X, y = vertical_data(samples=100, classes=3)
    >>> X.shape, y.shape
    ((300, 2), (300,))
    """

    def cloud(k: int) -> NDArray[np.floating]:
        return np.column_stack((randn(samples) * 0.1 + k / 3, randn(samples) * 0.1 + 0.5))

    return _one_group_per_class(cloud, samples, classes)


def spiral_data(samples: int, classes: int) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Intertwined spiral arms, one per class: the book's hard data set.

    Parameters
    ----------
    samples
        Points per class.
    classes
        Number of classes, at most 256.

    Returns
    -------
    X : float32, shape (samples * classes, 2)
        Points, from the origin of each arm to its end at radius 1.
    y : uint8, shape (samples * classes,)
        The class of each point, in ascending order.

    Raises
    ------
    InputError
        If `samples` or `classes` is not a whole number within bounds.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapters 3 and 6.

    Examples
    --------
    >>> X, y = spiral_data(samples=100, classes=3)
    >>> X.shape, y.shape
    ((300, 2), (300,))
    """

    def arm(k: int) -> NDArray[np.floating]:
        radius = np.linspace(0, 1, samples)
        angle = np.linspace(4 * k, 4 * (k + 1), samples) + randn(samples) * 0.2
        return np.column_stack((radius * np.sin(angle * 2.5), radius * np.cos(angle * 2.5)))

    return _one_group_per_class(arm, samples, classes)


def _one_group_per_class(
    group: Callable[[int], NDArray[np.floating]], samples: int, classes: int
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """The points ``group(k)`` of every class k below one another, and their labels."""
    require_whole_number("samples", samples, 1)
    require_whole_number("classes", classes, 1, 256)
    points = np.concatenate([group(k) for k in range(classes)])
    labels = np.repeat(np.arange(classes), samples)
    return points.astype(np.float32), labels.astype(np.uint8)


def require_whole_number(name: str, given: int, lowest: int, highest: int | None = None) -> None:
    """Raise `InputError` unless ``lowest <= given <= highest``."""
    bounds = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
    whole = isinstance(given, int | np.integer)
    if not whole or given < lowest or (highest is not None and given > highest):
        raise InputError(
            f"{name} is {given!r}, expected a whole number {bounds}; "
            f"pass for example {name}={max(lowest, 3)}"
        )
