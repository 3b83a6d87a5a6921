"""What a figure shows."""

import struct
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def line(figure: Figure, label: str) -> np.ndarray:
    """Points of the line with this label, shape (n, 2)."""
    (found,) = [entry for entry in figure.axes[0].lines if str(entry.get_label()) == label]
    return np.asarray(found.get_xydata())


def labels(figure: Figure) -> list[str]:
    """Of the legend."""
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def texts(figure: Figure) -> list[str]:
    """Beside lines and titles."""
    return [text.get_text() for text in figure.axes[0].texts]
