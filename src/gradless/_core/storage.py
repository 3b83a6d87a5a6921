"""How are arrays kept on disk, and read back without running code?

A pytree becomes one safetensors file whose names are the paths of its leaves, with a text about it
and a checksum of everything in its header. Files are written beside their place, flushed to the
disk and renamed, so a reader sees the old one or the new one and never half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gradless._core import interrupts
from gradless._core.errors import InputError
from gradless._core.floats import sixty_four_bits


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with interrupts.whole():
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def unwritable(path: Path, error: OSError) -> InputError:
    """What to say where somebody named a file that cannot be written."""
    hint = "; make its folder first" if isinstance(error, FileNotFoundError) else ""
    return InputError(f"{path} cannot be written ({error.strerror}){hint}")


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or damaged one is an :class:`InputError` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist, expected it in a run folder") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as JSON ({_one_line(error)})") from None


def save_tree(path: Path, tree: Any, about: Any = None) -> None:
    """Save a pytree of arrays and random keys, and a value about it that JSON can hold."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    arrays = {_name(where): _plain(leaf) for where, leaf in leaves}
    text = json.dumps(about)
    # One entry: the library writes several in any order.
    header = json.dumps({"about": text, "sha256": _digest(text, arrays)})
    write_bytes(path, save(arrays, {_ENTRY: header}))


def load_tree(path: Path, like: Any) -> Any:
    """Load a pytree saved by :func:`save_tree`.

    Parameters
    ----------
    path
        The file.
    like
        A pytree of the same structure, shapes and dtypes; its numbers are not used. What is a NumPy
        array in it comes back as one, everything else as a JAX array.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(like)
    expected = {_name(where): _plain(leaf) for where, leaf in leaves}
    try:
        with safe_open(path, "numpy") as file:
            _check_kinds(path, file, expected)
            stored = {name: file.get_tensor(name) for name in expected}
            header = _header(file)
    except FileNotFoundError:
        raise _missing(path) from None
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None
    if header["sha256"] != _digest(header["about"], stored):
        raise InputError(
            f"{path} is damaged: its checksum does not fit its content; use another copy of it"
        )
    loaded = [_like(leaf, stored[_name(where)]) for where, leaf in leaves]
    return jax.tree_util.tree_unflatten(treedef, loaded)


def load_about(path: Path) -> Any:
    """What :func:`save_tree` was told about a tree; the arrays are not read, nothing is checked."""
    try:
        with safe_open(path, "numpy") as file:
            return json.loads(_header(file)["about"])
    except FileNotFoundError:
        raise _missing(path) from None
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


_ENTRY = "gradless"
# The library raises some of them for types of numbers that NumPy does not have.
_UNREADABLE = (
    SafetensorError, OSError, AttributeError, KeyError, TypeError, ValueError, RecursionError,
)  # fmt: skip


def _header(file: Any) -> dict[str, str]:
    """The text about a tree and its checksum."""
    header = json.loads((file.metadata() or {}).get(_ENTRY, "null"))
    if not isinstance(header, dict) or not all(
        isinstance(header.get(name), str) for name in ("about", "sha256")
    ):
        raise ValueError("it was not written by gradless, or its header is damaged")
    return header


def _missing(path: Path) -> InputError:
    return InputError(f"{path} does not exist, expected it in a run folder")


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    return InputError(f"{path} cannot be read as safetensors ({_one_line(error)})")


def _check_kinds(path: Path, file: Any, expected: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays of other names, shapes or types from the header alone, before any is read."""
    found = set(file.keys())
    if found != expected.keys():
        differing = sorted(found ^ expected.keys())
        raise InputError(
            f"{path} must hold the arrays of this run, got others, for example {differing[0]!r}"
        )
    for name, array in expected.items():
        piece = file.get_slice(name)
        kind = _DTYPES.get(piece.get_dtype(), piece.get_dtype())
        if tuple(piece.get_shape()) != array.shape or kind != array.dtype:
            raise InputError(
                f"{path}: {name!r} must be {array.dtype}{list(array.shape)}, got "
                f"{kind}{list(piece.get_shape())}; it belongs to another network or run"
            )


_DTYPES = {
    "BOOL": np.dtype(bool),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(jax.numpy.bfloat16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    **{f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
}
"""Types of numbers by the names that safetensors has for them."""


def _digest(about: str, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a text and of arrays with their names, shapes and types."""
    digest = hashlib.sha256(about.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _name(where: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(where, simple=True, separator=".")


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _like(leaf: Any, array: np.ndarray) -> Any:
    if isinstance(leaf, np.ndarray):
        return array
    if _is_key(leaf):
        return jax.random.wrap_key_data(jax.numpy.asarray(array), impl=jax.random.key_impl(leaf))
    with sixty_four_bits():  # otherwise JAX would cut them to 32
        return jax.numpy.asarray(array)


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
