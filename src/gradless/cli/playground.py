"""``gradless playground``: a page on which one watches networks learn without gradients."""

from __future__ import annotations

import webbrowser

from gradless.cli.page_options import Playground
from gradless.pages.playground.server import Server


def main(options: Playground) -> int:
    """Serve the page until Ctrl-C."""
    with Server(options.port) as server:
        print(f"The playground is at {server.address} until you press Ctrl-C.", flush=True)
        if not options.no_browser:
            webbrowser.open(server.address)
        server.serve_forever()
    return 0
