"""Rows that estimators of several files are fitted to."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification


@pytest.fixture(scope="module")
def two():
    """Two classes of the iris that overlap, and two of their features."""
    X, y = load_iris(return_X_y=True)
    return X[50:, :2], y[50:]


@pytest.fixture(scope="module")
def line():
    """Targets of size 1e5 around 1e6, a line and a little noise, of two features."""
    rng = np.random.default_rng(0)
    X = rng.normal(3, 100, (60, 2))
    return X, 1e6 + 500 * X[:, 0] - 900 * X[:, 1] + rng.normal(0, 1000, 60)


@pytest.fixture(scope="module")
def uneven():
    # As many different rows as the two classes of the iris have, so that programs are shared.
    return make_classification(
        88, 2, n_informative=2, n_redundant=0, weights=[0.8], flip_y=0.05, random_state=1
    )


@pytest.fixture(scope="module")
def unbalanced():
    X, y = make_classification(
        120, 2, n_informative=2, n_redundant=0, weights=[0.85], flip_y=0.05, random_state=1
    )
    return X, y
