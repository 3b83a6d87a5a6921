"""What is free is what the system, this process's limits and its control groups leave."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import jax
import psutil
import pytest

from gradless._core import free_memory

MIB = 2**20

needs_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="of the memory of a CPU")


@pytest.fixture
def groups(tmp_path, monkeypatch) -> Callable[..., None]:
    """Writes the files of a control group, and says that this process is in one."""
    monkeypatch.setattr(free_memory, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(free_memory, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(free_memory, "_limits_leave", list)

    def write(own: str, folder: str, **files: object) -> None:
        (tmp_path / "own").write_text(own, "utf-8")
        place = tmp_path / "groups" / folder
        place.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (place / f"memory.{name}").write_text(f"{text}\n", "utf-8")

    return write


V2 = {"max": 1000 * MIB, "current": 700 * MIB, "stat": f"anon 5\ninactive_file {200 * MIB}"}
V1 = {
    "limit_in_bytes": 900 * MIB,
    "usage_in_bytes": 500 * MIB,
    "stat": f"inactive_file 7\ntotal_inactive_file {100 * MIB}",
}


@needs_cpu
@pytest.mark.parametrize(
    ("own", "folder", "files", "left"),
    [
        ("0::/a/b\n", "a/b", V2, 500),
        ("0::/a/b\n", "a", V2, 500),  # the group around it
        ("0::/\n", "", V2, 500),  # in a container
        ("0::/../../outside\n", "", V2, 500),
        ("3:cpu:/x\n0::/a\n", "unified/a", V2, 500),
        ("5:memory:/a\n0::/\n", "memory/a", V1, 500),
        ("5:cpu,memory:/outside/the/container\n", "memory", V1, 500),
    ],
)
def test_a_container_has_what_its_group_leaves(groups, own, folder, files, left):
    groups(own, folder, **files)
    assert free_memory.free() == left * MIB


@needs_cpu
@pytest.mark.parametrize("own", ["", "0::/a\n"])
def test_without_a_limit_the_system_says_what_is_available(groups, monkeypatch, own):
    groups(own, "a", **{**V2, "max": "max"})
    system = SimpleNamespace(available=123 * MIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: system)
    assert free_memory.free() == 123 * MIB


@needs_cpu
def test_a_group_that_is_full_has_nothing_left(groups):
    groups("0::/a\n", "a", **{**V2, "current": 5000 * MIB})
    assert free_memory.free() == 0


@needs_cpu
def test_limits_of_the_process_count(monkeypatch):
    resource = pytest.importorskip("resource")
    used = psutil.Process().memory_info().vms
    limits = {resource.RLIMIT_AS: used + 300 * MIB}
    endless = resource.RLIM_INFINITY
    monkeypatch.setattr(
        resource, "getrlimit", lambda kind: (limits.get(kind, endless), limits.get(kind, endless))
    )
    assert 200 * MIB < free_memory.free() <= 310 * MIB


@pytest.mark.parametrize(
    ("stats", "left"),
    [
        ([{"bytes_limit": 100, "bytes_in_use": 30}, {"bytes_limit": 90, "bytes_in_use": 40}], 50),
        ([{"bytes_limit": 100, "bytes_in_use": 30}, None], None),
    ],
)
def test_of_accelerators_the_fullest_counts(monkeypatch, stats, left):
    devices = [SimpleNamespace(memory_stats=lambda each=each: each) for each in stats]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: devices)
    assert free_memory.free() == left
