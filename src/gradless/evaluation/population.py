"""How is a population evaluated fast? Layout, blocks and devices: all of the speed lives here.

On a CPU, members are mapped one after another (or in small blocks), each with its activations
feature-major, and the population is spread over all cores by one mesh; nothing the size of
population x activations is ever stored. On a GPU, large blocks of members are evaluated together.
The same code then serves several GPUs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from gradless._core import tree
from gradless._core.mesh import POPULATION
from gradless._core.tree import Candidates, Params
from gradless.evaluation.mapped import map_members
from gradless.evaluation.neighbours import of_neighbours
from gradless.evaluation.walk.walking import Traced, Walk
from gradless.problems.contract import Layout, Problem, Score, batch_of, has_own_batches, score_of
from gradless.strategies.base import AsksNeighbours, Perturbs, Strategy, perturbation

T = TypeVar("T")
# Weights of a single network, up to which a second program that is written out is worth compiling.
_WRITTEN_OUT_AGAIN = 100


def on_every_device(function: Callable[..., T], layout: Layout) -> Callable[..., T]:
    """The function run by every device of the layout, with the same arguments and results.

    Inside it, :func:`evaluate` shares out a population, and nothing else is exchanged. Left to
    itself, the compiler would spread a strategy's small arrays over the devices as well and
    exchange them twenty times a generation.
    """
    if layout.devices == 1:
        return function
    same = PartitionSpec()
    # The gathered scores are equal everywhere, which is not inferred.
    mapped: Callable[..., T] = jax.shard_map(
        function, mesh=layout.mesh, in_specs=same, out_specs=same, check_vma=False
    )
    return mapped


def evaluate(
    problem: Problem,
    strategy: Strategy,
    state: Any,
    candidates: Candidates,
    batch: Any,
    layout: Layout,
) -> Score:
    """Score every candidate of a population on one batch; to be called :func:`on_every_device`.

    Parameters
    ----------
    problem
        What they are evaluated on.
    strategy, state
        They decode candidates.
    candidates
        Population on the leading axis.
    batch
        Data, the same for all.
    layout
        How to do it.

    Returns
    -------
    Score
        Losses and measures, each of shape (population,). Losses are as computed, NaN included.
    """

    problem = problem.laid_out(layout)
    population = tree.population_size(candidates)

    def members(given: Any) -> Score:
        def score(one: Any) -> Score:
            candidate, number = one
            own = batch_of(problem, batch, number)
            return problem.score(strategy.decode(state, candidate), own)

        return map_members(score, given, layout.block)

    def around_center(given: Any, both: bool) -> Score:
        """Scores (members, signs) of the given candidates, and of those opposite if ``both``."""
        assert isinstance(strategy, Perturbs)
        center = strategy.middle(state)
        walked = Traced(score_of, center, problem, batch_of(problem, batch, 0))
        signs = jnp.array([1.0, -1.0] if both else [1.0], jnp.float32)
        common = None
        if not has_own_batches(problem):
            # What the center makes of the batch, before the loop over pairs.
            first = jax.tree.map(lambda x: x[0], given[0])
            before = Walk()
            walked(center, strategy.change(state, first), signs[0], problem, batch, walk=before)
            common = before.common

        def score(one: Any) -> Score:
            candidate, number = one
            change, own = strategy.change(state, candidate), batch_of(problem, batch, number)

            def signed(sign: jax.Array) -> Score:
                walk = Walk(common, alone=layout.block == 1)
                scored: Score = walked(center, change, sign, problem, own, walk=walk)
                return scored

            if strategy.perturbation.rank and layout.block > 1:
                # Noise and what it makes of the data are the same for both: only signs differ.
                return jax.vmap(signed)(signs)
            # Pairs alone are large: activations of one sign at a time stay in the cache.
            return jax.tree.map(lambda *x: jnp.stack(x), *map(signed, signs))

        return map_members(score, given, layout.block)

    half, numbers = population // 2, None
    if has_own_batches(problem):
        # Opposite candidates have the same number, and so the same batch.
        different = half if perturbation(strategy).opposite_pairs else population
        numbers = jnp.arange(population) % different
    near = strategy.coordinate_neighbours(state) if isinstance(strategy, AsksNeighbours) else None
    if near is not None and numbers is None:
        by_row = problem.laid_out(dataclasses.replace(layout, written_out=False, neighbours=True))

        def shared(function: Callable[[Any], Score], given: Any) -> Score:
            return _shared(function, given, layout)

        return of_neighbours(by_row, near, candidates, batch, layout.block, members, shared)
    if layout.pairs:
        first_half = jax.tree.map(lambda x: x[:half], (candidates, numbers))
        scores = _shared(functools.partial(around_center, both=True), first_half, layout)
        return jax.tree.map(lambda x: x.T.reshape(population), scores)
    if perturbation(strategy).rank and not layout.written_out:
        one_by_one = functools.partial(around_center, both=False)
        scores = _shared(one_by_one, (candidates, numbers), layout)
        return jax.tree.map(lambda x: x[:, 0], scores)
    return _shared(members, (candidates, numbers), layout)


def _shared(
    function: Callable[[Candidates], Score], candidates: Candidates, layout: Layout
) -> Score:
    """The function's results for all candidates, of which each device computes a share."""
    if layout.devices == 1:
        return function(candidates)
    population = tree.population_size(candidates)
    share = -(-population // layout.devices)
    # The last shares are filled up with members from the beginning.
    chosen = (jax.lax.axis_index(POPULATION) * share + jnp.arange(share)) % population
    leaves, structure = jax.tree.flatten(function(jax.tree.map(lambda x: x[chosen], candidates)))
    scores = jnp.stack(leaves)
    # One exchange a generation: everything after it is small, and done by every device alike.
    gathered = jax.lax.all_gather(scores, POPULATION, axis=1, tiled=True)
    score: Score = jax.tree.unflatten(structure, gathered[:, :population])
    return score


def score_one(problem: Problem, params: Params, batch: Any, layout: Layout) -> Score:
    """Score of a single network, besides those of a population."""
    small = tree.size(params) <= _WRITTEN_OUT_AGAIN
    alone = dataclasses.replace(layout, written_out=layout.written_out and small)
    return problem.laid_out(alone).score(params, batch_of(problem, batch, 0))


def replicate(values: Any, layout: Layout) -> Any:
    """Put a pytree on every device of the layout."""
    return jax.device_put(values, NamedSharding(layout.mesh, PartitionSpec()))
