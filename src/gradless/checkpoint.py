"""How are arrays kept on disk, and read back without running code?

A pytree becomes one safetensors file whose names are the paths of its leaves. Files are written
beside their place and renamed, so a reader sees the old one or the new one and never half of one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from gradless.errors import InputError


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


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


def save_tree(path: Path, tree: Any) -> None:
    """Save a pytree of arrays and random keys as safetensors."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    write_bytes(path, save({_name(where): _plain(leaf) for where, leaf in leaves}))


def load_tree(path: Path, like: Any) -> Any:
    """Load a pytree saved by :func:`save_tree`.

    Parameters
    ----------
    path
        The file.
    like
        A pytree of the same structure, shapes and dtypes; its numbers are not used.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    try:
        stored = load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist, expected it in a run folder") from None
    except (SafetensorError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        # The library raises the latter ones for types of numbers that NumPy does not have.
        raise InputError(f"{path} cannot be read as safetensors ({_one_line(error)})") from None
    leaves, treedef = jax.tree_util.tree_flatten_with_path(like)
    expected = {_name(where): _plain(leaf) for where, leaf in leaves}
    if stored.keys() != expected.keys():
        differing = sorted(stored.keys() ^ expected.keys())
        raise InputError(f"{path} holds other arrays than expected, for example {differing[0]!r}")
    for name, array in expected.items():
        given = stored[name]
        if given.shape != array.shape or given.dtype != array.dtype:
            raise InputError(
                f"{path}: {name!r} is {given.dtype}{list(given.shape)}, "
                f"expected {array.dtype}{list(array.shape)}; it belongs to another network or run"
            )
    loaded = [_like(leaf, stored[_name(where)]) for where, leaf in leaves]
    return jax.tree_util.tree_unflatten(treedef, loaded)


def _name(where: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(where, simple=True, separator=".")


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _like(leaf: Any, array: np.ndarray) -> Any:
    if _is_key(leaf):
        return jax.random.wrap_key_data(jax.numpy.asarray(array), impl=jax.random.key_impl(leaf))
    return jax.numpy.asarray(array)


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
