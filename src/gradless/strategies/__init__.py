"""Which strategies are there, and how is one of your own made?

A new strategy is one file in this package and one line in ``STRATEGIES``. One of your own needs
neither: ``@strategy`` above its class makes it a frozen dataclass of hyperparameters and a pytree.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from gradless._core.errors import known_name, unknown_name
from gradless.strategies import evosax
from gradless.strategies.ars import ARS
from gradless.strategies.base import Strategy, hyperparameter, strategy
from gradless.strategies.bipop_cma_es import BIPOPCMAES
from gradless.strategies.cma_es import CMAES
from gradless.strategies.coordinate_search import CoordinateSearch
from gradless.strategies.differential_evolution import DifferentialEvolution
from gradless.strategies.fd_lbfgs import FDLBFGS
from gradless.strategies.fzoo import FZOO
from gradless.strategies.genetic_algorithm import GeneticAlgorithm
from gradless.strategies.hill_climbing import HillClimbing
from gradless.strategies.lm_ma_es import LMMAES
from gradless.strategies.openai_es import OpenAIES
from gradless.strategies.particle_swarm import ParticleSwarm
from gradless.strategies.pgpe import PGPE
from gradless.strategies.random_search import RandomSearch
from gradless.strategies.sep_cma_es import SepCMAES
from gradless.strategies.simulated_annealing import SimulatedAnnealing
from gradless.strategies.snes import SNES
from gradless.strategies.spsa import SPSA
from gradless.strategies.uh_cma_es import UHCMAES
from gradless.strategies.xnes import XNES

__all__ = [
    "ARS",
    "BIPOPCMAES",
    "CMAES",
    "FDLBFGS",
    "FZOO",
    "LMMAES",
    "PGPE",
    "SNES",
    "SPSA",
    "STRATEGIES",
    "UHCMAES",
    "XNES",
    "CoordinateSearch",
    "DifferentialEvolution",
    "GeneticAlgorithm",
    "HillClimbing",
    "OpenAIES",
    "ParticleSwarm",
    "RandomSearch",
    "SepCMAES",
    "SimulatedAnnealing",
    "Strategy",
    "find",
    "get",
    "hyperparameter",
    "strategy",
]

STRATEGIES: dict[str, type[Strategy]] = {
    cls.name: cls
    for cls in (
        RandomSearch,
        HillClimbing,
        FDLBFGS,
        OpenAIES,
        SPSA,
        FZOO,
        PGPE,
        ARS,
        CMAES,
        BIPOPCMAES,
        UHCMAES,
        LMMAES,
        SepCMAES,
        SNES,
        XNES,
        SimulatedAnnealing,
        CoordinateSearch,
        DifferentialEvolution,
        GeneticAlgorithm,
        ParticleSwarm,
    )
}
"""Every strategy by name."""


def find(name: str) -> type[Strategy]:
    """Class of a strategy; hyphens and capitals in its name make no difference.

    Algorithms of evosax are named ``evosax:CMA_ES``. An unknown name is an :class:`InputError` with
    the closest one.
    """
    if name.startswith(evosax.PREFIX):
        return evosax.find(name.removeprefix(evosax.PREFIX))
    return STRATEGIES[known_name("strategy", name, STRATEGIES)]


def get(name: str, **hyperparameters: Any) -> Strategy:
    """Strategy by name, with some hyperparameters other than their defaults.

    Raises
    ------
    InputError
        If no strategy has this name, or a hyperparameter is unknown or out of range.
    """
    cls: Any = find(name)
    known = [field.name for field in dataclasses.fields(cls)]
    for given in hyperparameters:
        if given not in known:
            raise unknown_name(f"hyperparameter of {name}", given, known)
    return cls(**hyperparameters)
