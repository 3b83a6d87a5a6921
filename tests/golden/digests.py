"""The file of digests: one line a case, so that a change of results is read in its diff."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import scipy

FILE = Path(__file__).with_name("digests.toml")
_OPENING = """\
# Written by `python -m tests.golden --update --why "..."`, which see. Not to be edited by hand.
"""


def key(instructions: str) -> str:
    """What decides the bits, besides this library: the compiler and its instructions."""
    return f"jax {version('jax')}, jaxlib {version('jaxlib')}, {instructions}"


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

    def of(self, key: str, name: str, uses_lapack: bool) -> str | None:
        """Digests of a case, if they are known."""
        if uses_lapack and self.scipy.get(key) != scipy.__version__:
            return None
        return self.digests.get(key, {}).get(name)

    def update(
        self,
        key: str,
        found: dict[str, str],
        losses: dict[str, float],
        why: str,
        every: set[str],
    ) -> list[str]:
        """Take what was found; cases that are new or have changed.

        What has changed here has changed everywhere: other sections lose it until they are
        recorded again. Cases that are no longer among ``every`` one go.
        """
        here = self.digests.setdefault(key, {})
        changed = [name for name, digests in found.items() if here.get(name) != digests]
        other = [name for name in changed if name in here]
        for section in (*self.digests.values(), self.losses):
            for name in ({*section} - every) | {*other}:
                section.pop(name, None)
        self.digests[key] = dict(sorted({**here, **found}.items()))
        self.losses = dict(sorted({**self.losses, **losses}.items()))
        self.scipy[key] = scipy.__version__
        self.log.append(
            {"key": key, "changed": f"{len(changed)} of {len(every)} cases", "why": why}
        )
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
