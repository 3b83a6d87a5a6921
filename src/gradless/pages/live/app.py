"""What does the server of the live page answer?

==================  ==============================================================
``/``               the page
``/api/runs``       the list
``/api/run``        a run: facts, result, card, names of pictures
``/api/curve``      its curves
``/picture``        one of its pictures
``/card``           its model card
``/events``         the list again whenever something has changed, as an event
``/api/stop``       end a run so that it can be resumed (POST, with the token)
``/api/resume``     go on with one, in a process of its own (POST, with the token)
==================  ==============================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gradless.pages.live.runs import Watched

STATIC = Path(__file__).with_name("static")
EVERY = 1.0
"""Seconds between two looks at the files."""
# A card has its style and pictures in itself, and nothing else is to happen in it.
_OF_CARD = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_BEAT = 15  # looks without news after which a connection is felt for


class Live:
    """The application and what it knows."""

    def __init__(self, root: Path) -> None:
        """Watch this folder."""
        self.watched = Watched(root)
        self.watched.look()
        self._changed = asyncio.Condition()
        self._state = ""
        self._resumed: list[subprocess.Popen[bytes]] = []

    def app(self) -> Starlette:
        """Of ASGI."""
        routes = [
            Route("/api/runs", self._runs),
            Route("/api/run", self._run),
            Route("/api/curve", self._curve),
            Route("/api/stop", self._stop, methods=["POST"]),
            Route("/api/resume", self._resume, methods=["POST"]),
            Route("/picture", self._picture),
            Route("/card", self._card),
            Route("/events", self._events),
            Mount("/", StaticFiles(directory=STATIC, html=True)),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()

    async def _look(self) -> None:
        while True:
            await asyncio.to_thread(self.watched.look)
            self._resumed = [each for each in self._resumed if each.poll() is None]
            state = json.dumps([(run.id, run.version) for run in self.watched.runs.values()])
            if state != self._state:
                self._state = state
                async with self._changed:
                    self._changed.notify_all()
            await asyncio.sleep(EVERY)

    # --- Looking ----------------------------------------------------------------------------------

    async def _runs(self, request: Request) -> Response:
        return JSONResponse({"root": str(self.watched.root), "runs": self.watched.summaries()})

    async def _run(self, request: Request) -> Response:
        run = self.watched.runs.get(request.query_params.get("id", ""))
        return _missing() if run is None else JSONResponse(_finite(run.details()))

    async def _curve(self, request: Request) -> Response:
        run = self.watched.runs.get(request.query_params.get("id", ""))
        return _missing() if run is None else JSONResponse(_finite(run.curve()))

    async def _picture(self, request: Request) -> Response:
        asked = request.query_params
        path = self.watched.picture(asked.get("id", ""), asked.get("name", ""))
        return _missing() if path is None else FileResponse(path, media_type="image/png")

    async def _card(self, request: Request) -> Response:
        path = self.watched.card(request.query_params.get("id", ""))
        if path is None:
            return _missing()
        return FileResponse(
            path, media_type="text/html", headers={"content-security-policy": _OF_CARD}
        )

    async def _events(self, request: Request) -> Response:
        async def told() -> AsyncIterator[str]:
            state, beats = None, 0
            while True:
                if state != self._state:
                    state, beats = self._state, 0
                    runs = _finite(self.watched.summaries())
                    yield f"event: runs\ndata: {json.dumps(runs)}\n\n"
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        async with self._changed:
                            await self._changed.wait()
                if (beats := beats + 1) % _BEAT == 0:
                    yield ": still here\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    # --- Doing ------------------------------------------------------------------------------------

    async def _stop(self, request: Request) -> Response:
        run = self.watched.runs.get(request.query_params.get("id", ""))
        if run is None:
            return _missing()
        process = run.process()
        if process is None:
            return _said(409, f"{run.id} does not run on this machine")
        # It saves, and can be resumed. SIGINT is ignored by what a script runs in the background.
        process.send_signal(signal.SIGTERM)
        return _said(200, f"{run.id} stops and saves")

    async def _resume(self, request: Request) -> Response:
        run = self.watched.runs.get(request.query_params.get("id", ""))
        if run is None:
            return _missing()
        if run.status == "running":
            return _said(409, f"{run.id} is running")
        command = [sys.executable, "-m", "gradless", "resume", str(run.folder), "--quiet"]
        if run.status == "finished":
            command += ["--time", "15"]
        # It goes on when the page is closed.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        for _ in range(40):  # what it refuses, it refuses soon
            await asyncio.sleep(0.25)
            if process.poll() is not None or run.process() is not None:
                break
        if process.poll():
            assert process.stderr is not None
            said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
            return _said(409, said[-1].removeprefix("gradless: ") if said else "it cannot go on")
        self._resumed.append(process)
        return _said(200, f"{run.id} goes on")


def _missing() -> Response:
    return _said(404, "there is no such run; it may have been deleted")


def _said(status: int, text: str) -> Response:
    return JSONResponse({"said": text}, status_code=status)


def _finite(value: Any) -> Any:
    """Without NaN and infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
