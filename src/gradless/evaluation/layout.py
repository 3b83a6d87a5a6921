"""Which layout is fast? That depends on the machine, the problem and how candidates are made."""

from __future__ import annotations

import jax

from gradless._core.cost import Cost
from gradless.evaluation.walk.products import SUMMED_BY_HAND
from gradless.models.facts import WRITTEN_OUT
from gradless.problems.contract import Layout, Problem, has_own_batches
from gradless.strategies.base import Perturbation, Strategy, perturbation

# Operations of a generation for which a second device is worth the exchange of losses, 70
# microseconds on two cores.
_OPERATIONS_WORTH_SHARING = 3_000_000
_ROWS_BLOCK = 1024  # members whose rows are computed together
_NUMBERS_IN_A_ROWS_BLOCK = 2**25
_NUMBERS_IN_A_GPU_BLOCK = 2**28
# Operations on a number that is held, below which it matters most that numbers are in the cache.
_MANY_OPERATIONS = 100
# For each product with the center, its weights are arranged anew: rows for which that is little.
_ROWS_IN_A_LOW_RANK_BLOCK = 2048
_MEMBERS_OF_ONE_PRODUCT = 32
_CORES_OF_A_PRODUCT = 4  # two were measured
_ROWS_OF_HIGH_RANKS = 128  # whose changes are written out, and read again
_NUMBERS_IN_A_LOW_RANK_BLOCK = 2**24


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
        pairs = made.opposite_pairs and (cost.shares_center or bool(made.rank))
        parts = population // 2 if pairs else population
        devices = min(available, parts) if worth else 1
        block = 1
        if made.rank and has_own_batches(problem):
            block = _low_rank_block(cost, made.rank, 2 if pairs else 1)
            if block * (2 if pairs else 1) >= _MEMBERS_OF_ONE_PRODUCT:
                # The compiler spreads such products over a few cores itself.
                devices = -(-devices // _CORES_OF_A_PRODUCT)
            block = min(block, -(-parts // devices))
        return Layout(False, block, devices, pairs)
    pairs = made.opposite_pairs and bool(made.rank)
    parts = population // 2 if pairs else population
    devices = min(available, parts)
    block = min(-(-parts // devices), _NUMBERS_IN_A_GPU_BLOCK // (cost.held * (2 if pairs else 1)))
    return Layout(False, max(1, block), devices, pairs)


def _low_rank_block(cost: Cost, rank: int | str, signs: int) -> int:
    """Members, or pairs for two signs, whose products with the center are one product."""
    if cost.operations < _MANY_OPERATIONS * cost.held:
        return 1
    thin = isinstance(rank, int) and rank <= SUMMED_BY_HAND
    rows = _ROWS_IN_A_LOW_RANK_BLOCK if thin else _ROWS_OF_HIGH_RANKS
    wanted = round(rows * cost.parameters / (signs * cost.operations))
    return max(1, min(wanted, _NUMBERS_IN_A_LOW_RANK_BLOCK // cost.held))


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
