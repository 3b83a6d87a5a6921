"""How does an exported module become a function of JAX: which steps, and how are they taken?

:func:`translated` reads the graph that ``torch.export`` made, once. What it returns knows nothing
of PyTorch but names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradless._core.errors import InputError
from gradless.problems.pytorch.operations import OPERATIONS
from gradless.problems.pytorch.operations.contract import Operation

# Where and in which order numbers lie, and what only PyTorch's own gradients need.
_OF_NO_MEANING = {
    "device",
    "layout",
    "memory_format",
    "non_blocking",
    "pin_memory",
    "requires_grad",
}
# Conditions that PyTorch checks as it runs: that a type is as it was, or an index within bounds.
_CHECKS = ("aten._assert_", "aten.sym_constrain_range")

_IMPOSSIBLE = {
    "aten._local_scalar_dense.default": "takes a value out of a tensor, as .item() and int() do; "
    "keep it a tensor",
    "aten.masked_select.default": "returns as many numbers as are chosen; write "
    "torch.where(mask, x, 0)",
    "aten.nonzero.default": "returns as many numbers as are not zero; write "
    "torch.where(mask, x, 0)",
    "cond": "decides by a value; write torch.where(condition, a, b)",
}
"""Why some operations are in no table, and what to do."""


class Value(NamedTuple):
    """What an earlier step, a parameter or an input has under a name."""

    name: str


@dataclass(frozen=True)
class Step:
    """One operation of the module's graph."""

    name: str  # of its result
    operation: str  # as PyTorch names it
    compute: Operation
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    dtypes: tuple[np.dtype[Any] | None, ...]  # of its results as PyTorch has them
    where: str  # the path of the module that it is of

    def taken(self, values: dict[str, Any]) -> Any:
        """Its result, of PyTorch's kind of numbers.

        Raises
        ------
        InputError
            If the operation cannot be computed with these arguments.
        """
        arguments = filled(self.arguments, values)
        named = {key: filled(each, values) for key, each in self.named.items()}
        try:
            result = self.compute(*arguments, **named)
        except Exception as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{self.operation}, {self.where}, cannot be computed: {said}"
            ) from error
        if isinstance(result, tuple | list):
            pairs = zip(result, self.dtypes, strict=False)
            return tuple(cast(each, dtype) for each, dtype in pairs)
        return cast(result, self.dtypes[0] if self.dtypes else None)


