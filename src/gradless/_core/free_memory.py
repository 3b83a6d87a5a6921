"""How much memory can this process still have, where it computes?"""

from __future__ import annotations

from pathlib import Path

import jax
import psutil

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def free() -> int | None:
    """Bytes that this process can have where it computes; None where nobody says.

    On a CPU: what the system can give without swapping, and what the limits of this process and of
    its control group leave. On others: what the fullest device has left.
    """
    if jax.default_backend() == "cpu":
        leaves = [psutil.virtual_memory().available, *_limits_leave(), *_groups_leave()]
        return max(0, min(leaves))
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    if not all("bytes_limit" in each for each in stats):
        return None
    return min(each["bytes_limit"] - each.get("bytes_in_use", 0) for each in stats)


def _limits_leave() -> list[int]:
    """Of the limits of this process (``ulimit -v`` and ``-d``), which batch systems set."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return []
    used = psutil.Process().memory_info()
    limits = (resource.RLIMIT_AS, used.vms), (resource.RLIMIT_DATA, getattr(used, "data", 0))
    soft = [(resource.getrlimit(limit)[0], taken) for limit, taken in limits]
    return [most - taken for most, taken in soft if most != resource.RLIM_INFINITY]


def _groups_leave() -> list[int]:
    """Of the limits of the control groups that this process is in: containers have such."""
    try:
        lines = _OWN_GROUP.read_text("utf-8").splitlines()
    except OSError:
        return []
    leaves: list[int] = []
    roots: tuple[Path, ...]
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            roots, names = (_GROUPS, _GROUPS / "unified"), ("max", "current", "inactive_file")
        elif "memory" in kinds.split(","):
            roots = (_GROUPS / "memory",)
            names = ("limit_in_bytes", "usage_in_bytes", "total_inactive_file")
        else:
            continue
        for root in roots:
            own = root / path.strip("/")
            # In a container the path may be that outside of it; its own group is then the root.
            for folder in (own, *own.parents):
                if folder.is_relative_to(root):
                    leaves += _group_leaves(folder, *names)
    return leaves


def _group_leaves(folder: Path, limit: str, used: str, cached: str) -> list[int]:
    try:
        most = (folder / f"memory.{limit}").read_text("utf-8").strip()
        taken = int((folder / f"memory.{used}").read_text("utf-8"))
        stat = dict(
            line.split() for line in (folder / "memory.stat").read_text("utf-8").splitlines()
        )
    except OSError:
        return []
    # The least used part of the cache of files is given back for the asking.
    return [] if most == "max" else [int(most) - taken + int(stat.get(cached, 0))]
