"""How is a built site looked at? By a server on this machine alone."""

from __future__ import annotations

import contextlib
import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder, on the loopback address."""
    if not (site / "index.html").exists():
        sys.exit(f"{site} must hold a site. Type: python -m docs build --fast")
    handler = functools.partial(_Quiet, directory=str(site))
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def serve(site: Path, port: int) -> None:
    """Serve until Ctrl-C."""
    with server(site, port) as serving:
        print(f"http://127.0.0.1:{serving.server_port}/ (end with Ctrl-C)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            serving.serve_forever()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing of each file."""
