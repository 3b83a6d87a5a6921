"""The quick tests: all that are not slow, up to where one would begin what takes seconds.

With ``--unit``, a test that is about to compile a loop over generations, to start a process, or to
compile more than the few programs that its file may, ends there and counts as skipped, and so do
its cases that follow. So every test is in this tier by itself, or not: nothing is marked, and no
test that takes seconds can slip in by being forgotten.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax
import joblib
import pytest

from gradless.training import host_loop

LOOPS = ("while_loop", "fori_loop", "scan")
# These loop over less than generations: over members, blocks or vectors.
SHORT = (
    "gradless.strategies.",
    "gradless.data.minibatch",
    "gradless.evaluation.population",
    "gradless.objectives.metrics",
)
# A file may compile a few programs: enough that something of every module runs as it will run, and
# few enough, at about 0.1 s each, that all files together take less than a minute on two cores.
PROGRAMS_PER_FILE = 2
ABOUT_TO_COMPILE = "/jax/core/compile/jaxpr_to_mlir_module_duration"


class TakesSecondsError(pytest.skip.Exception):
    """A test is about to begin what takes seconds."""


class UnitTier:
    """A plugin of pytest that ends tests where they would no longer be quick."""

    def __init__(self) -> None:
        self.compiled: Counter[str] = Counter()
        self.file = ""
        self.ended: set[str] = set()  # tests, without their cases

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Whose programs are counted from here on; what has ended before is not begun."""
        self.file = item.nodeid.partition("::")[0]
        if _without_case(item) in self.ended:
            pytest.skip("another case of this test would have taken seconds")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Remember which tests have ended early."""
        try:
            return (yield)
        except TakesSecondsError:
            self.ended.add(_without_case(item))
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """While tests run, what takes seconds is replaced by a skip."""
        with pytest.MonkeyPatch.context() as patch:
            for name in LOOPS:
                patch.setattr(jax.lax, name, _unless_short(getattr(jax.lax, name)))
            patch.setattr(host_loop.HostLoop, "turn", _skipping("turns a whole loop"))
            patch.setattr(subprocess.Popen, "__init__", _skipping("starts a process"))
            patch.setattr(joblib.Parallel, "__call__", _skipping("starts processes"))
            jax.monitoring.register_event_duration_secs_listener(self.count)
            return (yield)

    def count(self, event: str, _: float, **__: Any) -> None:
        """End a test whose file has compiled enough."""
        if event != ABOUT_TO_COMPILE:
            return
        if self.compiled[self.file] == PROGRAMS_PER_FILE:
            raise TakesSecondsError("compiles more than its file may in this tier")
        self.compiled[self.file] += 1


def _without_case(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _unless_short(loop: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(loop)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not sys._getframe(1).f_globals["__name__"].startswith(SHORT):
            raise TakesSecondsError("compiles a whole loop")
        return loop(*args, **kwargs)

    return checked


def _skipping(reason: str) -> Callable[..., Any]:
    def skip(*_: Any, **__: Any) -> Any:
        raise TakesSecondsError(reason)

    return skip
