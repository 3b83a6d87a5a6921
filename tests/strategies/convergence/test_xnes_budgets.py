"""How many evaluations xNES needs, compiled as users do: another rounding is another path."""

import numpy as np
import pytest

from gradless.strategies import XNES
from helpers.landscapes import (
    ellipsoid,
    evaluations,
    rosenbrock,
    rotated_ellipsoid,
    shifted_ellipsoid,
    sphere,
)

COMPILES_AS_USERS_DO = True
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("loss", "dimension", "budget"),
    [
        (sphere, 2, 1_500),
        (sphere, 10, 8_000),
        (ellipsoid, 2, 1_000),
        (ellipsoid, 10, 11_000),
        (rotated_ellipsoid, 10, 11_000),
        (shifted_ellipsoid, 10, 11_000),
        (rosenbrock, 2, 3_000),
        (rosenbrock, 10, 18_000),
    ],
)
def test_it_reaches_1e_8_within_the_budget(loss, dimension, budget) -> None:
    assert (evaluations(XNES, loss, dimension, budget) <= budget).all()


def test_rotation_changes_no_budget() -> None:
    along_axes = np.median(evaluations(XNES, ellipsoid, 10, 11_000))
    rotated = np.median(evaluations(XNES, rotated_ellipsoid, 10, 11_000))
    assert rotated == pytest.approx(along_axes, rel=0.15)
