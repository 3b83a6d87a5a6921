"""Networks without derivatives: what do they reach beside ordinary ones?

Networks of hard thresholds and of weights in eight bits, trained by the default search of the
estimators, on data of scikit-learn. Each seed has a quarter of the samples of its own held out,
stratified, and first weights and noise of its own. Yardsticks that use gradients stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sklearn.datasets import load_breast_cancer, load_digits

DATA: dict[str, tuple[str, Callable[..., Any]]] = {
    "digits": ("handwritten digits, 8 x 8 pixels", load_digits),
    "breast-cancer": ("breast cancer, 30 measurements", load_breast_cancer),
}


class Kind(NamedTuple):
    """A network, and how it is trained."""

    name: str
    activation: str
    weights: str
    how: str  # in the table


SEARCHED = (
    Kind("ordinary", "relu", "float32", "search"),
    Kind("ordinary, int8 weights", "relu", "int8", "search"),
    Kind("sign", "sign", "float32", "search"),
    Kind("step", "step", "float32", "search"),
    Kind("step, int8 weights", "step", "int8", "search"),
)
ROUNDED = Kind("ordinary, rounded to int8 afterwards", "relu", "int8", "search, then rounded")
GRADIENTS = (
    Kind("step, by a gradient", "step", "float32", "Adam"),
    Kind("ordinary, by a gradient", "relu", "float32", "Adam (scikit-learn)"),
)
KINDS = (*SEARCHED[:2], ROUNDED, *SEARCHED[2:], *GRADIENTS)


class Options(NamedTuple):
    """How much is measured."""

    data: tuple[str, ...] = tuple(DATA)
    seeds: int = 8
    hidden: int = 32
    evaluations: int = 20_000
    strategy: str = "auto"


TOY = Options(("breast-cancer",), 2, 16, 600, "hill_climbing")  # which compiles in half of the time

Results = dict[str, Any]
