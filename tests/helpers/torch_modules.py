"""What tests of PyTorch modules share; importing it skips them where PyTorch is not installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn, F = torch.nn, torch.nn.functional


class GPT(nn.Module):
    """Attention among letters; the weights that read and write them are tied."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(19, 16), nn.Embedding(6, 16)
        self.mix, self.out, self.norm = nn.Linear(16, 48), nn.Linear(16, 16), nn.LayerNorm(16)
        self.head = nn.Linear(16, 19, bias=False)
        self.head.weight = self.letters.weight

    def forward(self, text):
        x = self.letters(text) + self.places(torch.arange(text.shape[1]))
        samples, length, width = x.shape
        heads = (
            each.view(samples, length, 2, width // 2).transpose(1, 2)
            for each in self.mix(self.norm(x)).chunk(3, -1)
        )
        seen = F.scaled_dot_product_attention(*heads, is_causal=True)
        return self.head(x + self.out(seen.transpose(1, 2).reshape(samples, length, width)))


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
