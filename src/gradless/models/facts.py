"""What does a model need, cost and allow? Of any model; of the MLP without tracing it."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp

from gradless._core import cost, tree
from gradless._core.cost import Cost
from gradless._core.errors import InputError, unknown_name
from gradless._core.hardware import has_bfloat16
from gradless._core.programs import KEPT
from gradless.models.contract import Model
from gradless.models.mlp import MLP, PRECISIONS

# Up to here, rows are 1.5 to 3 times as fast as products; beyond, they do not fit into the
# processor's registers and first cache, and take seconds to compile.
WRITTEN_OUT = 400


def check_fits(model: Model, sample: tuple[int, ...], n_outputs: int) -> None:
    """Refuse a model that does not take samples of this shape, or makes other outputs.

    Raises
    ------
    InputError
        For these.
    """
    if isinstance(model, MLP):
        inputs, outputs = model.sizes[0], model.sizes[-1]
        if sample != (inputs,) or n_outputs != outputs:
            raise InputError(
                f"the first and last layer sizes must fit the data, {math.prod(sample)} features "
                f"and {n_outputs} outputs, got {inputs} and {outputs}"
            )
        return
    name = type(model).__name__
    try:
        outputs = _applied(model, (1, *sample))[1]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name}.apply must take samples of shape {sample}, and says: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error
    shape = getattr(outputs, "shape", None)
    if shape != (1, n_outputs):
        raise InputError(
            f"{name}.apply must return {n_outputs} outputs for each sample, (samples, "
            f"{n_outputs}), got the shape {shape} for one sample"
        )


@functools.lru_cache(maxsize=KEPT)  # to trace a model takes milliseconds
def cost_of(model: Model, samples: int, sample: tuple[int, ...], n_outputs: int) -> Cost:
    """What one evaluation costs on samples of a shape, with what judges ``n_outputs`` outputs."""
    judging = 10.0 * samples * n_outputs
    if not isinstance(model, MLP):
        counted = cost.of_jaxpr(_applied(model, (samples, *sample))[0].jaxpr)
        # Opposite candidates share their noise at least, and what it makes of the data.
        return counted._replace(
            operations=counted.operations + judging,
            shares_center=True,
            parameters=tree.size(jax.eval_shape(lambda: model.init(jax.random.key(0)))),
        )
    weights = sum(i * o for i, o in itertools.pairwise(model.sizes))
    return Cost(
        operations=samples * model.n_parameters + judging,
        held=2 * samples * max(model.sizes),
        written_out=weights <= WRITTEN_OUT,
        # Its first layer, unless that is all of it or rounds.
        shares_center=len(model.sizes) > 2 and not model.rounds,
        parameters=model.n_parameters,
    )


def _applied(model: Model, inputs: tuple[int, ...]) -> tuple[Any, Any]:
    """The jaxpr of a model applied to inputs of a shape, and the shapes of its outputs."""
    params = jax.eval_shape(lambda: model.init(jax.random.key(0)))
    x = jax.ShapeDtypeStruct(inputs, jnp.float32)
    return jax.make_jaxpr(lambda p, x: model.apply(p, x), return_shape=True)(params, x)


def check_precision(precision: str, model: Model) -> None:
    """Refuse a precision that is unknown, too coarse, or that this machine could only imitate.

    Raises
    ------
    InputError
        For these.
    """
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if precision != "float32" and isinstance(model, MLP) and model.rounds:
        raise InputError(
            f"the precision must be float32 with {model.weights} weights, got {precision}. Use "
            "--precision float32, or --weights float32"
        )
    if precision == "float32" or jax.default_backend() != "cpu":
        return
    if not has_bfloat16():
        raise InputError(
            "bfloat16 needs a GPU, a TPU or a processor with avx512_bf16, amx_bf16 or bf16. Use "
            "--precision float32"
        )
