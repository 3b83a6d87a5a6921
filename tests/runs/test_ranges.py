"""Numbers far outside of those of training are named, in any unit and from any zero."""

import numpy as np
import pytest

from gradless.data.columns import Columns
from gradless.runs.ranges import outside


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("zero", [0.0, 1e4, -1e9])
def test_neither_the_unit_nor_the_zero_matters(unit, zero):
    values = unit * (zero + np.array([[-3.0], [-0.4], [0.5], [1.4], [9.0]]))
    (line,) = outside(Columns(values, ("size",), (None,)), [(unit * zero, unit * (zero + 1))])
    assert "'size' 2 (" in line
    assert (
        list(outside(Columns(values[1:4], ("size",), (None,)), [(unit * zero, unit * (zero + 1))]))
        == []
    )


def test_one_number_in_training_may_have_been_rounded():
    ranges = [(float(np.float32(16_777_217.3)),) * 2]
    assert list(outside(Columns(np.array([[16_777_217.3]]), ("size",), (None,)), ranges)) == []
    (line,) = outside(Columns(np.array([[16_778_000.0]]), ("size",), (None,)), ranges)
    assert "'size' 1 (" in line
