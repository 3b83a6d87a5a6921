"""PyTorch modules are searched with a rank by the walk, and nothing of them is written out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.helpers.walked_losses import check_walk
from tests.helpers.walked_models import nll

import gradless
from gradless.problems import torch_module
from helpers.torch_modules import GPT, torch

nn, F = torch.nn, torch.nn.functional

pytestmark = pytest.mark.slow


class Convolutions(nn.Module):
    """With statistics of batches, which are left alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8)
        self.second, self.last = nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.Linear(8, 4)
        self.norm.running_mean.uniform_()
        self.norm.running_var.uniform_(1, 2)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)))
        return self.last(F.relu(self.second(x)).mean((2, 3)))


def perceptron() -> Any:
    return nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.Linear(32, 4))


TEXT = np.random.default_rng(0).integers(0, 19, (8, 6))
LABELS = jnp.arange(8) % 4
BATCHES: dict[Any, tuple[Any, Any]] = {
    perceptron: (jax.random.normal(jax.random.key(0), (8, 12)), LABELS),
    Convolutions: (jax.random.normal(jax.random.key(0), (8, 3, 9, 9)), LABELS),
    GPT: (jnp.asarray(TEXT), jnp.asarray(np.roll(TEXT, -1, 1))),
}


@pytest.mark.parametrize("kind", BATCHES, ids=lambda kind: kind.__name__)
def test_modules_are_searched_with_a_rank(kind: Any) -> None:
    torch.manual_seed(0)
    module, batch = kind().eval(), BATCHES[kind]
    net = torch_module(module, torch.from_numpy(np.array(batch[0])))

    def loss(params: Any, batch: Any) -> Any:
        return nll(net.apply(params, batch[0]), batch[1])

    check_walk(net.params, loss, batch, rtol=1e-4)
    found = gradless.minimize(
        loss, net.params, "openai_es", rank=1, data=batch, evaluations=3_000, sigma=0.03,
        learning_rate=0.05, verbose=False,
    )  # fmt: skip
    assert found.best_loss < 0.97 * loss(net.params, batch)
    trained = net.load(found.best)
    with torch.no_grad():
        own = trained(torch.from_numpy(np.array(batch[0])))
    np.testing.assert_allclose(own, net.apply(found.best, batch[0]), atol=1e-4)
