"""What is kept of a session while it goes on? Checkpoints that say of which phase they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from gradless.training import checkpoint
from gradless.training.checkpoint import Keeper


class Keeping(NamedTuple):
    """Where checkpoints of a session go.

    Attributes
    ----------
    folder
        Of the run.
    every
        Seconds between two of them.
    about
        Makes what they say besides that of the session itself.
    failed
        Called with a text if one could not be written.
    """

    folder: Path
    every: float
    about: Callable[[], dict[str, Any]] = dict
    failed: Callable[[str], None] = lambda _: None


class Kept:
    """Checkpoints of the present phase; to be used in a ``with`` statement."""

    def __init__(self, session: Any, keeping: Keeping | None) -> None:
        """Keep this session there, if anywhere."""
        self._session, self._keeping = session, keeping
        self._keeper = keeping and Keeper(keeping.folder, keeping.every, keeping.failed)

    def __enter__(self) -> Kept:
        if self._keeper is not None:
            self._keeper.__enter__()
            assert self._keeping is not None
            if not checkpoint.found(self._keeping.folder):
                self._keeper.write(*self._state())  # from here on, it can be killed
        return self

    def __exit__(self, *error: Any) -> None:
        if self._keeper is not None:
            self._keeper.__exit__(*error)

    def offer(self) -> None:
        """Keep it as it is if it is time."""
        if self._keeper is not None:
            self._keeper.offer(*self._state())

    def close(self, *, last: bool) -> None:
        """Keep it as it is if it goes on no more."""
        if self._keeper is not None and last:
            self._keeper.write(*self._state())

    def _state(self) -> tuple[Any, ...]:
        session, keeping = self._session, self._keeping
        assert keeping is not None

        def about() -> dict[str, Any]:
            return {**keeping.about(), **session.described()}

        kept = None if session.validation is None else session.validation.kept
        return session.run, session.history, about, kept
