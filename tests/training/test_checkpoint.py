"""Checkpoints: kept in time, two of them, and the newest that can be read is used."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless._core import storage, tree
from gradless._core.errors import InputError
from gradless.training import checkpoint
from gradless.training.checkpoint import Keeper, found, newest
from gradless.training.history import History


class Run(NamedTuple):
    key: jax.Array
    generation: jax.Array
    state: Any


def run(generation: int) -> Run:
    return Run(jax.random.key(generation), jnp.uint32(generation), jnp.full(5, generation / 3))


def history(generations: int) -> History:
    rows = History()
    for generation in range(1, generations + 1):
        rows.append(
            generation=generation, evaluations=10 * generation, seconds=generation / 7,
            loss=1 / generation, best_loss=1 / generation, share=np.nan, best_share=np.nan,
        )  # fmt: skip
    return rows


def keep(folder: Path, *generations: int) -> None:
    keeper = Keeper(folder, 1.0)
    for generation in generations:
        keeper.write(run(generation), history(generation), lambda: {"stop": {}})


def test_what_is_kept_comes_back_bit_for_bit(tmp_path) -> None:
    keep(tmp_path, 12_345)  # a history that was thinned
    saved = newest(tmp_path, run(0))
    for one, other in zip(jax.tree.leaves(saved.run), jax.tree.leaves(run(12_345)), strict=True):
        assert tree.bits(one) == tree.bits(other)
    for name, column in history(12_345).arrays().items():
        np.testing.assert_array_equal(saved.history.column(name), column)
        assert saved.history.column(name).dtype == column.dtype
    assert saved.about["stop"] == {}
    assert saved.refused == ()


def test_the_last_two_are_kept_and_what_was_half_written_is_cleared_away(tmp_path) -> None:
    keep(tmp_path, 1)
    (tmp_path / "checkpoints" / "checkpoint-000000000009.safetensors.partial").write_bytes(b"half")
    keep(tmp_path, 5, 30, 200)
    assert [path.name for path in found(tmp_path)] == [
        "checkpoint-000000000200.safetensors",
        "checkpoint-000000000030.safetensors",
    ]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def damaged(data: bytes, how: str) -> bytes:
    flipped = bytearray(data)
    flipped[-3] ^= 8
    return {
        "empty": b"",
        "cut": data[:-5],
        "flipped": bytes(flipped),
        "foreign": b"nonsense" * 99,
        "nested": (n := b"[" * 99_999 + b"]" * 99_999) and len(n).to_bytes(8, "little") + n,
    }[how]


@pytest.mark.parametrize("how", ["empty", "cut", "flipped", "foreign", "nested"])
def test_a_damaged_one_is_refused_and_the_one_before_is_used(tmp_path, how) -> None:
    keep(tmp_path, 3, 4)
    last, before = found(tmp_path)
    last.write_bytes(damaged(last.read_bytes(), how))
    saved = newest(tmp_path, run(0))
    assert int(saved.run.generation) == 3
    assert len(saved.refused) == 1
    assert last.name in saved.refused[0]
    before.write_bytes(b"")
    with pytest.raises(InputError, match=f"cannot be resumed: .*{last.name}.*{before.name}"):
        newest(tmp_path, run(0))


def rewrite(path: Path, **about: Any) -> None:
    """A file with a fitting checksum that says something else about itself."""
    told = {**storage.load_about(path), **about}
    like = {"run": run(0), "history": History.empty_arrays(3, measures=["share"])}
    storage.save_tree(path, storage.load_tree(path, like), told)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"format": 4}, "newer version of gradless"),
        ({"format": 2}, "an earlier version of gradless, whose runs"),
        ({"format": "1"}, "must be a checkpoint of this version"),
        ({"rows": 10**12}, "must be a checkpoint of this version"),
        ({"rows": -1}, "must be a checkpoint of this version"),
        ({"measures": ["share"]}, "must be a checkpoint of this version"),
        ({"rows": 2}, "must be float32\\[2\\]"),
    ],
)
def test_one_that_says_what_cannot_be_is_refused(tmp_path, about, message) -> None:
    keep(tmp_path, 3)
    rewrite(found(tmp_path)[0], **about)
    with pytest.raises(InputError, match=message):
        newest(tmp_path, run(0))


def test_rows_that_are_no_history_are_refused(tmp_path) -> None:
    keep(tmp_path, 3)
    (path,) = found(tmp_path)
    rows = {**history(3).arrays(), "generation": np.array([1, 1, 7])}
    storage.save_tree(path, {"run": run(3), "history": rows}, storage.load_about(path))
    with pytest.raises(InputError, match="out of order"):
        newest(tmp_path, run(0))


def test_another_phase_is_newer_though_it_counts_from_its_beginning(tmp_path) -> None:
    with Keeper(tmp_path, 10.0) as keeper:
        keeper.write(run(5), history(5), dict)
        keeper.write(run(2), history(2), lambda: {"spent": {"generations": 5}})
    seen = []

    def like(about: dict[str, Any]) -> Any:
        seen.append(about)
        return run(0)

    assert int(newest(tmp_path, like).run.generation) == 2
    assert seen[0]["spent"] == {"generations": 5}


def test_no_checkpoint_at_all(tmp_path) -> None:
    with pytest.raises(InputError, match="must hold a checkpoint to resume from, got none"):
        newest(tmp_path, run(0))


def test_offers_are_taken_when_it_is_time(tmp_path, monkeypatch) -> None:
    clock = [0.0]  # others look at it too, however often
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    with Keeper(tmp_path, 10.0) as keeper:
        for generation, clock[0] in ((1, 5.0), (2, 11.0), (3, 12.0), (4, 22.0)):
            keeper.offer(run(generation), history(generation), dict)
            keeper._wait()
    assert [path.stem[-1] for path in found(tmp_path)] == ["4", "2"]


def test_a_write_that_fails_is_told_once_and_leaves_the_last_one(tmp_path, monkeypatch) -> None:
    keep(tmp_path, 1)
    told: list[str] = []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_bytes", full)
    with Keeper(tmp_path, 0.0, failed=told.append) as keeper:
        for generation in range(2, 5):
            keeper.offer(run(generation), history(generation), dict)
            keeper._wait()
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert int(newest(tmp_path, run(0)).run.generation) == 1


def test_killed_while_it_writes_all_the_time(tmp_path) -> None:
    # The process is killed at random instants; what is there then can always be read.
    program = textwrap.dedent("""
        import sys
        sys.path.insert(0, sys.argv[2])
        from pathlib import Path
        from test_checkpoint import Keeper, history, run
        keeper, rows = Keeper(Path(sys.argv[1]), 1.0), history(50)
        for generation in range(10**9):
            keeper.write(run(generation), rows, dict)
            if generation == 3:
                print("go", flush=True)
    """)
    arguments = [sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env={**os.environ})
    assert process.stdout is not None
    assert process.stdout.readline() == b"go\n"
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    saved = newest(tmp_path, run(0))
    assert saved.refused == ()
    np.testing.assert_array_equal(saved.run.state, run(int(saved.run.generation)).state)
    assert 1 <= len(found(tmp_path)) <= 3


def test_about_is_json_in_the_header(tmp_path) -> None:
    keep(tmp_path, 3)
    data = found(tmp_path)[0].read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert json.loads(json.loads(header["__metadata__"]["gradless"])["about"]) == {
        "format": 3,
        "rows": 3,
        "losses": "float32",
        "measures": {"run": [], "history": ["share"]},
        "stop": {},
    }
