"""Weights in eight bits are nearest, exact, and stay what they are; NumPy is the oracle."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gradless._core.errors import InputError
from gradless.models.quantization import Quantized, quantized, restored, rounded

LARGEST = np.finfo(np.float32).max
TINY = 127 * 2.0**-125  # up to here, a layer is zeros
_rounded = jax.jit(rounded)  # as networks do it: inside of something larger

# One shape: another is another program to compile.
weights_of_any_size = st.builds(
    lambda exponent, parts: np.float32(parts * 2.0**exponent),
    st.floats(-149, 127),
    arrays(np.float64, (2, 3), elements=st.floats(-1, 1)),
)
weights_of_all_sizes = arrays(
    np.float32, (2, 3), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
)
extremes = [
    np.zeros((2, 3), np.float32),
    np.float32([[-0.0, 0, -0.0], [0, 0, 0]]),
    np.full((2, 3), LARGEST),
    np.float32([[-LARGEST, 1, LARGEST / 2], [1e30, 0, 1e-30]]),
    np.full((2, 3), np.float32(1e-45)),
    np.float32([[TINY, -TINY / 3, 0], [0, 0, 1e-45]]),
    np.float32([[TINY / 2, -TINY / 3, 0], [0, 0, 1e-45]]),
    np.float32([[np.nan, 1, 2], [3, 4, 5]]),
    np.float32([[np.inf, 1, 2], [3, 4, 5]]),
    np.float32([[-np.inf, np.inf, np.nan], [3, 4, 5]]),
]


def every(test):
    """The extremes as well."""
    for weights in extremes:
        test = example(weights)(test)
    return settings(deadline=None)(given(weights_of_any_size | weights_of_all_sizes)(test))


@every
def test_rounding_a_second_time_changes_nothing(weights):
    once = np.asarray(_rounded(weights))
    assert np.asarray(_rounded(once)).tobytes() == once.tobytes()


@every
def test_a_file_gives_the_same_bits(weights):
    once = np.asarray(_rounded(weights))
    stored = Quantized(*map(np.asarray, quantized(weights)))
    assert (stored.values.dtype, stored.scale.dtype) == (np.int8, np.float32)
    if np.isfinite(weights).all():
        assert restored(stored, Path("file")).tobytes() == once.tobytes()
    else:
        assert np.isnan(once).all()  # such a network never wins
        with pytest.raises(InputError, match="file must hold 8-bit weights"):
            restored(stored, Path("file"))


@every
def test_every_weight_goes_to_the_nearest_of_255_numbers(weights):
    if not np.isfinite(weights).all():
        return
    exact = weights.astype(np.float64)
    once = np.asarray(_rounded(weights), np.float64)
    largest = np.abs(exact).max()
    if largest <= TINY:
        assert np.abs(once - exact).max() <= TINY
        return
    # The scale is rounded to 16 bits, so a step is off by 2^-16 of itself, and 127 of them as well;
    # at the very end of float32, where a larger scale would be infinite, by twice of that.
    assert np.abs(once - exact).max() <= largest / 127 * (0.5 + 127 * 2**-15)
    assert np.abs(once).max() == pytest.approx(largest, rel=2**-15)


def test_golden_values():
    weights = jnp.array([[1.0, -0.5, 0.004], [-1.0, 0.3, 0.0039]])
    values, scale = quantized(weights)
    assert values.tolist() == [[127, -64, 1], [-127, 38, 0]]
    assert float(scale) == 33026 / 2**22  # 1/127 in 16 bits


def test_halves_go_to_even_numbers():
    values, scale = quantized(jnp.array([[127.0, 0.5, 1.5, -2.5, 2.49]]))
    assert float(scale) == 1
    assert values.tolist() == [[127, 0, 2, -2, 2]]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([[127, 3]], -1.0),
        ([[127, 3]], np.nan),
        ([[127, 3]], np.inf),
        ([[127, 3]], 3e38),  # 127 of them are infinite
        ([[127, 3]], 1 / 127),  # not of 16 bits
        ([[127, 3]], 1e-40),
        ([[127, 3]], 0.0),
        ([[-128, 3]], 1.0),
        ([[126, 3]], 1.0),  # rounded again, it would be 127 times another scale
        ([[0, 0]], 1.0),
    ],
)
def test_what_no_rounding_has_made_is_refused(values, scale):
    stored = Quantized(np.array(values, np.int8), np.float32(scale))
    with pytest.raises(InputError, match=r"^model.safetensors must hold .* another copy of it$"):
        restored(stored, Path("model.safetensors"))
