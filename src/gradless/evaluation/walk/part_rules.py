"""Which operations on a part of an array give a part again? Those rules, by primitive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gradless.evaluation.walk.changed import Given
from gradless.evaluation.walk.part import PARTS, At, Part, Rule, changed
from gradless.evaluation.walk.shapes import again, same_numbers

_OF_SINGLE_NUMBERS = (
    "abs", "add", "add_any", "and", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil",
    "clamp", "convert_element_type", "copy", "copy_p", "cos", "cosh", "div", "eq", "erf", "erf_inv",
    "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log",
    "log1p", "logistic", "lt", "max", "min", "mul", "name", "ne", "neg", "not", "or", "pow",
    "reduce_precision", "rem", "round", "rsqrt", "select_n", "sign", "sin", "sinh", "sqrt",
    "square", "stop_gradient", "sub", "tan", "tanh", "xor",
)  # fmt: skip
_SAME_ON_CHANGES = frozenset({"copy", "copy_p", "name", "neg", "stop_gradient"})
_REDUCTIONS = (
    "argmax", "argmin", "reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod",
)  # fmt: skip


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        PARTS.update(dict.fromkeys(names, function))
        return function

    return register


def _same_place(first: At, second: At) -> bool:
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))


@_rule(*_OF_SINGLE_NUMBERS)
def _of_numbers(eqn: Any, given: Sequence[Given]) -> Part | None:
    """Functions of single numbers act on the part alone."""
    shape = eqn.outvars[0].aval.shape
    given = [_widened(each, shape) for each in given]
    parts = [each.value for each in given if isinstance(each.value, Part)]
    others = [each for each in given if not isinstance(each.value, Part)]
    if any(each.touched for each in others) or any(
        not _same_place(parts[0].at, part.at) for part in parts
    ):
        return None
    first = parts[0]

    def there(value: Any) -> Any:
        return first.of(value) if jnp.shape(value) == shape else value

    center = again(eqn, *[_center(each.value) for each in given])
    values = [v.values if isinstance(v := each.value, Part) else there(v) for each in given]
    exact = _exact_change(eqn, given, there) if len(parts) == 1 else None
    if exact is not None:
        exact = exact.astype(center.dtype)
    return Part(center, first.at, again(eqn, *values), exact)


def _widened(given: Given, shape: tuple[int, ...]) -> Given:
    """With axes of length 1 as long as those of what it is combined with."""
    value = given.value
    if isinstance(value, Part):
        if value.center.shape == shape:
            return given
        axes = tuple(range(len(shape)))
        return Given(_spread(value, shape, axes), True)
    if jnp.shape(value) in ((), shape):
        return given
    return Given(jnp.broadcast_to(value, shape), given.touched)


def _center(value: Any) -> Any:
    return value.center if isinstance(value, Part) else value


def _exact_change(
    eqn: Any, given: Sequence[Given], there: Callable[[Any], Any]
) -> jax.Array | None:
    """The change of what is linear in it: as a difference of values, it would lose digits."""
    name = eqn.primitive.name
    at = next(i for i, each in enumerate(given) if isinstance(each.value, Part))
    change = given[at].value.exact
    if change is None:
        return None
    if name in _SAME_ON_CHANGES:
        return again(eqn, change)
    if name in ("add", "add_any") or (name == "sub" and at == 0):
        return change
    if name == "sub":
        return -change
    if name == "mul" or (name == "div" and at == 0):
        other = there(given[1 - at].value)
        return again(eqn, *((change, other) if at == 0 else (other, change)))
    return None


@_rule("optimization_barrier")
def _kept(eqn: Any, given: Sequence[Given]) -> Part | None:
    if len(given) != 1:
        return None
    part: Part = given[0].value
    return Part(again(eqn, part.center)[0], part.at, part.values, part.exact)


def _moved(part: Part, center: jax.Array, at: At, move: Callable[[jax.Array], jax.Array]) -> Part:
    """A part whose numbers are only arranged in another way."""
    return Part(center, at, move(part.values), None if part.exact is None else move(part.exact))


@_rule("transpose")
def _transposed(eqn: Any, given: Sequence[Given]) -> Part:
    part: Part = given[0].value
    order = eqn.params["permutation"]
    at = tuple(part.at[axis] for axis in order)
    return _moved(part, again(eqn, part.center), at, lambda x: lax.transpose(x, order))


@_rule("broadcast_in_dim")
def _broadcast(eqn: Any, given: Sequence[Given]) -> Part | jax.Array:
    return _spread(given[0].value, eqn.params["shape"], eqn.params["broadcast_dimensions"])


def _spread(part: Part, new: tuple[int, ...], into: tuple[int, ...]) -> Part | jax.Array:
    at: list[Any] = [None] * len(new)
    for axis, to in enumerate(into):
        if part.center.shape[axis] == new[to]:
            at[to] = part.at[axis]
    shape = tuple(n if place is None else 1 for n, place in zip(new, at, strict=True))
    if all(place is None for place in at):  # one number, everywhere
        return lax.broadcast_in_dim(part.values, new, into)
    center = lax.broadcast_in_dim(part.center, new, into)
    return _moved(part, center, tuple(at), lambda x: lax.broadcast_in_dim(x, shape, into))


@_rule("reshape", "squeeze", "expand_dims")
def _reshaped(eqn: Any, given: Sequence[Given]) -> Part | jax.Array | None:
    part: Part = given[0].value
    old, new = part.center.shape, eqn.outvars[0].aval.shape
    at: list[Any] = [None] * len(new)
    for before, after in same_numbers(old, new):
        longer = [axis for axis in before if old[axis] > 1]
        into = [axis for axis in after if new[axis] > 1]
        placed = [axis for axis in longer if part.at[axis] is not None]
        if not placed:
            continue
        if len(placed) < len(longer):
            return None  # numbers of one part would no longer lie along an axis
        flat: Any = 0
        for axis in longer:
            flat = flat * old[axis] + part.at[axis]
        if len(longer) == 1:
            flat = part.at[longer[0]]  # the same place, which others may have, too
        for axis in reversed(into):
            at[axis] = flat if len(into) == 1 else flat % new[axis]
            flat = flat // new[axis] if len(into) > 1 else flat
    if all(place is None for place in at):
        return part.values.reshape(new)
    shape = tuple(1 if place is not None else n for n, place in zip(new, at, strict=True))
    return _moved(part, part.center.reshape(new), tuple(at), lambda x: x.reshape(shape))


@_rule("slice")
def _sliced(eqn: Any, given: Sequence[Given]) -> Part | None:
    part: Part = given[0].value
    starts, limits = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or [1] * len(starts)
    pick = [slice(*each) for each in zip(starts, limits, strides, strict=True)]
    for axis, place in enumerate(part.at):
        if place is not None:
            if pick[axis] != slice(0, part.center.shape[axis], 1):
                return None  # it may be cut off
            pick[axis] = slice(None)
    return _moved(part, again(eqn, part.center), part.at, lambda x: x[tuple(pick)])


@_rule("reduce_sum")
def _summed(eqn: Any, given: Sequence[Given]) -> Part | jax.Array:
    part: Part = given[0].value
    at = tuple(place for axis, place in enumerate(part.at) if axis not in eqn.params["axes"])
    return changed(again(eqn, part.center), at, again(eqn, part.change))


@_rule(*_REDUCTIONS)
def _reduced(eqn: Any, given: Sequence[Given]) -> Part | None:
    part: Part = given[0].value
    axes = eqn.params["axes"]
    if any(part.at[axis] is not None for axis in axes):
        return None
    at = tuple(place for axis, place in enumerate(part.at) if axis not in axes)
    return Part(again(eqn, part.center), at, again(eqn, part.values))


@_rule("dot_general")
def _product(eqn: Any, given: Sequence[Given]) -> Part | jax.Array | None:
    """That with the center, and the change times what it meets of the other array."""
    first = isinstance(given[0].value, Part)
    part: Part = given[0 if first else 1].value
    other = given[1 if first else 0]
    if other.touched:
        return None
    x = other.value
    (summed, batched) = eqn.params["dimension_numbers"]
    (cp, cx), (bp, bx) = (tuple(e) if first else tuple(e)[::-1] for e in (summed, batched))
    center = again(eqn, *((part.center, x) if first else (x, part.center)))
    for own, axis in zip((*cp, *bp), (*cx, *bx), strict=True):
        if part.at[own] is not None:
            x = lax.dynamic_slice_in_dim(x, part.at[own], 1, axis)
    places = [part.at[axis] for axis in bp]
    of_part = [part.at[a] for a in range(len(part.at)) if a not in cp and a not in bp]
    of_other = [None] * (x.ndim - len(cx) - len(bx))
    at = (*places, *(of_part if first else of_other), *(of_other if first else of_part))
    if all(part.at[axis] is not None for axis in cp):
        sides = [(part.change, cp, bp), (x, cx, bx)]
        change = _outer(*(sides if first else sides[::-1]))
    else:
        change = again(eqn, *((part.change, x) if first else (x, part.change)))
    return changed(center, at, change.astype(center.dtype))


Side = tuple[jax.Array, Sequence[int], Sequence[int]]


def _outer(first: Side, second: Side) -> jax.Array:
    """The product of arrays of which what is summed over is one number: no sum at all."""
    (a, ca, ba), (b, cb, bb) = first, second
    a, b = (
        x.transpose(*bx, *[i for i in range(x.ndim) if i not in (*cx, *bx)], *cx)
        for x, cx, bx in ((a, ca, ba), (b, cb, bb))
    )
    a, b = a.reshape(a.shape[: a.ndim - len(ca)]), b.reshape(b.shape[: b.ndim - len(cb)])
    n = len(ba)
    of_a, of_b = [1] * (a.ndim - n), [1] * (b.ndim - n)
    return a.reshape(*a.shape, *of_b) * b.reshape(*b.shape[:n], *of_a, *b.shape[n:])
