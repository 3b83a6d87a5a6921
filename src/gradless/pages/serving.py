"""How is a page served on this machine, and to nobody else?

A page of another site, open in the same browser, may send requests to the loopback address. So
every request must name this server in ``Host`` (a name that an attacker's server gives the loopback
address, DNS rebinding, is refused), must not come from another origin, and needs the token of the
address for whatever changes something.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from importlib.util import find_spec
from typing import Any

from gradless._core.errors import InputError

PORT = 8630
LOOPBACK = "127.0.0.1"
TOKEN_HEADER = b"x-gradless-token"
HEADERS = (
    (b"content-security-policy",
     b"default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; frame-ancestors 'none'; "
     b"base-uri 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)  # fmt: skip

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def check_installed() -> None:
    """Refuse to serve without what serves.

    Raises
    ------
    InputError
        If the extra is not installed.
    """
    if any(find_spec(name) is None for name in ("starlette", "uvicorn")):
        raise InputError(
            "the page needs Starlette and uvicorn, which are not installed. Type: "
            'pip install ".[live]"'
        )


class Guarded:
    """An application behind the checks that all requests must pass."""

    def __init__(self, app: App, token: str, hosts: frozenset[str]) -> None:
        """Serve those who name one of these hosts, and changes only with the token."""
        self._app, self._token, self._hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if _name_of(host) not in self._hosts:
            return await _refuse(send, 421, "this address is not that of the server")
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() != f"http://{host}":
            return await _refuse(send, 403, "the request comes from another page")
        if scope["method"] not in ("GET", "HEAD"):
            given = headers.get(TOKEN_HEADER, b"").decode("latin-1")
            if not secrets.compare_digest(given.encode(), self._token.encode()):
                return await _refuse(send, 403, "the token of the address is missing")

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"], *(each for each in HEADERS if each[0] not in own),
                ]  # fmt: skip
            await send(message)

        return await self._app(scope, receive, guarded)


def _name_of(host: str) -> str:
    """Of ``name:port`` or ``[::1]:port`` the name."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


async def _refuse(send: Any, status: int, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"refused: {why}\n".encode()})


def listening(host: str, port: int | None) -> socket.socket:
    """A socket to serve on: of this port, or of the first free one from ``PORT`` on.

    Raises
    ------
    InputError
        If the port is taken, or the address is none of this machine.
    """
    tried = [port] if port is not None else range(PORT, PORT + 50)
    for each in tried:
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, each))
            made.listen(64)
            return made
        except OSError as error:
            made.close()
            refused = error.strerror or str(error)
    if port is None:
        raise InputError(f"no port from {PORT} to {PORT + 49} is free on {host}: {refused}")
    raise InputError(
        f"--port {port} on {host} cannot be used ({refused}). Leave --port out for a free one"
    )


def serve(
    app: App, made: socket.socket, token: str, *, browser: bool, ready: Callable[[str], None]
) -> None:
    """Serve until the process is interrupted.

    Parameters
    ----------
    app
        What answers, by ASGI.
    made
        Where, of :func:`listening`.
    token
        What a request needs that changes something; it is in the address.
    browser
        Whether to open the page.
    ready
        Is told the address.
    """
    import uvicorn  # noqa: PLC0415 - of the extra live

    host, port = made.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    hosts = {"127.0.0.1", "localhost", "[::1]", shown}
    if host in ("0.0.0.0", "::"):  # asked for: by any name of it
        hosts |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        hosts |= set(socket.gethostbyname_ex(socket.gethostname())[2])
    address = f"http://{shown}:{port}/?token={token}"
    ready(address)
    if browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    config = uvicorn.Config(
        Guarded(app, token, frozenset(hosts)), log_level="warning", access_log=False,
        loop="asyncio",  # others take signals for themselves
    )  # fmt: skip

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave them to the command line, which ends the process at once."""
            yield

    Server(config).run(sockets=[made])


def new_token() -> str:
    """Nobody can guess it."""
    return secrets.token_urlsafe(24)
