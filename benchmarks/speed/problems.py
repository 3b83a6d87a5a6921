"""On what is speed measured, and of whom? Networks with their data, and contestants by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A network, its data, and who is measured on it, by a name for the table.

    ``against`` says which contestant is compared with which other one, and the ratio to reach.
    """

    title: str
    data: str
    sizes: tuple[int, ...]
    contestants: dict[str, dict[str, Any]]
    against: tuple[tuple[str, str, float], ...]
    batch_size: int | None = None


def _gradless(strategy: str, **settings: Any) -> dict[str, Any]:
    return {"kind": "gradless", "strategy": strategy, **settings}


CHAPTER, ES, CPP = "the chapter's loop, NumPy", "gradless, OpenAI-ES", "C++ by hand, OpenAI-ES"
EVOSAX, EVOTORCH, PEAK = "evosax, Open_ES", "EvoTorch, PGPE", "matrix product, NumPy"
SEARCH, CPP_SEARCH = "gradless, random search", "C++ by hand, random search"
CLIMB, SPECULATE = "gradless, hill climbing", "gradless, hill climbing, speculation 16"
ONE, CORE = "gradless, OpenAI-ES, one device", "gradless, OpenAI-ES, one core"
EVOSAX_SEARCH = "evosax, RandomSearch"
# An iteration at once, and so few candidates that each is a whole network.
FD, FD_WHOLE = "gradless, fd_lbfgs", "gradless, fd_lbfgs, population 64"

PROBLEMS = {
    "tiny": Problem(
        "2-3-3 on 300 samples, the chapter",
        "vertical",
        (2, 3, 3),
        {
            CHAPTER: {"kind": "chapter"},
            SEARCH: _gradless("random_search", population=1024),
            CPP_SEARCH: {"kind": "limit", "method": "random_search", "population": 1024},
            ES: _gradless("openai_es", population=128),
            CPP: {"kind": "limit", "method": "openai_es", "population": 128},
            EVOSAX: {"kind": "evosax", "population": 128},
            EVOSAX_SEARCH: {"kind": "evosax", "population": 1024, "method": "RandomSearch"},
            CLIMB: _gradless("hill_climbing"),
            SPECULATE: _gradless("hill_climbing", speculation=16),
        },
        (
            (SEARCH, CHAPTER, 60),
            (ES, EVOSAX, 15),
            (SEARCH, EVOSAX_SEARCH, 15),
            (SEARCH, CPP_SEARCH, 1.0),
            (CLIMB, CHAPTER, 25),
            (SPECULATE, CHAPTER, 40),
        ),
    ),
    "small": Problem(
        "2-64-3 on 300 samples, the spiral",
        "spiral",
        (2, 64, 3),
        {
            CHAPTER: {"kind": "chapter"},
            ES: _gradless("openai_es", population=128),
            CPP: {"kind": "limit", "method": "openai_es", "population": 128},
            EVOSAX: {"kind": "evosax", "population": 128},
            EVOTORCH: {"kind": "evotorch", "population": 128},
            FD: _gradless("fd_lbfgs", population=2 * 387 + 33),
            FD_WHOLE: _gradless("fd_lbfgs", population=64),
        },
        (
            (ES, CHAPTER, 15),
            (ES, EVOSAX, 5),
            (ES, EVOTORCH, 15),
            (ES, CPP, 0.6),
            (FD, FD_WHOLE, 10),
        ),
    ),
    "middle": Problem(
        "64-64-10 on 1,500 samples, digits",
        "digits",
        (64, 64, 10),
        {
            ES: _gradless("openai_es", population=128),
            ONE: _gradless("openai_es", population=128, devices=1),
            CORE: _gradless("openai_es", population=128, devices=1, cores=1),
            CPP: {"kind": "limit", "method": "openai_es", "population": 128},
            EVOSAX: {"kind": "evosax", "population": 128},
            EVOTORCH: {"kind": "evotorch", "population": 128},
            FD: _gradless("fd_lbfgs", population=2 * 4810 + 33),
            FD_WHOLE: _gradless("fd_lbfgs", population=64),
        },
        ((ES, EVOSAX, 2), (ES, ONE, 1.8), (ES, CORE, 1.8), (FD, FD_WHOLE, 10)),
    ),
    "large": Problem(
        "784-128-10, batches of 1,000",
        "noise",
        (784, 128, 10),
        {
            ES: _gradless("openai_es", population=128),
            ONE: _gradless("openai_es", population=128, devices=1),
            CORE: _gradless("openai_es", population=128, devices=1, cores=1),
            EVOSAX: {"kind": "evosax", "population": 128},
            PEAK: {"kind": "peak"},
        },
        ((ES, PEAK, 0.75), (ES, EVOSAX, 1), (ES, ONE, 1.8), (ES, CORE, 1.8)),
        batch_size=1000,
    ),
    "wide": Problem(
        "784-256-256-10, batches of 128",
        "noise",
        (784, 256, 256, 10),
        {ES: _gradless("openai_es", population=64), EVOSAX: {"kind": "evosax", "population": 64}},
        ((ES, EVOSAX, 1),),
        batch_size=128,
    ),
}

# What runs every line once: each contestant is a process that compiles.
TOY = {"tiny": (CHAPTER, CPP, CPP_SEARCH, EVOSAX_SEARCH), "large": (CORE, EVOSAX, PEAK)}


def dataset(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (samples, features), scaled where they are not of the plane, and class indices."""
    from gradless.data import datasets  # noqa: PLC0415 - peers run without it

    if problem.data == "noise":
        random = np.random.default_rng(0)
        samples = 8 * (problem.batch_size or 1000)
        inputs = random.standard_normal((samples, problem.sizes[0]), np.float32)
        return inputs, random.integers(0, problem.sizes[-1], samples).astype(np.int32)
    loaded = datasets.load(problem.data, seed=0)
    inputs, targets = loaded.features[:1500], loaded.targets[:1500]
    if problem.data == "digits":
        inputs = (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-8)
    return np.asarray(inputs, np.float32), np.asarray(targets, np.int32)
