"""Who hands out the page? A server for this machine alone, of the standard library."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from gradless._core.errors import InputError

STATIC = Path(__file__).parent / "static"
LOOPBACK = "127.0.0.1"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # another version of gradless may be next at this address
}


class _Handler(BaseHTTPRequestHandler):
    """Files of one folder by their names; no path of a request ever reaches the file system."""

    server: Server

    def do_GET(self) -> None:
        """A file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """What would be sent with it."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        # Another site may have its name point here (DNS rebinding); it then sends that name.
        if self.headers.get("Host", "") not in self.server.hosts:
            self._send(HTTPStatus.MISDIRECTED_REQUEST, b"unknown host\n", ".txt", with_body)
            return
        name = urlsplit(self.path).path.removeprefix("/") or "index.html"
        body = self.server.files.get(name)
        if body is None:
            self._send(HTTPStatus.NOT_FOUND, b"no such page\n", ".txt", with_body)
            return
        self._send(HTTPStatus.OK, body, Path(name).suffix, with_body)

    def _send(self, status: HTTPStatus, body: bytes, suffix: str, with_body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", _KINDS.get(suffix, "text/plain; charset=utf-8"))
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a console is no place for every file that a browser asks for."""


class Server(ThreadingHTTPServer):
    """The page at ``address``, on loopback alone.

    Parameters
    ----------
    port
        From 1 to 65535; 0 takes any that is free.

    Raises
    ------
    InputError
        If the port is taken, or not allowed.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        """Read the files, and take the port."""
        self.files = {file.name: file.read_bytes() for file in STATIC.iterdir() if file.is_file()}
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise InputError(
                f"the port must be one that is free, got {port} ({error.strerror}); leave --port "
                "out to take any"
            ) from None
        names = (LOOPBACK, "localhost")
        self.hosts = {f"{name}:{self.server_port}" for name in names}
        if self.server_port == 80:
            self.hosts |= set(names)  # browsers leave out the usual port

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://{LOOPBACK}:{self.server_port}/"
