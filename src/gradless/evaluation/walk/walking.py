"""How is a jaxpr walked with changed weights, and which of them had to be written out?"""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

from gradless._core.low_rank import LowRank
from gradless._core.tree import Params
from gradless.evaluation.walk import products  # noqa: F401 - registers its rules
from gradless.evaluation.walk.changed import Changed, Given, array
from gradless.evaluation.walk.control import INSIDE, LOOPS
from gradless.evaluation.walk.shapes import PRODUCTS, RULES


class Walk:
    """A walk of jaxprs.

    Attributes
    ----------
    written_out
        How often a weight that is changed by factors had to be written out, by (leaf, name of the
        primitive).
    """

    def __init__(self, common: Sequence[jax.Array] | None = None, *, alone: bool = False) -> None:
        """Nothing is written out yet.

        Parameters
        ----------
        common
            What is the same for all members, in the order in which it is asked for: what another
            walk of the same jaxpr has computed. None to compute it, and keep it.
        alone
            Whether members are evaluated one by one.
        """
        self.alone = alone
        self.written_out: collections.Counter[tuple[int, str]] = collections.Counter()
        self.used: dict[int, None] = {}
        self.common: list[jax.Array] = []
        self._known = None if common is None else iter(common)
        self._depth = 0  # of loops and branches, whose values cannot be handed on

    def once(self, compute: Callable[[], jax.Array]) -> jax.Array:
        """What is the same for all members."""
        if self._depth:
            return compute()
        if self._known is not None:
            return next(self._known)
        self.common.append(compute())
        return self.common[-1]

    def refused(self, value: Changed, primitive: str) -> None:
        """A weight is written out because of a primitive."""
        if not value.is_whole:
            self.written_out[value.leaf, primitive] += 1

    def __call__(self, jaxpr: Any, consts: Sequence[Any], given: Sequence[Given]) -> list[Given]:
        """Outputs of a jaxpr."""
        values: dict[Any, Given] = dict(zip(jaxpr.invars, given, strict=True))
        values.update(
            (var, Given(const, False)) for var, const in zip(jaxpr.constvars, consts, strict=True)
        )

        def read(var: Any) -> Given:
            return Given(var.val, False) if isinstance(var, core.Literal) else values[var]

        for eqn in jaxpr.eqns:
            results = self._results(jaxpr, eqn, [read(var) for var in eqn.invars])
            values.update(zip(eqn.outvars, results, strict=True))
        return [read(var) for var in jaxpr.outvars]

    def _results(self, jaxpr: Any, eqn: Any, given: list[Given]) -> list[Given]:
        touched = any(each.touched for each in given)
        if not any(each.is_changed for each in given):
            made = plain(jaxpr, eqn, [each.value for each in given])
            return [Given(each, touched) for each in made]
        name = eqn.primitive.name
        if name in INSIDE:
            bodies = name in LOOPS
            self._depth += bodies
            results = INSIDE[name](eqn, given, self)
            self._depth -= bodies
            return results
        arrays = [g if g.is_changed else Given(jnp.asarray(g.value), g.touched) for g in given]
        if name in PRODUCTS or name == "gather":
            self.used.update((g.value.leaf, None) for g in given if g.is_changed)
        found: Any = None
        if name in PRODUCTS:
            found = PRODUCTS[name](eqn, arrays, self)
        elif name in RULES:
            found = RULES[name](eqn, arrays)
        if found is None:
            for each in given:
                if each.is_changed:
                    self.refused(each.value, name)
            found = plain(jaxpr, eqn, [array(each.value) for each in given])
        return [Given(each, True) for each in (found if isinstance(found, list) else [found])]


def plain(jaxpr: Any, eqn: Any, values: Sequence[Any]) -> list[Any]:
    """One equation, evaluated by JAX itself: how its primitive is called does not matter here."""
    both = zip(eqn.invars, values, strict=True)
    given = {var: value for var, value in both if not isinstance(var, core.Literal)}
    about = jaxpr.debug_info._replace(arg_names=None, result_paths=None)
    one = jaxpr.replace(
        constvars=[],
        invars=list(given),
        outvars=list(eqn.outvars),
        eqns=[eqn],
        effects=eqn.effects,
        debug_info=about,
    )
    return list(core.jaxpr_as_fun(core.ClosedJaxpr(one, ()))(*given.values()))


class Traced:
    """A function of parameters and other arguments, traced once to be walked many times."""

    def __init__(self, function: Callable[..., Any], params: Params, *others: Any) -> None:
        """Trace it; ``others`` are pytrees of arrays."""
        self._closed, shape = jax.make_jaxpr(function, return_shape=True)(params, *others)
        self._structure: Any = jax.tree.structure(shape)

    def __call__(
        self,
        center: Params,
        change: Params,
        scale: jax.Array,
        *others: Any,
        walk: Walk | None = None,
    ) -> Any:
        """The function at ``center + scale * change``.

        Parameters
        ----------
        center
            Parameters, the same for all members.
        change
            A pytree like them, of arrays and of ``LowRank``.
        scale
            (); +1 and -1 for opposite members.
        others
            The other arguments.
        walk
            Counts what is written out.
        """
        leaves = jax.tree.leaves(center)
        changes = jax.tree.leaves(change, is_leaf=lambda x: isinstance(x, LowRank))
        weights = [
            Given(Changed.of(*each, scale, leaf), True)
            for leaf, each in enumerate(zip(leaves, changes, strict=True))
        ]
        rest = [Given(x, False) for x in jax.tree.leaves(others)]
        return self.walked(walk or Walk(), [*weights, *rest], array)

    def walked(self, walk: Walk, given: Sequence[Given], array: Callable[[Any], jax.Array]) -> Any:
        """The function of what is given for the leaves of its arguments, by some walk.

        ``array`` makes an array of the walk's values.
        """
        made = walk(self._closed.jaxpr, self._closed.consts, given)
        return jax.tree.unflatten(self._structure, [array(each.value) for each in made])
