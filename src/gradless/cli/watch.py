"""``gradless watch``: a page of all runs in a folder, updating while they train."""

from __future__ import annotations

import sys

from gradless._core.errors import InputError
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
