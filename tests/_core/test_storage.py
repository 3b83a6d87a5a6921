import json
import random
import resource
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core.errors import InputError
from gradless._core.storage import load_tree, read_json, save_tree, write_bytes, write_json


class Inner(NamedTuple):
    key: jax.Array
    count: jax.Array
    weights: tuple[Any, ...]


class Outer(NamedTuple):
    key: jax.Array
    inner: Inner
    loss: jax.Array
    flags: jax.Array
    extra: dict[str, Any]


def outer(seed: int = 0) -> Outer:
    """A tree with everything that the state of a run may hold."""
    return Outer(
        key=jax.random.key(seed),
        inner=Inner(
            key=jax.random.split(jax.random.key(seed + 1, impl="rbg"), 3),
            count=jnp.uint32(2**32 - 1 - seed),
            weights=(jnp.arange(6, dtype=jnp.float32).reshape(2, 3) + seed, jnp.zeros((0, 2))),
        ),
        loss=jnp.float32(jnp.inf),
        flags=jnp.array([True, False]),
        extra={"steps": jnp.int32(-7), "half": jnp.float16(0.5), "nan": jnp.float32(jnp.nan)},
    )


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "state.safetensors"
    save_tree(path, outer())
    return path


def refusal(path: Path, like: Any) -> str:
    """Message of the InputError, which names the file and fits on one line."""
    with pytest.raises(InputError) as error:
        load_tree(path, like)
    message = str(error.value)
    assert message.splitlines() == [message]
    assert str(path) in message
    return message


def plain(leaf: Any) -> np.ndarray:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


# --- There and back -------------------------------------------------------------------------------


def test_a_tree_comes_back_bit_for_bit(saved):
    loaded = load_tree(saved, outer(seed=5))  # other numbers: only the shapes count
    assert jax.tree.structure(loaded) == jax.tree.structure(outer())
    for given, expected in zip(jax.tree.leaves(loaded), jax.tree.leaves(outer()), strict=True):
        assert given.dtype == expected.dtype
        assert given.shape == expected.shape
        assert plain(given).tobytes() == plain(expected).tobytes()


def test_random_keys_come_back_as_keys_of_their_kind(saved):
    loaded = load_tree(saved, outer(seed=5))
    assert jax.random.key_impl(loaded.key) == jax.random.key_impl(jax.random.key(0))
    assert jax.random.key_impl(loaded.inner.key) == jax.random.key_impl(
        jax.random.key(0, impl="rbg")
    )
    drawn, expected = (jax.random.normal(tree.inner.key[2], (4,)) for tree in (loaded, outer()))
    assert drawn.tolist() == expected.tolist()


def test_the_same_tree_is_the_same_file(saved, tmp_path):
    again = tmp_path / "again.safetensors"
    save_tree(again, outer())
    assert again.read_bytes() == saved.read_bytes()
    save_tree(again, outer(seed=1))
    assert again.read_bytes() != saved.read_bytes()


# --- What does not fit or is damaged --------------------------------------------------------------


@pytest.mark.parametrize(
    ("like", "fragments"),
    [
        (outer()._replace(extra={"steps": jnp.int32(0)}), ["arrays of this run, got others"]),
        (outer()._replace(extra={**outer().extra, "more": jnp.int32(0)}), ["'extra.more'"]),
        (outer().inner, ["must hold the arrays of this run, got others"]),
        (outer()._replace(flags=jnp.zeros(3, bool)), ["'flags'", "bool[2]", "bool[3]"]),
        (outer()._replace(loss=jnp.zeros(1)), ["'loss'", "float32[]", "float32[1]"]),
        (outer()._replace(loss=jnp.int32(0)), ["'loss'", "float32[]", "int32[]"]),
        (outer()._replace(key=jax.random.key(0, impl="rbg")), ["'key'", "uint32[2]", "uint32[4]"]),
    ],
    ids=["fewer", "more", "others", "shape", "rank", "dtype", "key"],
)
def test_a_file_of_something_else_is_refused(saved, like, fragments):
    message = refusal(saved, like)
    for fragment in fragments:
        assert fragment in message


def test_a_missing_file_is_refused(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.safetensors", outer())


def test_a_directory_is_refused(tmp_path):
    refusal(tmp_path, outer())


def test_every_truncation_is_refused(saved):
    data = saved.read_bytes()
    for length in [*range(0, len(data), 7), len(data) - 1]:
        saved.write_bytes(data[:length])
        assert "cannot be read" in refusal(saved, outer())


def test_appended_bytes_are_refused(saved):
    saved.write_bytes(saved.read_bytes() + b"\0")
    refusal(saved, outer())


def test_bit_flips_in_the_header_never_raise_anything_else(saved):
    data = saved.read_bytes()
    header = 8 + struct.unpack("<Q", data[:8])[0]
    like = outer()
    refused = 0
    flips = [(place, bit) for place in range(header) for bit in range(8)]
    for place, bit in random.Random(0).sample(flips, 600):
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        saved.write_bytes(damaged)
        try:
            load_tree(saved, like)
        except InputError as error:
            refused += str(saved) in str(error)
    assert refused > 500  # a space may become another one


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E8M0", "F4", "BF16", "C64", "Q9"])
def test_numbers_of_another_kind_are_refused(tmp_path, dtype):
    path = tmp_path / "model.safetensors"
    bits = {"F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "BF16": 16, "C64": 64, "Q9": 8}[dtype]
    described = {"a": {"dtype": dtype, "shape": [64 // bits], "data_offsets": [0, 8]}}
    header = json.dumps(described).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    refusal(path, {"a": np.zeros(2, np.float32)})


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\xff" * 100, b'{"a": 1}', bytes(100)])
def test_a_file_that_is_no_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    refusal(path, {"a": np.zeros(2, np.float32)})


# --- Whole or not at all --------------------------------------------------------------------------


@contextmanager
def full_disk(size: int):
    """As if the disk were full: no file can grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_write_bytes_replaces_a_file(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with full_disk(100_000), pytest.raises(OSError, match="File too large"):
        write_bytes(path, bytes(1_000_000))
    assert path.read_bytes() == b"old"
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_tree_that_cannot_be_written_leaves_the_old_one(saved):
    before = saved.read_bytes()
    with full_disk(100_000), pytest.raises(OSError, match="File too large"):
        save_tree(saved, {"large": np.zeros(100_000)})
    assert saved.read_bytes() == before


# --- JSON -----------------------------------------------------------------------------------------


def test_json_comes_back(tmp_path):
    value = {"text": "größer", "list": [1, 2.5, None, True], "nested": {"a": []}}
    write_json(tmp_path / "config.json", value)
    assert read_json(tmp_path / "config.json") == value


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe\x00", b"nonsense"])
def test_damaged_json_is_refused(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_json(path)
    message = str(error.value)
    assert str(path) in message
    assert message.splitlines() == [message]


def test_missing_json_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_json(tmp_path / "config.json")
