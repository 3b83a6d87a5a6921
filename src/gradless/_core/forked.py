"""Can this process compute with JAX? Not if it was forked from one that did.

JAX computes with threads, and a forked process has none of them: its first computation would wait
for ever. Such processes are made by joblib's backend ``multiprocessing`` and, on Linux, by the
standard library's pools.
"""

from __future__ import annotations

import os
import sys

from gradless._core.errors import InputError

_forked_from: int | None = None  # the process that had begun to compute


def check() -> None:
    """Refuse to train where nothing could be computed.

    Raises
    ------
    InputError
        In such a process.
    """
    if _forked_from is not None:
        raise InputError(
            "training must be done in a process that was not forked from one that has used JAX, "
            f"got one forked from process {_forked_from}; use joblib's default backend, 'loky', or "
            "multiprocessing.get_context('spawn')"
        )


def _after_fork() -> None:
    global _forked_from
    if _computes():
        _forked_from = os.getppid()


def _computes() -> bool:
    """Whether JAX has threads; True where it does not say."""
    if "jax" not in sys.modules:
        return False
    bridge = sys.modules.get("jax._src.xla_bridge")
    begun = getattr(bridge, "backends_are_initialized", None)
    return begun is None or bool(begun())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
