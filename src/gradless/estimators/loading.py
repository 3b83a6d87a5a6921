"""Which estimator does a file hold?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from gradless.estimators import files
from gradless.estimators.classifier import GradientFreeClassifier
from gradless.estimators.regressor import GradientFreeRegressor

_ESTIMATORS: dict[str, Any] = {
    cls.__name__: cls for cls in (GradientFreeClassifier, GradientFreeRegressor)
}


def load(path: str | Path) -> GradientFreeClassifier | GradientFreeRegressor:
    """Read an estimator from a file that ``save`` wrote; no code in it is run.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    GradientFreeClassifier or GradientFreeRegressor
        With the same parameters and predictions.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    found = files.read(Path(path), _ESTIMATORS)
    return cast("GradientFreeClassifier | GradientFreeRegressor", found)
