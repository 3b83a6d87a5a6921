"""The quick tests: all that are not slow, up to where one would compile a whole loop.

With ``--unit``, a test that is about to compile a loop over generations, or to start another
process, ends there and counts as skipped. So every test is in this tier by itself, or not: nothing
is marked, and no test that takes seconds can slip in by being forgotten.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jax
import joblib
import pytest

from gradless import host

LOOPS = ("while_loop", "fori_loop", "scan")
# These loop over less than generations: over members, blocks or vectors.
SHORT = ("gradless.strategies.", "gradless.minibatch", "gradless.evaluate", "gradless.metrics")


def begin(patch: pytest.MonkeyPatch) -> None:
    """End tests where they would no longer be quick."""
    for name in LOOPS:
        patch.setattr(jax.lax, name, _unless_short(getattr(jax.lax, name)))
    patch.setattr(host.HostWheel, "turn", _skipping("turns a whole loop"))
    patch.setattr(subprocess.Popen, "__init__", _skipping("starts a process"))
    patch.setattr(joblib, "Parallel", _skipping("starts processes"))


def _unless_short(loop: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(loop)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not sys._getframe(1).f_globals["__name__"].startswith(SHORT):
            pytest.skip("compiles a whole loop")
        return loop(*args, **kwargs)

    return checked


def _skipping(reason: str) -> Callable[..., Any]:
    def skip(*_: Any, **__: Any) -> Any:
        pytest.skip(reason)

    return skip
