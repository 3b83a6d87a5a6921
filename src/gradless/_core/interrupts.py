"""What if someone presses Ctrl-C, or the system ends the process? It ends soon, nothing half done.

Python raises ``KeyboardInterrupt`` wherever the main thread is: between two imports, in what a
compiler calls back, in a destructor, which swallows it. While XLA compiles, it waits for seconds;
and an interpreter that shuts down while threads of XLA still work may crash. So the command line
does it in another way (:func:`install`): a thread of its own hears of signals at once, lets what is
being written be written, says in the run folder how it ended, and ends the process.

=================  ===========================================================================
signal             exit code
=================  ===========================================================================
SIGINT, Ctrl-C     130
SIGTERM            143: ``kill``, ``timeout``, Slurm, Kubernetes, a machine that is shut down
=================  ===========================================================================

Once there is something to save (:func:`save_first`), the first signal asks to stop and the second
one ends the process. A Python program that uses gradless keeps its own handlers: without
:func:`install`, nothing here does anything, and Ctrl-C is Python's ``KeyboardInterrupt``.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTED = "interrupted"
"""Why a run stopped that was asked to."""

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_SECONDS_TO_END = 5.0  # for files that are being written and readers that do not read
_SECONDS_OF_ONE = 0.5  # timeout, srun and the like send a signal to a process and to its group

_Farewell = Callable[[], str | None]


class _Guard:
    """What the watching thread knows of the process."""

    def __init__(self) -> None:
        self.whole = threading.RLock()  # held by whoever must not be cut off
        self.farewells: list[_Farewell] = []
        self.saves_first = False
        self.asked: int | None = None
        self._deciding = threading.Lock()
        self._asked_at = 0.0

    def watch(self, next_signal: Callable[[], int]) -> None:
        """Answer signals, until one ends the process."""
        while True:
            number = next_signal()
            if number in _NUMBERS and not self._is_request(number):
                self._end(number)

    def no_more_requests(self) -> None:
        """From now on, a signal ends the process."""
        with self._deciding:
            self.saves_first = False

    def _is_request(self, number: int) -> bool:
        with self._deciding:
            now = time.monotonic()
            if self.asked is not None:
                return now - self._asked_at < _SECONDS_OF_ONE
            if not self.saves_first:
                return False
            self.asked, self._asked_at = number, now
        if number == signal.SIGINT:
            _say("stopping and saving; press Ctrl-C again to quit now")
        else:
            _say("stopping and saving (SIGTERM)")
        return True

    def _end(self, number: int) -> NoReturn:
        # In another thread, since a disk or the reader of the output may never answer.
        with contextlib.suppress(RuntimeError):  # no threads any more: the interpreter shuts down
            threading.Thread(target=self._say_farewell, args=(number,), daemon=True).start()
            time.sleep(_SECONDS_TO_END)
        os._exit(exit_code(number))

    def _say_farewell(self, number: int) -> None:
        with self.whole:  # kept, so that nothing is begun any more
            texts = [INTERRUPTED]
            for farewell in reversed(self.farewells):
                with contextlib.suppress(Exception):
                    texts += filter(None, [farewell()])
            _say("; ".join(texts))
            for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
                with contextlib.suppress(Exception):
                    if stream.isatty() and os.name == "posix":
                        os.write(stream.fileno(), b"\x1b[?25h")  # a progress line hides the cursor
                    stream.flush()
            os._exit(exit_code(number))


_guard: _Guard | None = None


def install() -> None:
    """Watch over this process from now on; for the command line alone.

    A signal that is ignored, as SIGINT is in ``gradless train spiral &`` of a script, stays so.
    """
    global _guard
    if _guard is not None:
        return
    _guard = _Guard()
    for stream in (0, 1, 2):  # where one is closed, a file would take its number, and our words
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    next_signal, wakeup = _channel()
    threading.Thread(target=_guard.watch, args=(next_signal,), daemon=True).start()
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _nothing)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Do nothing in the main thread, which may be busy for long; the watching thread has heard."""


def _channel() -> tuple[Callable[[], int], int]:
    """What waits for the number of the next signal, and the descriptor that Python tells it."""
    if os.name != "posix":
        import socket  # noqa: PLC0415 - takes time, and only Windows needs it

        hears, told = socket.socketpair()
        told.setblocking(False)
        return lambda: hears.recv(1)[0], told.detach()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    return lambda: os.read(reading, 1)[0], writing


def leave(code: int) -> NoReturn:
    """End the process with this exit code, or that of a signal that came before.

    What was registered with ``atexit`` is called and output is flushed; the interpreter is not
    taken apart, in which a signal would be lost or end the process in another way.
    """
    if _guard is not None:
        _guard.no_more_requests()
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:  # the reader has seen enough
            pass
        except OSError as error:
            _say(f"the output could not be written ({error.strerror})")
            code = code or 1
    os._exit(exit_code() or code)


def asked() -> str | None:
    """Why a run is to stop now, if it is; what ``train`` and others take as ``asked_to_stop``."""
    return None if _guard is None or _guard.asked is None else INTERRUPTED


def exit_code(number: int | None = None) -> int:
    """Exit code of a signal, by default of the one that asked to stop; 0 if none did."""
    if number is None:
        number = None if _guard is None else _guard.asked
    return 0 if number is None else 128 + number


def save_first() -> None:
    """From now on there is something to save: the first signal asks to stop, the second ends."""
    if _guard is not None:
        _guard.saves_first = True


def nothing_to_save() -> None:
    """From now on, a signal ends the process at once."""
    if _guard is not None:
        _guard.no_more_requests()


@contextmanager
def whole() -> Iterator[None]:
    """Let what happens inside be done before a signal ends the process; for files, not for long."""
    with contextlib.nullcontext() if _guard is None else _guard.whole:
        yield


@contextmanager
def farewell(say: _Farewell) -> Iterator[None]:
    """While inside, call this before a signal ends the process; the last one is called first.

    It is called in another thread, while nobody is inside of :func:`whole`, and may return advice
    for the last line that is printed.
    """
    add_farewell(say)
    try:
        yield
    finally:
        with whole():
            if _guard is not None:
                _guard.farewells.remove(say)


def add_farewell(say: _Farewell) -> None:
    """Call this before a signal ends the process, whenever that is; see :func:`farewell`."""
    with whole():
        if _guard is not None:
            _guard.farewells.append(say)


def _say(text: str) -> None:
    """Print past everything that a thread may hold: buffers, locks, a live display."""
    with contextlib.suppress(OSError):
        clear = b"\r\x1b[2K" if os.name == "posix" and os.isatty(2) else b""
        os.write(2, clear + f"gradless: {text}\n".encode(errors="replace"))
