"""How are the neighbours of a point evaluated? By what one changed number changes, and no more.

Two candidates for every number of the parameters, plus and minus a change, are asked for together.
What the point makes of the data is computed once; of a neighbour, the one row that its number
changes, and what follows from that (``evaluation.walk.part``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gradless._core import tree
from gradless._core.tree import Candidates, Params, Structure
from gradless.evaluation.mapped import map_members
from gradless.evaluation.walk.part import with_one_changed
from gradless.evaluation.walk.walking import Traced
from gradless.problems.contract import Problem, Score, score_of
from gradless.strategies.base import Neighbours

_NUMBERS_IN_A_BLOCK = 2**24
# Written out, arrays of each member would make these far slower than one member after another.
_ONE_BY_ONE = frozenset({"conv_general_dilated", "cond", "scan", "while"})

Function = Callable[[Any], Score]


def of_neighbours(
    problem: Problem,
    near: Neighbours,
    candidates: Candidates,
    batch: Any,
    block: int,
    members: Function,
    shared: Callable[[Function, Any], Score],
) -> Score:
    """Scores of a population of which most are neighbours of a point.

    Parameters
    ----------
    problem, batch
        What they are evaluated on.
    near
        Which they are.
    candidates
        Population on the leading axis.
    block
        Members evaluated together, where it is not by what changed.
    members
        Scores of a part of (candidates, None), in the ordinary way.
    shared
        Calls a function for all of what it is given, of which each device has a share.
    """
    leaves = jax.tree.leaves(near.point)
    traced = Traced(score_of, near.point, problem, batch)
    changes = jax.tree.leaves(Structure.of(near.point).unravel(near.changes))
    scores = [
        _of_leaf(traced, problem, near.point, leaf, change, batch, block, shared)
        for leaf, change in enumerate(changes)
        if leaves[leaf].size
    ]
    both = jax.tree.map(lambda *x: jnp.concatenate(x), *scores)  # (dimension, 2)
    count, size = tree.population_size(candidates), near.changes.size
    pieces = [(near.first, 0), (near.second, 1)]
    found, end = [], 0
    for begin, sign in [*pieces, (count, None)]:
        if begin > end:  # others in between
            rest = jax.tree.map(lambda x, a=end, b=begin: x[a:b], candidates)
            found.append(shared(members, (rest, None)))
        if sign is not None:
            found.append(jax.tree.map(lambda x, sign=sign: x[:, sign], both))
            end = begin + size
    score: Score = jax.tree.map(lambda *x: jnp.concatenate(x), *found)
    return score


def _of_leaf(
    traced: Traced,
    problem: Problem,
    point: Params,
    leaf: int,
    changes: jax.Array,
    batch: Any,
    block: int,
    shared: Callable[[Function, Any], Score],
) -> Score:
    """Scores (numbers of the leaf, 2) of neighbours by a change of one of its numbers."""
    shape = changes.shape

    def near(at: tuple[jax.Array, ...], change: jax.Array) -> tuple[Score, set[str]]:
        return with_one_changed(traced, point, leaf, at, change, problem, batch)

    refusals: set[str] = set()

    def tried(at: tuple[jax.Array, ...], change: jax.Array) -> Score:
        score, refused = near(at, change)
        refusals.update(refused)
        return score

    jax.eval_shape(tried, tuple(jnp.int32(0) for _ in shape), changes.reshape(-1)[0])
    signs = jnp.array([1.0, -1.0], changes.dtype)
    if not shape or refusals & _ONE_BY_ONE:
        leaves, structure = jax.tree.flatten(point)

        def alone(one: tuple[jax.Array, jax.Array]) -> Score:
            moved = leaves[leaf].reshape(-1).at[one[0]].add(one[1]).reshape(shape)
            params = [*leaves[:leaf], moved, *leaves[leaf + 1 :]]
            return problem.score(jax.tree.unflatten(structure, params), batch)

        places = jnp.repeat(jnp.arange(changes.size), 2)
        given = places, (changes.reshape(-1, 1) * signs).reshape(-1)
        scores = shared(lambda some: map_members(alone, some, block), given)
        return jax.tree.map(lambda x: x.reshape(-1, 2), scores)

    # Units outside, which share what follows from them; what leads to a unit inside.
    def of_unit(given: tuple[jax.Array, jax.Array]) -> Score:
        unit, of_it = given

        def at(places: tuple[jax.Array, ...], change: jax.Array) -> Score:
            return jax.vmap(lambda sign: near((*places, unit), sign * change)[0])(signs)

        function: Any = at
        for axis in reversed(range(1, len(shape) - 1)):
            only: Any = (tuple(0 if a == axis else None for a in range(len(shape) - 1)), 0)
            function = jax.vmap(function, in_axes=only)
        places = tuple(jnp.arange(n) for n in shape[:-1])
        if not places:
            return function((), of_it)

        def along_first(one: tuple[jax.Array, jax.Array]) -> Score:
            return function((one[0], *places[1:]), one[1])

        return map_members(along_first, (places[0], of_it), inner)

    held = max(1, problem.cost.held)
    fitting = max(1, _NUMBERS_IN_A_BLOCK // (2 * held))
    into = math.prod(shape[:-1])
    inner = max(1, min(shape[0] if len(shape) > 1 else 1, fitting // math.prod(shape[1:-1])))
    of_units = functools.partial(map_members, of_unit, block=max(1, fitting // into))
    given = jnp.arange(shape[-1]), jnp.moveaxis(changes, -1, 0)
    scores = shared(lambda some: of_units(some), given)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, -2).reshape(-1, 2), scores)
