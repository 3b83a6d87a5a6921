"""Where were results measured? Facts without which a number means nothing; no names of hosts."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"
_PACKAGES = ("gradless", "jax", "jaxlib", "numpy", "optax")


def machine() -> dict[str, str | int | float]:
    """Processor, cores, memory in GiB, operating system and Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        "memory_gib": round(memory, 1),
        "os": _system(),
        "python": platform.python_version(),
    }


def peers() -> dict[str, str]:
    """Pinned versions by name, as ``requirements.txt`` has them."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text("utf-8").splitlines())
    return dict(line.split("==") for line in lines if line)


def versions() -> dict[str, str]:
    """Installed versions of what results depend on."""
    found = {name: installed(name) for name in (*_PACKAGES, *peers())}
    return {name: version for name, version in found.items() if version is not None}


def installed(name: str) -> str | None:
    """Version of a package, None if it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cores() -> int:
    return os.cpu_count() or 1


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"
