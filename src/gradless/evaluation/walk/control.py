"""How are loops, branches and functions walked? Their jaxprs are, with the weights from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax import lax

from gradless.evaluation.walk.changed import Changed, Given, array


class Walk(Protocol):
    """The walk itself."""

    def __call__(self, jaxpr: Any, consts: Sequence[Any], given: Sequence[Given]) -> list[Given]:
        """Outputs of a jaxpr."""

    def refused(self, value: Changed, primitive: str) -> None:
        """A weight is written out because of a primitive."""


Inside = Callable[[Any, Sequence[Given], Walk], list[Given]]


def closed(jaxpr: Any) -> tuple[Any, Sequence[Any]]:
    """A jaxpr and its constants."""
    return (jaxpr.jaxpr, jaxpr.consts) if hasattr(jaxpr, "consts") else (jaxpr, ())


def _called(name: str) -> Inside:
    def call(eqn: Any, given: Sequence[Given], walk: Walk) -> list[Given]:
        return walk(*closed(eqn.params[name]), given)

    return call


def _cond(eqn: Any, given: Sequence[Given], walk: Walk) -> list[Given]:
    index, *operands = given

    def branch(jaxpr: Any) -> Callable[[], list[Any]]:
        return lambda: [array(each.value) for each in walk(*closed(jaxpr), operands)]

    made = lax.switch(index.value, [branch(each) for each in eqn.params["branches"]])
    return [Given(each, True) for each in made]


def _while(eqn: Any, given: Sequence[Given], walk: Walk) -> list[Given]:
    params = eqn.params
    of_test, of_body = params["cond_nconsts"], params["body_nconsts"]
    test_consts, body_consts = given[:of_test], given[of_test : of_test + of_body]
    carry = _Carry(params["body_jaxpr"], of_body, given[of_test + of_body :], walk, "while")

    def test(values: Sequence[Any]) -> Any:
        made = walk(*closed(params["cond_jaxpr"]), [*test_consts, *carry.joined(values)])
        return made[0].value

    def body(values: Sequence[Any]) -> Sequence[Any]:
        return carry.changing(
            walk(*closed(params["body_jaxpr"]), [*body_consts, *carry.joined(values)])
        )

    return carry.joined(lax.while_loop(test, body, carry.start))


def _scan(eqn: Any, given: Sequence[Given], walk: Walk) -> list[Given]:
    params = eqn.params
    n, c = params["num_consts"], params["num_carry"]
    consts = given[:n]
    carry = _Carry(params["jaxpr"], n, given[n : n + c], walk, "scan")
    xs = [_stacked(each, params["length"], walk) for each in given[n + c :]]

    def step(values: list[Any], xs: list[Any]) -> tuple[list[Any], list[Any]]:
        each = [Given(x, t.touched) for x, t in zip(xs, given[n + c :], strict=True)]
        made = walk(*closed(params["jaxpr"]), [*consts, *carry.joined(values), *each])
        return carry.changing(made[:c]), [array(x.value) for x in made[c:]]

    last, ys = lax.scan(
        step, carry.start, xs, params["length"], params["reverse"], params["unroll"]
    )
    return [*carry.joined(last), *(Given(y, True) for y in ys)]


def _stacked(given: Given, length: int, walk: Walk) -> Any:
    """Weights of all layers, so that a loop over them gets those of one."""
    w = given.value
    if not isinstance(w, Changed):
        return w
    if not w.is_whole and length > 1 and not w.left.shape[0] == w.right.shape[0] == length:
        walk.refused(w, "scan")  # layers would share a factor, and so their noise
        return w.written_out()

    def of_each(factor: jax.Array) -> jax.Array:
        return jnp.broadcast_to(factor, (length, *factor.shape[1:]))

    scale = jnp.broadcast_to(w.scale, (length,))
    return Changed(w.center, of_each(w.left), of_each(w.right), scale, w.leaf)


class _Carry:
    """What a loop hands on: weights that stay the same are kept outside of it."""

    def __init__(
        self, body: Any, first: int, given: Sequence[Given], walk: Walk, name: str
    ) -> None:
        jaxpr = closed(body)[0]
        self._given = given
        self._kept = [
            each.is_changed and jaxpr.outvars[at] is jaxpr.invars[first + at]
            for at, each in enumerate(given)
        ]
        for each, kept in zip(given, self._kept, strict=True):
            if each.is_changed and not kept:
                walk.refused(each.value, name)
        self.start = self.changing(given)

    def changing(self, given: Sequence[Given]) -> list[Any]:
        """Arrays of those that are not kept."""
        return [array(each.value) for each, kept in zip(given, self._kept, strict=True) if not kept]

    def joined(self, values: Sequence[Any]) -> list[Given]:
        """All of them again."""
        rest = iter(values)
        return [
            each if kept else Given(next(rest), True)
            for each, kept in zip(self._given, self._kept, strict=True)
        ]


INSIDE: dict[str, Inside] = {
    **dict.fromkeys(
        ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "remat2"),
        _called("jaxpr"),
    ),
    **dict.fromkeys(("custom_jvp_call", "custom_vjp_call"), _called("call_jaxpr")),
    "custom_vjp_call_jaxpr": _called("fun_jaxpr"),
    "scan": _scan,
    "while": _while,
    "cond": _cond,
}
"""Primitives with jaxprs inside, by name."""

LOOPS = frozenset({"scan", "while", "cond"})
"""Those whose values belong to one turn, or one branch."""
