"""Problems of noise in any size, and the memory that a process holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np

from gradless import objectives
from gradless.data.datasets import Dataset
from gradless.models.mlp import MLP
from gradless.problems.supervised import SupervisedProblem


def noise_problem(sizes: tuple[int, ...], samples: int, **more: Any) -> SupervisedProblem:
    random = np.random.default_rng(0)
    dataset = Dataset(
        "noise",
        random.standard_normal((samples, sizes[0]), np.float32),
        random.integers(0, sizes[-1], samples, np.int32),
        tuple(f"x{index}" for index in range(sizes[0])),
        tuple(f"class {index}" for index in range(sizes[-1])),
    )
    return SupervisedProblem.of(dataset, MLP(sizes), objectives.get("cross_entropy"), **more)


def shapes(model: MLP) -> Any:
    return jax.eval_shape(model.init, jax.random.key(0))


def resident(name: str) -> int:
    """Bytes of this process in memory, now or at most."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
