"""Which modules, examples and parameters of PyTorch can be searched at all?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gradless._core.errors import InputError
from gradless.problems.pytorch.inputs import tensors


def check_module(torch: Any, module: Any) -> None:
    """Refuse what is no module as it was written, and one on another device."""
    if not isinstance(module, torch.nn.Module):
        hint = ". Make one of the class first: Net()" if isinstance(module, type) else ""
        raise InputError(f"module must be a torch.nn.Module, got {_kind(module)}{hint}")
    if hasattr(module, "_orig_mod") or isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            f"module must be as it was written, got {_kind(module)}; give the one that "
            "torch.compile, torch.jit.script or torch.jit.trace was given"
        )
    for name, each in (*module.named_parameters(), *module.named_buffers()):
        if torch.nn.parameter.is_lazy(each):
            raise InputError(
                f"module must know its shapes, got {name!r} without one. Call it once first: "
                "module(example)"
            )
        if each.device.type != "cpu":
            raise InputError(
                f"module must be on the CPU, got {name!r} on {each.device}. Type module.cpu() first"
            )


def parameters_to_search(module: Any) -> dict[str, Any]:
    """Those that need a gradient, by PyTorch's names.

    Raises
    ------
    InputError
        If there are none, or others than float32.
    """
    searched = {name: each for name, each in module.named_parameters() if each.requires_grad}
    for name, each in searched.items():
        kind = str(each.dtype).removeprefix("torch.")
        if kind != "float32":
            advice = (
                "; keep its real and imaginary part as two parameters"
                if each.is_complex()
                else ". Type module.float() first, and module.to(...) when it is trained"
            )
            raise InputError(f"parameters must be float32, got {kind} for {name!r}{advice}")
    if not sum(each.numel() for each in searched.values()):
        others = sum(1 for _ in module.parameters())
        hint = ""
        if others:
            hint = f" and {others} that are fixed. Type module.requires_grad_(True) first"
        raise InputError(f"module must have parameters to search, got none{hint}")
    return searched


def checked_axes(
    torch: Any, example: tuple[Any, ...], batch_axis: int | Sequence[int | None]
) -> tuple[int | None, ...]:
    """The axis of the samples for each input of the example.

    Raises
    ------
    InputError
        If the example is not of tensors on the CPU, or has no samples on these axes.
    """
    if not example:
        raise InputError("example must be a tensor, or a tuple of tensors, got none")
    axes = (batch_axis,) * len(example) if isinstance(batch_axis, int) else tuple(batch_axis)
    if len(axes) != len(example):
        raise InputError(
            f"batch_axis must be one number, or one for each input of the example, {len(example)}, "
            f"got {batch_axis!r}"
        )
    counts = []
    for number, (given, axis) in enumerate(zip(example, axes, strict=True), 1):
        which = f"input {number} of the example" if len(example) > 1 else "example"
        for x in tensors(given):
            _check_tensor(torch, x, which)
            if axis is None:
                continue
            if not -x.ndim <= axis < x.ndim:
                raise InputError(
                    f"{which} must have the samples on axis {axis}, got the shape {tuple(x.shape)}"
                    "; name their axis: batch_axis=0"
                )
            counts.append(x.shape[axis])
    _check_counts(counts)
    return axes


def _check_tensor(torch: Any, x: Any, which: str) -> None:
    if not isinstance(x, torch.Tensor):
        raise InputError(
            f"{which} must be a tensor, or a tuple of tensors for several inputs, got {_kind(x)}. "
            "Type torch.as_tensor(...) around an array"
        )
    if x.device.type != "cpu":
        raise InputError(f"{which} must be on the CPU, got {x.device}. Type .cpu() after it")


def _check_counts(counts: Iterable[int]) -> None:
    numbers = sorted(set(counts))
    if not numbers:
        raise InputError("batch_axis must name the axis of the samples of one input, got only None")
    if len(numbers) > 1:
        raise InputError(
            "inputs of the example must have the same number of samples, got "
            f"{' and '.join(map(str, numbers))}; name their axes, None for an input without "
            "samples: batch_axis=(0, None)"
        )
    if numbers == [0]:
        raise InputError("example must have at least one sample, got none")


def _kind(given: Any) -> str:
    return given.__name__ if isinstance(given, type) else type(given).__name__
