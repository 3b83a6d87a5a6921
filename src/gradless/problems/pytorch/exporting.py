"""How is the graph of a PyTorch module had, for any number of samples, and what is refused?"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import itertools
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from gradless._core.errors import InputError
from gradless.problems.pytorch.inputs import each_with_axis, tensors
from gradless.problems.pytorch.operations import WHOLE
from gradless.problems.pytorch.operations.recurrent import RECURRENT
from gradless.problems.pytorch.program import name_of, where

_RANDOM = re.compile(
    r"aten\.(rand|bernoulli|normal|multinomial|poisson|exponential|native_dropout|dropout)"
)
_ASSIGNED = re.compile(r"self\.([\w.]+)")


def exported(torch: Any, module: Any, example: tuple[Any, ...], axes: Sequence[int | None]) -> Any:
    """The ``torch.export.ExportedProgram`` of a module, with the number of samples left open.

    Parameters
    ----------
    torch
        The package.
    module
        A ``torch.nn.Module``.
    example
        What its ``forward`` takes: tensors, or tuples and lists of them.
    axes
        For each of these, the axis of the samples, or None if it has none.

    Raises
    ------
    InputError
        If the module cannot be exported so, draws random numbers or changes its own state.
    """
    inputs = _resized(torch, module, example, axes)
    samples = torch.export.Dim("samples")

    def left_open(x: Any, axis: int | None) -> dict[int, Any]:
        return {} if axis is None else {axis % x.ndim: samples}

    shapes = each_with_axis(inputs, axes, left_open)
    kinds = [each.kind for each in inspect.signature(module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        single = kinds.index(inspect.Parameter.VAR_POSITIONAL)
        # What *inputs takes is one tuple here, and nothing where there is nothing.
        shapes = (*shapes[:single], *([shapes[single:]] if shapes[single:] else []))
    try:
        with _quietly(torch) as said:
            program = torch.export.export(module, inputs, dynamic_shapes=shapes)
            decompositions = torch.export.default_decompositions()
            for operation in [each for each in decompositions if str(each) in WHOLE]:
                decompositions.pop(operation)
            program = program.run_decompositions(decompositions)
    except Exception as error:
        raise _refusal(torch, module, example, inputs, error) from error
    _check_pure(module, program, said)
    return program


def _resized(torch: Any, module: Any, example: Any, axes: Sequence[int | None]) -> tuple[Any, ...]:
    """The example with so many samples that no other size is the same.

    PyTorch would take one sample for an axis that is repeated, and two equal sizes for one.
    """
    sizes = {size for each in (*tensors(example), *module.parameters()) for size in each.shape}
    count = next(number for number in itertools.count(3) if number not in sizes)

    def repeated(x: Any, axis: int | None) -> Any:
        if axis is None:
            return x
        return x.detach().index_select(axis, torch.arange(count) % x.shape[axis])

    return each_with_axis(example, axes, repeated)


@contextlib.contextmanager
def _quietly(torch: Any) -> Iterator[list[warnings.WarningMessage]]:
    """What PyTorch says while it exports is for those who work on it; its warnings are kept.

    Transformers are taken as they are written: one whose weights are fixed would otherwise be a
    single operation that only PyTorch has.
    """
    silenced, fused = logging.root.manager.disable, torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(record=True) as said,
            contextlib.redirect_stderr(io.StringIO()),
            torch.no_grad(),
        ):
            warnings.simplefilter("always")
            yield said
    finally:
        logging.disable(silenced)
        torch.backends.mha.set_fastpath_enabled(fused)


# --- What cannot be searched ----------------------------------------------------------------------


def _check_pure(module: Any, program: Any, said: list[warnings.WarningMessage]) -> None:
    """Refuse random numbers, and a state that one call leaves for the next."""
    hint = ". Type module.eval() first" if _any_training(module) else ""
    for node in program.graph.nodes:
        if node.op == "call_function" and _draws(node):
            advice = hint or "; give them to it as an input"
            raise InputError(
                f"module must compute the same each time, got random numbers {where(node)}{advice}"
            )
    changed = {
        spec.target
        for spec in program.graph_signature.output_specs
        if spec.kind.name in ("BUFFER_MUTATION", "PARAMETER_MUTATION")
    }
    texts = [str(each.message) for each in said if "assigned during export" in str(each.message)]
    # What was assigned is of importance only if the next call would read it.
    changed |= {name for text in texts for name in _ASSIGNED.findall(text)} & {*program.constants}
    if changed:
        advice = hint or "; take it as an input and return it as an output"
        raise InputError(
            f"module must not change its state as it computes, got {', '.join(sorted(changed))}, "
            f"which its forward changes{advice}"
        )


def _any_training(module: Any) -> bool:
    return any(each.training for each in module.modules())


def _draws(node: Any) -> bool:
    """Whether an operation draws random numbers."""
    name = name_of(node)
    if name == "aten.native_dropout.default":
        return bool(node.args[1] and node.args[2] is not False)
    if name == "aten.scaled_dot_product_attention.default":
        probability = node.args[4] if len(node.args) > 4 else node.kwargs.get("dropout_p", 0)
        return bool(probability)
    if name in RECURRENT:  # (..., layers, dropout, train, bidirectional, batch_first)
        dropout, train = node.args[-4:-2]
        return bool(dropout and train)
    return _RANDOM.match(name) is not None


def _refusal(
    torch: Any, module: Any, example: tuple[Any, ...], inputs: tuple[Any, ...], error: Exception
) -> InputError:
    """What is to be said of an error of ``torch.export``."""
    kind, text = type(error).__name__, str(error)
    if kind == "GuardOnDataDependentSymNode" or "data-dependent" in text:
        line = re.search(r'File "[^"]*[/\\]([^"]+)", line (\d+), in (\w+)\n\s*(.+)', text)
        place = f" at {line[1]}:{line[2]}, {line[4].strip()!r}" if line else ""
        return InputError(
            f"module must not decide by the values of tensors, and does{place}; write "
            "torch.where(condition, a, b) in the place of if"
        )
    if own := _error_of(torch, module, example):
        return InputError(
            f"module must take the example, and says: {_first_line(own)}. Give one tensor, or a "
            "tuple of what you would call it with"
        )
    if "onstraint" in text or _error_of(torch, module, inputs):
        return InputError(
            "module must take any number of samples, got one that computes for some numbers only; "
            "write x.shape[0] where it has a number of samples or len(x), or name the axis of the "
            "samples: batch_axis=1"
        )
    return InputError(
        f"module must be made of PyTorch's operations on tensors, and torch.export says: {kind}: "
        f"{_first_line(error)}"
    )


def _error_of(torch: Any, module: Any, inputs: tuple[Any, ...]) -> Exception | None:
    """What PyTorch itself says to these inputs; a copy is asked, which may change its state."""
    try:
        with torch.no_grad():
            copy.deepcopy(module)(*inputs)
    except Exception as error:
        return error
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
