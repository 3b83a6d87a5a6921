"""Which settings has each method for each task? Chosen on training rows that it did not learn.

Of the 8,000 training rows of MNIST, 6,500 were learned and 1,500 chose.
"""

from __future__ import annotations

from typing import NamedTuple


class Adam(NamedTuple):
    """Of the straight-through estimator."""

    learning_rate: float = 0.002
    batch_size: int = 128


class Search(NamedTuple):
    """Of ``openai_es``; sigma and learning rate are absolute."""

    generations: int
    batch_size: int = 128
    population: int = 256
    sigma: float = 0.03
    learning_rate: float = 0.02
    weight_decay: float = 0.2
    rank: int = 1
    final: float = 0.1  # share of the learning rate that is left in the end


class Settings(NamedTuple):
    """Of a task."""

    search: Search
    adam: Adam


SETTINGS = {
    "spiking": Settings(Search(1000), Adam()),
    "int8": Settings(Search(1000), Adam()),
    "argmax attention": Settings(Search(1000), Adam(0.004)),
    "staircase": Settings(Search(1000), Adam()),
    "hard mixture of experts": Settings(Search(1000), Adam()),
}
