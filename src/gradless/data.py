"""Which samples does a network learn from, and which is it tested on?"""

from __future__ import annotations

import dataclasses
import importlib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gradless.errors import InputError, unknown_name
from gradless.tables import Table, Task, read_features, read_table

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetInfo",
    "Scaling",
    "load",
    "read_features",
    "spiral",
    "split",
    "standardize",
    "vertical",
]

FloatArray = NDArray[np.float32]


# Equality of arrays is an array, so that a generated __eq__ would raise.
@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples to learn from, for classification or regression.

    Attributes
    ----------
    name
        The data set's name, or that of its file.
    features : float32, shape (samples, features)
        Finite numbers.
    targets : int32 or float32, shape (samples,)
        Class indices for classification, finite numbers for regression.
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
    features: FloatArray
    targets: NDArray[np.int32] | FloatArray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None

    def __post_init__(self) -> None:
        """Refuse arrays and names that do not belong together."""
        features, targets = self.features, self.targets
        if features.ndim != 2 or 0 in features.shape or features.dtype != np.float32:
            raise self._error("features", features, "float32 of shape (samples, features)")
        dtype = np.dtype(np.int32 if self.is_classification else np.float32)
        if targets.shape != features.shape[:1] or targets.dtype != dtype:
            raise self._error("targets", targets, f"{dtype} of shape {features.shape[:1]}")
        if not (np.isfinite(features).all() and np.isfinite(targets).all()):
            raise InputError(f"{self.name}: a value is NaN or infinite; drop or replace its sample")
        if not len(set(self.feature_names)) == len(self.feature_names) == self.n_features:
            raise InputError(
                f"{self.name}: feature names are {self.feature_names}, "
                f"expected {self.n_features} different ones; give each column its own"
            )
        if self.is_classification and not (0 <= targets.min() <= targets.max() < self.n_outputs):
            raise InputError(
                f"{self.name}: class indices are from {targets.min()} to {targets.max()}, "
                f"expected from 0 to {self.n_outputs - 1}; name every class, or renumber them"
            )

    def _error(self, what: str, given: np.ndarray, expected: str) -> InputError:
        return InputError(
            f"{self.name}: {what} are {given.dtype} of shape {given.shape}, "
            f"expected {expected}; convert them"
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


# --- Data sets by name ----------------------------------------------------------------------------


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


def _sklearn(module: str) -> ModuleType:
    """A module of scikit-learn, imported when first needed.

    Importing it takes several times as long as the rest of this file's imports, and neither the
    book's data sets nor CSV files need it.
    """
    return importlib.import_module(f"sklearn.{module}")


def _planar(points: tuple[np.ndarray, np.ndarray], *class_names: str) -> Table:
    features, targets = points
    return Table(features.astype(np.float32), targets.astype(np.int32), ("x", "y"), class_names)


def _measured(loader: str) -> Table:
    bunch = getattr(_sklearn("datasets"), loader)()
    return Table(
        bunch.data.astype(np.float32),
        bunch.target.astype(np.int32),
        tuple(str(name) for name in bunch.feature_names),
        tuple(str(name) for name in bunch.target_names),
    )


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
            _sklearn("datasets").make_moons(300, noise=0.2, random_state=generator),
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
            _sklearn("datasets").make_circles(300, noise=0.1, factor=0.5, random_state=generator),
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


def load(
    source: str | os.PathLike[str],
    *,
    target: str | None = None,
    task: Task = "auto",
    seed: int = 0,
) -> Dataset:
    """Load a data set by name, or from a CSV file.

    Parameters
    ----------
    source
        A name in `DATASETS`, or the path of a CSV file: UTF-8, commas, the columns' names in the
        first line, and a finite number in every cell that is not the target's.
    target
        The CSV file's column to predict. By default the first of ``target``, ``label``,
        ``class`` and ``y`` that the file has.
    task
        What a CSV file's target is. ``"auto"`` takes text, and whole numbers with at most 20
        distinct values, for classes, and other numbers for regression.
    seed
        Seed of a generated data set, from 0 to 2**32 - 1. NumPy's global generator is not used.

    Returns
    -------
    Dataset
        Samples are in the order in which they are stored or generated: shuffle or `split` them.

    Raises
    ------
    InputError
        If there is no such data set or file, or if the file cannot be used; the message names
        file, line and column.

    Examples
    --------
    >>> load("iris").class_names
    ('setosa', 'versicolor', 'virginica')
    """
    source = os.fspath(source)
    if source in DATASETS:
        info = DATASETS[source]
        if target is not None or task not in ("auto", "classification"):
            raise InputError(
                f"data set {source!r} comes with its target, {info.classes} classes; "
                "give target and task for CSV files only"
            )
        return Dataset(source, *info.make(_generator(seed)))
    looks_like_path = any(mark in source for mark in "/\\") or source.lower().endswith(".csv")
    if looks_like_path or os.path.exists(source):  # noqa: PTH110 (a name may be too long)
        return Dataset(Path(source).stem, *read_table(source, target, task))
    raise InputError(f"{unknown_name('data set', source, DATASETS)}, or the path of a CSV file")


def _generator(seed: int) -> np.random.RandomState:
    """NumPy's legacy generator, apart from the global one."""
    try:
        return np.random.RandomState(seed)
    except (TypeError, ValueError):
        raise InputError(
            f"seed is {seed!r}, expected a whole number from 0 to 2**32 - 1; pass for example 0"
        ) from None


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
    if not 0 < test_fraction < 1:
        raise InputError(
            f"test fraction is {test_fraction!r}, expected a number between 0 and 1, both "
            "excluded; pass for example 0.2"
        )
    n_test = math.ceil(test_fraction * dataset.n_samples)
    smallest = 1
    if dataset.class_names is not None:
        counts = np.bincount(dataset.targets, minlength=dataset.n_outputs)
        smallest = int(np.count_nonzero(counts))
        if 1 in counts:
            raise InputError(
                f"{dataset.name}: class {dataset.class_names[list(counts).index(1)]!r} has only "
                "one sample, expected one to train and one to test on; add samples or drop it"
            )
    if min(n_test, dataset.n_samples - n_test) < smallest:
        raise InputError(
            f"{dataset.name}: test fraction {test_fraction} divides {dataset.n_samples} samples "
            f"into {dataset.n_samples - n_test} for training and {n_test} for testing, expected "
            f"at least {smallest} in each; choose another fraction"
        )
    parts = _sklearn("model_selection").train_test_split(
        np.arange(dataset.n_samples),
        test_size=n_test,
        random_state=_generator(seed),
        stratify=dataset.targets if dataset.is_classification else None,
    )
    train, test = (
        dataclasses.replace(dataset, features=dataset.features[rows], targets=dataset.targets[rows])
        for rows in parts
    )
    return train, test


@dataclass(frozen=True, eq=False)
class Scaling:
    """Shift and scale of each feature, learned from training samples.

    Attributes
    ----------
    mean : float32, shape (features,)
        Mean of each feature.
    scale : float32, shape (features,)
        Standard deviation of each feature; 1 where the feature is constant.

    Examples
    --------
    >>> scaling = Scaling(np.float32([1, 2]), np.float32([1, 4]))
    >>> print(scaling.apply(np.float32([[2, 0]])))
    [[ 1.  -0.5]]
    """

    mean: FloatArray
    scale: FloatArray

    def apply(self, features: FloatArray) -> FloatArray:
        """Shift and scale features, shape (samples, features), to mean 0 and deviation 1.

        Raises
        ------
        InputError
            If the number of features is not that of the training samples.
        """
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise InputError(
                f"features are of shape {features.shape}, expected (samples, {len(self.mean)}); "
                "pass the features that the scaling was learned from"
            )
        # In float32 the difference of two large numbers of opposite sign can overflow.
        difference = np.subtract(features, self.mean, dtype=np.float64)
        return np.divide(difference, self.scale, out=difference).astype(np.float32)


def standardize(train: Dataset) -> Scaling:
    """Learn each feature's mean and standard deviation from the training samples.

    Parameters
    ----------
    train
        The training samples only: what is learned from test samples flatters the test.

    Returns
    -------
    Scaling
        To be applied to the features of training, test and unseen samples alike.

    Examples
    --------
    >>> train = load("iris")
    >>> standardized = standardize(train).apply(train.features)
    >>> print(standardized.std(axis=0).round(3))
    [1. 1. 1. 1.]
    """
    scaler = _sklearn("preprocessing").StandardScaler().fit(train.features.astype(np.float64))
    scale = scaler.scale_.astype(np.float32)
    scale[scale == 0] = 1  # a deviation below the smallest float32
    return Scaling(scaler.mean_.astype(np.float32), scale)