@dataclass(frozen=True)
class Program:
    """The steps of a module, in order."""

    parameters: Mapping[str, str]  # from names in the graph to those of parameters and buffers
    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Any, ...]

    @property
    def state(self) -> set[str]:
        """Names of the parameters and buffers that are used."""
        return set(self.parameters.values())

    def run(self, state: Mapping[str, Any], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Outputs for the module's parameters and buffers by name, and its flat inputs."""
        values = {name: state[of_module] for name, of_module in self.parameters.items()}
        values.update(zip(self.inputs, inputs, strict=True))
        for step in self.steps:
            values[step.name] = step.taken(values)
        outputs: tuple[Any, ...] = filled(self.outputs, values)
        return outputs


def filled(given: Any, values: Mapping[str, Any]) -> Any:
    """An argument with the values in the place of their names."""
    if isinstance(given, Value):
        return values[given.name]
    if isinstance(given, tuple):
        return tuple(filled(each, values) for each in given)
    return given


def cast(result: Any, dtype: np.dtype[Any] | None) -> Any:
    """Of PyTorch's kind of numbers, and no wider: those of a search in bfloat16 stay narrow."""
    if dtype is None or not isinstance(result, jax.Array):
        return result
    same = jnp.issubdtype(result.dtype, jnp.floating) == jnp.issubdtype(dtype, jnp.floating)
    same = same and (result.dtype == jnp.bool_) == (dtype == jnp.bool_)
    return result if same and result.dtype.itemsize <= dtype.itemsize else result.astype(dtype)


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """JAX's type for ``torch.float32`` and its like, as narrow as JAX keeps it."""
    return jax.dtypes.canonicalize_dtype(jnp.dtype(str(dtype).removeprefix("torch.")))


# --- From PyTorch's graph -------------------------------------------------------------------------


def translated(exported: Any, names: Mapping[str, str]) -> Program:
    """The program of a ``torch.export.ExportedProgram``.

    ``names`` has the first name of each parameter of the module by all of its names: tied ones
    have several.

    Raises
    ------
    InputError
        If it has operations that are not in the table; all are named.
    """
    specs = exported.graph_signature.input_specs
    of_state = {spec.arg.name: spec.target for spec in specs if spec.kind.name != "USER_INPUT"}
    inputs = tuple(spec.arg.name for spec in specs if spec.kind.name == "USER_INPUT")
    nodes = list(exported.graph.nodes)
    steps = [node for node in nodes if node.op == "call_function" and not _only_checks(node)]
    if missing := [_lacking(node) for node in steps if _computed_by(node) is None]:
        raise InputError(_not_in_the_table(missing))
    used = {each.name for node in (*steps, nodes[-1]) for each in node.all_input_nodes}
    results = zip(nodes[-1].args[0], exported.graph_signature.output_specs, strict=True)
    return Program(
        {key: names.get(name, name) for key, name in of_state.items() if key in used},
        inputs,
        tuple(map(_step, steps)),
        tuple(_argument(each) for each, spec in results if spec.kind.name == "USER_OUTPUT"),
    )


def name_of(node: Any) -> str:
    """``aten.add.Tensor``, or the name of a function of Python or of control flow."""
    return getattr(node.target, "__name__", "") if _of_python(node) else str(node.target)


def where(node: Any) -> str:
    """Which module an operation is of, for people: ``in layers.0 (Linear)``."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1][:2] if stack else ("", "the module")
    name = kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__
    return f"in {path} ({name})" if path else f"in the forward of {name}"


def _of_python(node: Any) -> bool:
    """Arithmetic of sizes, and the choice of one of many results."""
    return not hasattr(node.target, "namespace") and callable(node.target)


def _only_checks(node: Any) -> bool:
    return str(node.target).startswith(_CHECKS)


def _computed_by(node: Any) -> Operation | None:
    computed: Callable[..., Any] | None = (
        node.target if _of_python(node) else OPERATIONS.get(name_of(node))
    )
    return computed


def _lacking(node: Any) -> tuple[str, str]:
    return name_of(node), where(node)


def _not_in_the_table(missing: list[tuple[str, str]]) -> str:
    first = dict(reversed(missing))  # each with the first place where it is
    for name, place in first.items():
        if name in _IMPOSSIBLE:
            return (
                f"module must compute alike for all values of its tensors, got {name} {place}, "
                f"which {_IMPOSSIBLE[name]}"
            )
    listed = "; ".join(f"{name} {place}" for name, place in sorted(first.items()))
    return (
        f"module must be made of operations that gradless knows, got {listed}. docs/torch.md says "
        "which there are and how to add one"
    )


def _step(node: Any) -> Step:
    computed = _computed_by(node)
    assert computed is not None
    named = {k: v for k, v in node.kwargs.items() if k not in _OF_NO_MEANING}
    return Step(
        node.name,
        name_of(node),
        computed,
        tuple(map(_argument, node.args)),
        {key: _argument(each) for key, each in named.items()},
        tuple(_dtypes(node.meta.get("val"))),
        where(node),
    )


def _dtypes(result: Any) -> Iterator[np.dtype[Any] | None]:
    for each in result if isinstance(result, tuple | list) else [result]:
        dtype = getattr(each, "dtype", None)
        yield None if dtype is None else dtype_of(dtype)


def _argument(given: Any) -> Any:
    """One argument of a node: other nodes by name, types as JAX has them, lists as tuples."""
    if isinstance(given, list | tuple):
        return tuple(map(_argument, given))
    kind = type(given)
    if kind.__module__ == "torch.fx.node":
        return Value(given.name)
    return dtype_of(given) if kind.__name__ == "dtype" and kind.__module__ == "torch" else given
