"""What does the server of the live page answer?

==================  ==============================================================
``/``               the page
``/api/runs``       the list, for programs
``/api/run``        a run: facts, result, card, names of pictures
``/api/curve``      its curves
``/picture``        one of its pictures
``/card``           its model card
``/events``         the list, then what has changed of it, as events
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
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
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
        self._told: dict[str, tuple[int, str]] = {}  # lines of the list as they are sent
        self._write()
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
            changed = await asyncio.to_thread(self.watched.look)
            self._resumed = [each for each in self._resumed if each.poll() is None]
            if changed:
                self._write()
                async with self._changed:
                    self._changed.notify_all()
            await asyncio.sleep(EVERY)

    def _write(self) -> None:
        """Write the lines that have changed, once for all who look."""
        before, told = self._told, {}
        for line in self.watched.lines():
            name, version = line["id"], line["version"]
            kept = before.get(name)
            known = (kept is not None and kept[0] == version and kept) or None
            told[name] = known or (version, json.dumps(_finite(line)))
        self._told = told

    # --- Looking ----------------------------------------------------------------------------------

    async def _runs(self, request: Request) -> Response:
        lines = _finite(self.watched.lines())
        return JSONResponse({"root": str(self.watched.root), "runs": lines})

    async def _run(self, request: Request) -> Response:
        return await self._of_run(request, self.watched.details)

    async def _curve(self, request: Request) -> Response:
        return await self._of_run(request, self.watched.curve)

    async def _of_run(self, request: Request, told: Callable[[str], Any]) -> Response:
        found = await asyncio.to_thread(told, request.query_params.get("id", ""))
        return _missing() if found is None else JSONResponse(_finite(found))

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
        root = json.dumps(str(self.watched.root))

        async def told() -> AsyncIterator[str]:
            known: dict[str, tuple[int, str]] | None = None
            beats = 0
            while True:
                if known is not (now := self._told):
                    before = known or {}
                    lines = [line for name, line in now.items() if before.get(name) != line]
                    gone = json.dumps([name for name in before if name not in now])
                    said = ",".join(text for _, text in lines)
                    yield (
                        f'event: runs\ndata: {{"root":{root},"first":{json.dumps(known is None)},'
                        f'"gone":{gone},"runs":[{said}]}}\n\n'
                    )
                    known = now
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
        process = await asyncio.to_thread(run.training)
        if process is None:
            return _said(409, f"{run.id} does not run on this machine, or belongs to another user")
        try:
            # It saves, and can be resumed. SIGINT is ignored by what a script runs with &.
            process.send_signal(signal.SIGTERM)
        except psutil.Error as error:
            return _said(409, f"{run.id} cannot be stopped ({error.msg or type(error).__name__})")
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
        # It goes on when the page is closed: what it says goes into a file, not to this process.
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True,
            )  # fmt: skip
            for _ in range(40):  # what it refuses, it refuses soon
                await asyncio.sleep(0.25)
                if process.poll() is not None or run.status == "running":
                    break
            if process.poll():
                said.seek(0)
                lines = said.read().decode("utf-8", "replace").strip().splitlines()
                why = lines[-1].removeprefix("gradless: ") if lines else "it cannot go on"
                return _said(409, why)
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
