"""The file of digests: one line a case, so that a change of results is read in its diff."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import jax
import scipy

from tests.golden import INSTRUCTIONS

FILE = Path(__file__).with_name("digests.toml")
_OPENING = """\
# Written by `python -m tests.golden --update --why "..."`, which see. Not to be edited by hand.
"""


def key() -> str:
    """What decides the bits, besides this library: the compiler and its instructions."""
    return f"jax {jax.__version__}, jaxlib {version('jaxlib')}, {INSTRUCTIONS}"


@dataclass
class Kept:
    """What the file holds."""

    log: list[dict[str, str]] = field(default_factory=list)
    scipy: dict[str, str] = field(default_factory=dict)  # its version by key
    losses: dict[str, float] = field(default_factory=dict)  # by case
    digests: dict[str, dict[str, str]] = field(default_factory=dict)  # by key, then by case

    @classmethod
    def read(cls, path: Path = FILE) -> Kept:
        """All of it; nothing where there is no file."""
        if not path.exists():
            return cls()
        return cls(**tomllib.loads(path.read_text(encoding="utf-8")))

    def of(self, name: str, uses_lapack: bool) -> str | None:
        """Digests of a case here and now, if they are known."""
        if uses_lapack and self.scipy.get(key()) != scipy.__version__:
            return None
        return self.digests.get(key(), {}).get(name)

    def update(
        self, found: dict[str, str], losses: dict[str, float], why: str, every: set[str]
    ) -> list[str]:
        """Take what was found; cases that are new or have changed.

        What has changed here has changed everywhere: other sections lose it until they are
        recorded again. Cases that are no longer among ``every`` one go.
        """
        here = self.digests.get(key(), {})
        changed = [name for name, digests in found.items() if here.get(name) != digests]
        gone = {*self.losses} - every
        for other in self.digests.values():
            for name in (*changed, *gone):
                other.pop(name, None)
        kept = {name: loss for name, loss in self.losses.items() if name not in gone}
        self.losses = dict(sorted({**kept, **losses}.items()))
        self.digests[key()] = dict(sorted({**self.digests.get(key(), {}), **found}.items()))
        self.scipy[key()] = scipy.__version__
        summary = f"{len(changed)} of {len(every)} cases"
        self.log.append({"key": key(), "changed": summary, "why": why})
        return changed

    def write(self, path: Path = FILE) -> None:
        """Write it all, in an order of its own."""
        lines = [_OPENING]
        for entry in self.log:
            lines += ["[[log]]", *_pairs(entry), ""]
        lines += ["[scipy]  # decides the bits of CMA-ES and xNES, too", *_pairs(self.scipy), ""]
        lines += ["[losses]  # for versions that are not recorded", *_pairs(self.losses), ""]
        for name, digests in sorted(self.digests.items()):
            lines += [f"[digests.{json.dumps(name)}]", *_pairs(digests), ""]
        path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")


def _pairs(values: dict[str, str] | dict[str, float]) -> list[str]:
    # A text of JSON is one of TOML, and so is a number.
    return [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in values.items()]
