"""Natural evolution strategies in NumPy, float64, from the papers: a second implementation.

Wierstra, Schaul, Glasmachers, Sun, Peters and Schmidhuber, "Natural Evolution Strategies", JMLR 15
(2014), algorithms 5 (xNES) and 6 (SNES) with the utilities and rates of table 1. Nothing here is
shared with the package.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import expm

Loss = Callable[[np.ndarray], float]


def _utilities(population: int) -> np.ndarray:
    ranks = np.arange(1, population + 1)
    utility = np.maximum(0, np.log(population / 2 + 1) - np.log(ranks))
    return utility / utility.sum() - 1 / population


def snes(loss: Loss, start: np.ndarray, sigma: float, target: float, budget: int, seed: int) -> int:
    """Evaluations until a candidate reaches the target, or the budget and more."""
    random = np.random.default_rng(seed)
    d = len(start)
    population = 4 + int(3 * np.log(d))
    utility = _utilities(population)
    rate = (3 + np.log(d)) / (5 * np.sqrt(d))
    mean, deviations = start.astype(float), np.full(d, sigma)
    evaluations, best = 0, np.inf
    while best > target and evaluations < budget:
        s = random.standard_normal((population, d))
        losses = np.array([loss(mean + deviations * x) for x in s])
        evaluations += population
        best = min(best, losses.min())
        s = s[np.argsort(losses)]
        mean = mean + deviations * (utility @ s)
        deviations = deviations * np.exp(rate / 2 * (utility @ (s**2 - 1)))
    return evaluations


def xnes(loss: Loss, start: np.ndarray, sigma: float, target: float, budget: int, seed: int) -> int:
    """Evaluations until a candidate reaches the target, or the budget and more."""
    random = np.random.default_rng(seed)
    d = len(start)
    population = 4 + int(3 * np.log(d))
    utility = _utilities(population)
    rate = (9 + 3 * np.log(d)) / (5 * d * np.sqrt(d))
    mean, shape, identity = start.astype(float), np.eye(d), np.eye(d)
    evaluations, best = 0, np.inf
    while best > target and evaluations < budget:
        s = random.standard_normal((population, d))
        losses = np.array([loss(mean + sigma * shape @ x) for x in s])
        evaluations += population
        best = min(best, losses.min())
        s = s[np.argsort(losses)]
        by_delta = utility @ s
        by_matrix = sum(u * (np.outer(x, x) - identity) for u, x in zip(utility, s, strict=True))
        by_sigma = np.trace(by_matrix) / d
        by_shape = by_matrix - by_sigma * identity
        mean = mean + sigma * shape @ by_delta
        sigma = sigma * np.exp(rate / 2 * by_sigma)
        shape = shape @ expm(rate / 2 * by_shape)
    return evaluations
