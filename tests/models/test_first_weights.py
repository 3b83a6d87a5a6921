import numpy as np
import pytest

from gradless.models.first_weights import drawn
from gradless.models.mlp import INITIALIZERS, MLP


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_first_weights_have_the_scale_of_the_initializer(initializer):
    model = MLP((50, 400, 3), initializer=initializer)
    first, last = drawn(model, 3)
    assert (first.weights.shape, last.weights.shape) == ((50, 400), (400, 3))
    scale = INITIALIZERS[initializer](50, 400)
    assert first.weights.std() == pytest.approx(scale, rel=0.03)
    assert first.weights.dtype == first.biases.dtype == np.float32
    assert not first.biases.any()
    assert not last.biases.any()


def test_the_seed_decides_them():
    model = MLP((2, 3, 1))
    one, same, other = (drawn(model, seed)[0].weights for seed in (3, 3, 2**32 - 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()
