"""How does another program become a function to minimise? Its last line is the loss.

A program is anything that can be started: a training script, a simulator, a compiler with flags.
It gets the parameters in its arguments, ``python train.py --lr {lr}``, or as one JSON object on
standard input, and prints a number in its last line.
"""

from __future__ import annotations

import contextlib
import json
import math
import shlex
import string
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

from gradless._core import words
from gradless._core.errors import InputError, closest

_SHOWN = 400  # characters of what a program printed that an error repeats


class ProgramError(Exception):
    """A program that ended with an error, took too long, or printed no number."""


class Command:
    """A program as a function of its parameters.

    Calling it runs the program and returns the number in its last line. It may be called by several
    threads at once.
    """

    def __init__(
        self,
        command: str | Sequence[str],
        names: Sequence[str],
        *,
        timeout: float | None = None,
        retries: int = 1,
        failed: Callable[[str], Any] = lambda text: None,
    ) -> None:
        """Check what is given; nothing is run.

        Parameters
        ----------
        command
            What is run, without a shell: one text, cut as a shell cuts it, or a list. ``{lr}``
            stands for the value of the parameter lr, ``{lr:.3g}`` for fewer of its digits, and
            ``{{`` for a brace. Without any of these, the program gets all parameters as a JSON
            object on standard input.
        names
            Those of the parameters.
        timeout
            Seconds after which a program is ended, with all that it has started.
        retries
            How often a program that failed is run again.
        failed
            Is told of each failure.

        Raises
        ------
        InputError
            If the command names a parameter that is not there, or leaves one out.
        """
        self.names, self._timeout, self._retries = tuple(names), timeout, retries
        self._failed = failed
        try:
            self._words = shlex.split(command) if isinstance(command, str) else list(command)
            used = [name for word in self._words for name in _names_in(word)]
        except ValueError as error:
            raise InputError(
                f"COMMAND cannot be read ({error}). Write {{{{ for a brace that is no parameter, "
                f"got {command!r}"
            ) from None
        if not self._words:
            raise InputError('COMMAND must be a program to run. For example: "python train.py"')
        for name in used:
            if name not in self.names:
                meant = closest(name, self.names)
                hint = f"Did you mean {{{meant}}}?" if meant else f"Give --bounds {name}=LOW:HIGH"
                raise InputError(f"COMMAND has {{{name}}}, but no parameter has that name. {hint}")
        if used and (left := [name for name in self.names if name not in used]):
            raise InputError(
                f"COMMAND must have all parameters, got no {{{left[0]}}}. Put it in, or leave "
                "--bounds of it out"
            )
        self.is_told_by_arguments = bool(used)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def line(self, values: Mapping[str, Any]) -> str:
        """The command with these values, to be typed into a shell."""
        typed = shlex.join(self._arguments(values))
        if self.is_told_by_arguments:
            return typed
        return f"echo {shlex.quote(json.dumps(dict(values)))} | {typed}"

    def __call__(self, values: Mapping[str, Any]) -> float:
        """Run the program.

        Parameters
        ----------
        values
            A number for each name.

        Returns
        -------
        float
            What it printed last, inf and nan as well.

        Raises
        ------
        ProgramError
            If it fails each time.
        """
        for attempt in range(self._retries + 1):
            try:
                return self._run(values)
            except ProgramError as error:
                self._failed(f"{self.line(values)}\n{error}\n")
                if attempt == self._retries or self._stopped:
                    raise
        raise AssertionError("unreachable")

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped

    def stop(self) -> None:
        """End all programs that run, with all that they have started; none is begun any more."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _end(process)

    def _arguments(self, values: Mapping[str, Any]) -> list[str]:
        return [word.format(**values) if "{" in word or "}" in word else word
                for word in self._words]  # fmt: skip

    def _run(self, values: Mapping[str, Any]) -> float:
        given = None if self.is_told_by_arguments else json.dumps(dict(values))
        try:
            with self._lock:
                if self._stopped:
                    raise ProgramError("the search was stopped")
                # In a session of its own, so that Ctrl-C is ours to handle.
                process = subprocess.Popen(
                    self._arguments(values), text=True, errors="replace",
                    stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                )  # fmt: skip
                self._running.add(process)
        except OSError as error:
            raise ProgramError(f"{self._words[0]} cannot be run ({error.strerror})") from None
        try:
            printed, complaint = process.communicate(given, self._timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            # What it has started may hold the pipes open for a moment.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=1)
            took = words.seconds(self._timeout or 0)
            raise ProgramError(f"the program took more than {took} and was ended") from None
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode != 0:
            how = f"ended with exit code {process.returncode}"
            if process.returncode < 0:
                how = f"was ended by signal {-process.returncode}"
            raise ProgramError(f"the program {how}{_last(complaint or printed)}")
        return _number(printed, complaint)


def _names_in(word: str) -> list[str]:
    """The names in braces, of which only a format may follow."""
    names = []
    for _, name, _, conversion in string.Formatter().parse(word):
        if name is None:
            continue
        if not name.isidentifier() or conversion:
            raise ValueError(f"{{{name}}} is no name")
        names.append(name)
    return names


def _number(printed: str, complaint: str) -> float:
    """The last word of the last line that is not empty."""
    lines = [line for line in printed.splitlines() if line.strip()]
    last = lines[-1].split()[-1] if lines else ""
    try:
        number = float(last)
    except ValueError:
        what = (
            f"printed {lines[-1].strip()[:80]!r} in its last line" if lines else "printed nothing"
        )
        raise ProgramError(
            f"the program must print a number in its last line, and {what}{_last(complaint)}"
        ) from None
    return math.nan if math.isnan(number) else number


def _last(text: str) -> str:
    """The end of what a program printed, for an error."""
    text = text.strip()
    return f": {text[-_SHOWN:]}" if text else ""


def _end(process: subprocess.Popen[str]) -> None:
    """End a program and what it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for each in (*parent.children(recursive=True), parent):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                each.kill()
