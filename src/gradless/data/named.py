"""Which data sets come with it? Two of the book, two more in the plane, and four measured ones."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gradless._core import words
from gradless._core.errors import InputError
from gradless.data.table import Table

FloatArray = NDArray[np.float32]


def spiral(
    samples: int, classes: int, generator: np.random.RandomState
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Intertwined spiral arms, one per class.

    Parameters
    ----------
    samples
        Points per class.
    classes
        Number of classes, at most 256.
    generator
        NumPy's legacy generator, which the book's data sets are drawn from.

    Returns
    -------
    features : float32, shape (samples * classes, 2)
        Points, from the origin of each arm to its end at radius 1.
    targets : uint8, shape (samples * classes,)
        The class of each point, in ascending order.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 3.

    Examples
    --------
    >>> features, targets = spiral(100, 3, np.random.RandomState(0))
    >>> features.shape, targets.shape
    ((300, 2), (300,))
    """

    def arm(k: int) -> NDArray[np.floating]:
        radius = np.linspace(0, 1, samples)
        angle = np.linspace(4 * k, 4 * (k + 1), samples) + _normal(generator, samples) * 0.2
        return np.column_stack((radius * np.sin(angle * 2.5), radius * np.cos(angle * 2.5)))

    return _one_group_per_class(arm, samples, classes)


def vertical(
    samples: int, classes: int, generator: np.random.RandomState
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Clouds of points side by side, one per class.

    Parameters
    ----------
    samples
        Points per class.
    classes
        Number of classes, at most 256.
    generator
        NumPy's legacy generator, which the book's data sets are drawn from.

    Returns
    -------
    features : float32, shape (samples * classes, 2)
        Points, normal around (k / 3, 1 / 2) with standard deviation 0.1 for class k.
    targets : uint8, shape (samples * classes,)
        The class of each point, in ascending order.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 6.

    Examples
    --------
    >>> features, targets = vertical(100, 3, np.random.RandomState(0))
    >>> features.shape, targets.shape
    ((300, 2), (300,))
    """

    def cloud(k: int) -> NDArray[np.floating]:
        across = _normal(generator, samples) * 0.1 + k / 3
        along = _normal(generator, samples) * 0.1 + 0.5
        return np.column_stack((across, along))

    return _one_group_per_class(cloud, samples, classes)


def _normal(generator: np.random.RandomState, samples: int) -> FloatArray:
    """Standard normal numbers, rounded to float32 when drawn: the book's points depend on it."""
    return generator.randn(samples).astype(np.float32)


def _one_group_per_class(
    group: Callable[[int], NDArray[np.floating]], samples: int, classes: int
) -> tuple[FloatArray, NDArray[np.uint8]]:
    points = np.concatenate([group(k) for k in range(classes)])
    labels = np.repeat(np.arange(classes, dtype=np.uint8), samples)
    return points.astype(np.float32), labels


def scikit_learn(module: str) -> ModuleType:
    """A module of scikit-learn, imported when first needed.

    Importing it takes several times as long as the rest of this file's imports, and neither the
    book's data sets nor CSV files need it.
    """
    return importlib.import_module(f"sklearn.{module}")


def _planar(points: tuple[np.ndarray, np.ndarray], *class_names: str) -> Table:
    features, targets = points
    return _table(features, targets, ("x", "y"), class_names)


def _measured(loader: str) -> Table:
    bunch = getattr(scikit_learn("datasets"), loader)()
    return _table(bunch.data, bunch.target, bunch.feature_names, bunch.target_names)


def _table(
    features: np.ndarray,
    targets: np.ndarray,
    feature_names: Iterable[str],
    class_names: Iterable[str],
) -> Table:
    names, classes = tuple(map(str, feature_names)), tuple(map(str, class_names))
    numbers = (None,) * len(names)
    features, targets = features.astype(np.float64), targets.astype(np.int32)
    return Table(features, targets, names, classes, numbers, None)


@dataclass(frozen=True)
class DatasetInfo:
    """What there is to know of a data set before it is loaded.

    Attributes
    ----------
    description
        One line of text.
    samples, features, classes
        Numbers of each.
    generated
        Whether the samples are drawn at random, so that they depend on the seed.
    make
        Draws or loads the arrays.
    """

    description: str
    samples: int
    features: int
    classes: int
    generated: bool
    make: Callable[[np.random.RandomState], Table] = field(repr=False)

    @property
    def planar(self) -> bool:
        """Whether samples are points of a plane, to be drawn as they are."""
        return self.features == 2


DATASETS: Mapping[str, DatasetInfo] = {
    "spiral": DatasetInfo(
        "three intertwined spiral arms, the book's hard data set",
        samples=300,
        features=2,
        classes=3,
        generated=True,
        make=lambda generator: _planar(spiral(100, 3, generator), "0", "1", "2"),
    ),
    "vertical": DatasetInfo(
        "three clouds side by side, the book's easy data set",
        samples=300,
        features=2,
        classes=3,
        generated=True,
        make=lambda generator: _planar(vertical(100, 3, generator), "0", "1", "2"),
    ),
    "moons": DatasetInfo(
        "two interleaved half circles, noise 0.2",
        samples=300,
        features=2,
        classes=2,
        generated=True,
        make=lambda generator: _planar(
            scikit_learn("datasets").make_moons(300, noise=0.2, random_state=generator),
            "upper",
            "lower",
        ),
    ),
    "circles": DatasetInfo(
        "a circle around another of half its radius, noise 0.1",
        samples=300,
        features=2,
        classes=2,
        generated=True,
        make=lambda generator: _planar(
            scikit_learn("datasets").make_circles(
                300, noise=0.1, factor=0.5, random_state=generator
            ),
            "outer",
            "inner",
        ),
    ),
    "iris": DatasetInfo(
        "sizes of sepals and petals of three species of iris (Fisher, 1936)",
        samples=150,
        features=4,
        classes=3,
        generated=False,
        make=lambda _: _measured("load_iris"),
    ),
    "wine": DatasetInfo(
        "chemical analyses of wines of three cultivars",
        samples=178,
        features=13,
        classes=3,
        generated=False,
        make=lambda _: _measured("load_wine"),
    ),
    "breast-cancer": DatasetInfo(
        "cell nuclei of malignant and benign breast tumours (Wisconsin, 1995)",
        samples=569,
        features=30,
        classes=2,
        generated=False,
        make=lambda _: _measured("load_breast_cancer"),
    ),
    "digits": DatasetInfo(
        "handwritten digits as images of 8 x 8 pixels",
        samples=1797,
        features=64,
        classes=10,
        generated=False,
        make=lambda _: _measured("load_digits"),
    ),
}


def spelled(source: str) -> str:
    """A data set's name as it is spelled here, for breast_cancer or Iris; a path as it is."""
    if source in DATASETS or os.path.exists(source):  # noqa: PTH110 (a name may be too long)
        return source
    return {words.alike(name): name for name in DATASETS}.get(words.alike(source), source)


def generator_of(seed: int) -> np.random.RandomState:
    """NumPy's legacy generator, apart from the global one."""
    try:
        return np.random.RandomState(seed)
    except (TypeError, ValueError):
        raise InputError(
            f"the seed must be a whole number from 0 to 2**32 - 1, got {seed!r}. For example: 0"
        ) from None
