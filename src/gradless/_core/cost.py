"""What does an evaluation cost? Operations and numbers held, counted in what was traced."""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """What the evaluation of one candidate costs, and which ways of computing it pay.

    Parameters
    ----------
    operations
        Rough number of multiply-adds; exp and log count as ten.
    held
        Numbers that it holds at once, roughly.
    written_out
        Whether it is faster on a CPU with its arithmetic written out number by number.
    shares_center
        Whether what is computed for a center saves work for opposite candidates around it, even if
        every weight has noise of its own: products with data that are the same for all.
    parameters
        Of one network; 0 where that is not known.
    """

    operations: float
    held: int
    written_out: bool = False
    shares_center: bool = False
    parameters: int = 0


_SLOW = {"exp", "exp2", "log", "log1p", "tanh", "logistic", "sin", "cos", "pow", "erf", "erf_inv"}


def of_jaxpr(jaxpr: Any) -> Cost:
    """Rough operations and numbers held of one call of what was traced.

    The compiler's own cost analysis counts the body of a loop once, whatever its length, which for
    a rollout of a policy is wrong by the number of its steps.
    """
    operations, held = 0.0, 0
    for equation in jaxpr.eqns:
        shapes = [getattr(v.aval, "shape", ()) for v in (*equation.invars, *equation.outvars)]
        made = sum(math.prod(shape) for shape in shapes[len(equation.invars) :])
        held += made
        inner = [of_jaxpr(j) for j in _inner(equation)]
        name = equation.primitive.name
        if inner:
            # Of branches, all: members that are evaluated together take each of them.
            operations += equation.params.get("length", 1) * sum(each.operations for each in inner)
            held += sum(each.held for each in inner)
        elif name == "dot_general":
            contracted = equation.params["dimension_numbers"][0][0]
            operations += made * math.prod(shapes[0][axis] for axis in contracted)
        elif name == "conv_general_dilated":
            channels = shapes[1][equation.params["dimension_numbers"].rhs_spec[0]]
            operations += made * math.prod(shapes[1]) / max(channels, 1)
        else:
            largest = max(math.prod(shape) for shape in shapes)
            operations += largest * (10 if name in _SLOW else 1)
    return Cost(max(operations, 1.0), max(held, 1))


def _inner(equation: Any) -> list[Any]:
    """The jaxprs inside an equation: bodies of loops, branches, functions called."""
    found = []
    for value in equation.params.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            jaxpr = getattr(each, "jaxpr", each)
            if hasattr(jaxpr, "eqns"):
                found.append(jaxpr)
    return found
