"""``gradless watch``: a page of all runs in a folder, updating while they train."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradless._core import interrupts
from gradless._core.errors import InputError
from gradless._core.terminal import say
from gradless.cli.page_options import Watch
from gradless.pages import serving


def main(options: Watch) -> int:
    """Serve until Ctrl-C."""
    serving.check_installed()
    from gradless.pages.live.app import Live  # noqa: PLC0415 - of the extra live

    if options.runs.exists() and not options.runs.is_dir():
        raise InputError(f"RUNS must be a folder, got {options.runs}, which is a file")
    made = serving.listening(options.host, options.port)
    live = Live(options.runs)
    token = serving.new_token()
    if not live.watched.runs:
        print(
            f"gradless: no runs in {options.runs} yet; the page waits for them. For example: "
            "gradless train spiral",
            file=sys.stderr,
        )

    def ready(address: str) -> None:
        print(f"{options.runs}: {address}\nend with Ctrl-C", flush=True)

    serving.serve(live.app(), made, token, browser=options.browser, ready=ready)
    return 0


@contextmanager
def beside(runs: Path) -> Iterator[None]:
    """Serve the page of a folder of runs while this process trains one of them.

    In a terminal, the page stays when the run has ended, until Ctrl-C; elsewhere it ends with the
    run, so that a script goes on. It is part of this process, so nothing is left of it.

    Raises
    ------
    InputError
        If the extra is not installed or no port is free.
    """
    serving.check_installed()
    from gradless.pages.live.app import Live  # noqa: PLC0415 - of the extra live

    terminal = sys.stderr.isatty()
    arguments = (Live(runs).app(), serving.listening(serving.LOOPBACK, None), serving.new_token())
    options = {"browser": terminal, "ready": lambda address: say(f"watch at {address}")}
    threading.Thread(target=serving.serve, args=arguments, kwargs=options, daemon=True).start()
    yield
    if terminal and interrupts.asked() is None:
        interrupts.nothing_to_save()
        say("the page stays until Ctrl-C")
        threading.Event().wait()
