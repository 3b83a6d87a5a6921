"""What tests of PyTorch modules share; importing it skips them where PyTorch is not installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


class Computing(torch.nn.Module):
    """Four weights, times which the input is, and a function of the product."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([1.0, -0.5, 2.0, 0.75]))
        self.function = function

    def forward(self, x, *others):
        return self.function(self.weight * x, *others)


def quiet(make: Callable[[], Any]) -> Any:
    """Something that PyTorch warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()
