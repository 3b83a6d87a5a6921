"""Which digits are learned, which ones judge? MNIST from a file, or scikit-learn's small ones.

Rows are kept in their order: seven tenths train, the next one says when to stop, and the last two
test, which nothing else looks at.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

NEEDED = (
    "an .npz file with MNIST as arrays images (n, 28, 28), uint8 from 0 to 255, and labels (n,), "
    "of 5,000 rows or more"
)


class Rows(NamedTuple):
    """Some of the digits."""

    pixels: np.ndarray  # (samples, pixels), float32, the mean of the training rows subtracted
    labels: np.ndarray  # (samples,), int32


class Digits(NamedTuple):
    """All of them."""

    train: Rows
    validation: Rows
    test: Rows

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray, brightest: float) -> Digits:
        """Split images (samples, side, side) in their order: seven tenths, one, and two."""
        pixels = images.reshape(len(images), -1).astype(np.float32) / brightest
        first, second = 7 * len(pixels) // 10, 8 * len(pixels) // 10
        # Centered, for everyone: directions differ less in how steep they are.
        pixels -= pixels[:first].mean(0)
        parts = (slice(first), slice(first, second), slice(second, None))
        return cls(*(Rows(pixels[part], labels[part].astype(np.int32)) for part in parts))


def small() -> Digits:
    """scikit-learn's 1,797 digits of 8 x 8 pixels, shuffled: they are sorted by writer."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return Digits.of(data.images[order], data.target[order], 16)


def read(path: Path) -> Digits:
    """MNIST from a file.

    Raises
    ------
    ValueError
        If it is not there or holds something else, with what is needed.
    """
    try:
        with np.load(path) as file:
            images, labels = file["images"], file["labels"]
    except FileNotFoundError:
        raise ValueError(f"--digits must be a file, got {path}; needed is {NEEDED}") from None
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"--digits {path} cannot be used ({error}); needed is {NEEDED}") from None
    if images.shape[1:] != (28, 28) or len(images) < 5000 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"--digits {path} has images of shape {images.shape} and labels of shape "
            f"{labels.shape}; needed is {NEEDED}"
        )
    return Digits.of(images, labels, 255)
