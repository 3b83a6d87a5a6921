"""Which layout is fast? That depends on the machine, the problem and how candidates are made."""

from __future__ import annotations

import jax

from gradless.models.facts import WRITTEN_OUT
from gradless.problems.contract import Layout, Problem
from gradless.strategies.base import Perturbation, Strategy, perturbation

# Operations of a generation for which a second device is worth the exchange of losses, 70
# microseconds on two cores.
_OPERATIONS_WORTH_SHARING = 3_000_000
_ROWS_BLOCK = 1024  # members whose rows are computed together
_NUMBERS_IN_A_ROWS_BLOCK = 2**25
_NUMBERS_IN_A_GPU_BLOCK = 2**28
_LOW_RANK_BLOCK = 8  # pairs; below half of that, one by one is faster
_NUMBERS_IN_A_LOW_RANK_BLOCK = 2**22


UNKNOWN = Perturbation()  # nothing that an evaluation could make use of


def layout_for(problem: Problem, strategy: Strategy) -> Layout:
    """The layout that :func:`choose_layout` chooses for a strategy's populations."""
    return choose_layout(problem, strategy.population, perturbation(strategy))


def choose_layout(problem: Problem, population: int, made: Perturbation = UNKNOWN) -> Layout:
    """The layout that measured best for this platform, network, population and its making."""
    available = jax.device_count()
    cost = problem.cost
    if jax.default_backend() == "cpu":
        if cost.written_out:
            # The compiler itself spreads the rows of a block over the cores.
            block = min(population, _ROWS_BLOCK, max(1, _NUMBERS_IN_A_ROWS_BLOCK // cost.held))
            return Layout(True, block, 1)
        worth = population * cost.operations >= _OPERATIONS_WORTH_SHARING
        by_factors = bool(made.rank)
        pairs = made.opposite_pairs and (cost.shares_center or by_factors)
        parts = population // 2 if pairs else population
        devices = min(available, parts) if worth else 1
        block = 1
        if by_factors:
            # The thin products of many members with the same inputs are one product.
            most = _LOW_RANK_BLOCK if pairs else 2 * _LOW_RANK_BLOCK
            fitting = min(parts // devices, _NUMBERS_IN_A_LOW_RANK_BLOCK // cost.held)
            block = min(fitting, most) if fitting >= most // 2 else 1
        return Layout(False, block, devices, pairs)
    devices = min(available, population)
    members = -(-population // devices)
    return Layout(False, max(1, min(members, _NUMBERS_IN_A_GPU_BLOCK // cost.held)), devices)


def why(layout: Layout, problem: Problem, population: int, precision: str) -> str:
    """What speaks for the layout that :func:`choose_layout` chose for a network, in words."""
    if jax.default_backend() != "cpu":
        return "an accelerator is busy only with many members at once"
    if layout.written_out:
        return (
            f"with at most {WRITTEN_OUT} weights, rows fit into registers and the first "
            "cache; the compiler spreads them over the cores itself"
        )
    reasons = ["written out as rows, it would not fit into registers"]
    if precision != "float32":
        reasons = ["bfloat16 is multiplied in whole matrices"]
    if layout.pairs:
        reasons.append("opposite members share their noise and most of their first layer")
    worth = "is worth sharing" if layout.devices > 1 else "is too short to be shared"
    millions = population * problem.cost.operations / 1e6
    reasons.append(f"a generation of {millions:,.3g} million operations {worth}")
    return "; ".join(reasons)
