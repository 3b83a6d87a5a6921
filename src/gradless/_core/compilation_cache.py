"""Where do compiled programs wait for the next run? In a folder of the user, limited in size.

JAX compiles a search in seconds and can keep what it compiled: its persistent compilation cache.
The command line switches it on with :func:`enable`. A Python program decides for itself, by JAX's
own settings or by the same call, because the cache is one for everything that the process compiles.

===================  =============================================================
GRADLESS_CACHE       ``off``, or another folder than the user's cache folder
JAX_..., jax.config  what is set for JAX's cache is never changed
===================  =============================================================
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import sys
import time
import warnings
from pathlib import Path

from filelock import FileLock

from gradless._core import hardware, interrupts

SWITCH = "GRADLESS_CACHE"
LIMIT = 128 * 2**20  # bytes; a program takes 5 to 200 KiB
_LOCK = ".lockfile"  # JAX's, while it writes
_ENTRY, _USED = "-cache", "-atime"  # JAX's suffixes of a program and of the time of its last use
_SETTINGS = {
    "jax_compilation_cache_max_size": LIMIT,
    "jax_persistent_cache_min_compile_time_secs": 0.05,
    # XLA's own caches, of GPUs, would lie in the same folder and not count for its size.
    "jax_persistent_cache_enable_xla_caches": "none",
}


def folder() -> Path | None:
    """The folder of this kind of processor, whether or not it exists; None if switched off.

    Programs are compiled for the instructions that a processor has, and a home folder may be used
    from several machines.
    """
    asked = os.environ.get(SWITCH, "").strip()
    if asked.lower() == "off":
        return None
    try:
        base = Path(asked).expanduser() if asked else _user_cache() / "gradless"
        return base.absolute() / _processor()
    except (RuntimeError, OSError):  # nobody's home, or no current folder
        return None


def enable() -> Path | None:
    """Let JAX keep what it compiles, unless someone has decided otherwise.

    To be called before anything is compiled: JAX looks at its settings then.

    Returns
    -------
    Path or None
        The folder; None if this changed nothing, because the cache is switched off, JAX's own
        settings name a folder, or this one cannot be written.
    """
    config = importlib.import_module("jax").config
    chosen = folder()
    if (
        chosen is None
        or config.jax_compilation_cache_dir
        or not config.jax_enable_compilation_cache
    ):
        return None
    try:
        # JAX runs what it finds there, so it is for nobody else to write.
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        _repair(chosen)
    except OSError:
        return None
    if not os.access(chosen, os.W_OK | os.X_OK):
        return None
    for name, value in _SETTINGS.items():
        if name.upper() not in os.environ:
            config.update(name, value)
    config.update("jax_compilation_cache_dir", str(chosen))
    # A full disk costs the time to compile, and that is not worth a line for each program.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    interrupts.add_farewell(lambda: _let_write(chosen))
    return chosen


def size(chosen: Path) -> tuple[int, int]:
    """Number of programs in a folder, and their bytes."""
    sizes = [entry.stat().st_size for entry in chosen.glob(f"*{_ENTRY}")]
    return len(sizes), sum(sizes)


def clear(chosen: Path) -> None:
    """Delete the programs in a folder, and nothing else."""
    if not chosen.exists():
        return
    with FileLock(chosen / _LOCK, timeout=10):  # not while another process writes one
        for suffix in (_ENTRY, _USED):
            for path in chosen.glob(f"*{suffix}"):
                path.unlink(missing_ok=True)


def _let_write(chosen: Path) -> None:
    """Wait until no program is being written, and let none be begun any more."""
    FileLock(chosen / _LOCK, timeout=1).acquire()


def _repair(chosen: Path) -> None:
    """Delete what a process left half written when it was killed.

    JAX writes a program and then the time of its use. It fails to read the half of a program, and
    to write any other one while such a time is missing. Without a limit it writes no times.
    """
    if os.environ.get("JAX_COMPILATION_CACHE_MAX_SIZE") == "-1":
        return
    names = {entry.name for entry in os.scandir(chosen)}
    for name in names:
        if name.endswith(_ENTRY) and name.removesuffix(_ENTRY) + _USED not in names:
            path = chosen / name
            try:
                if time.time() - path.stat().st_mtime > 60:  # not just being written
                    path.unlink()
            except FileNotFoundError:  # deleted by another process
                pass


def _user_cache() -> Path:
    """Where this system keeps what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".cache"


def _processor() -> str:
    """Name of a folder for programs of this kind of processor."""
    machine = platform.machine() or "unknown"
    described = hardware.description()
    wanted = ("vendor_id", "model name", "flags", "Features", "CPU part", "CPU implementer")
    kind = "\n".join(described[name] for name in wanted if name in described)
    kind = kind or os.environ.get("PROCESSOR_IDENTIFIER", "")
    return f"{machine}-{hashlib.sha256(kind.encode()).hexdigest()[:8]}"
