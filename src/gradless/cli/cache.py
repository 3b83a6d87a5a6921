"""``gradless cache``: what is kept of compiled programs, and how to be rid of it."""

from __future__ import annotations

from dataclasses import dataclass

from gradless._core import compilation_cache
from gradless.cli.parse import parse


@dataclass(frozen=True)
class Options:
    """Show where compiled programs are kept for the next run, and how much there is.

    GRADLESS_CACHE=off switches it off; GRADLESS_CACHE=FOLDER keeps them elsewhere.
    """

    clear: bool = False
    """Delete them."""


def main(arguments: list[str]) -> int:
    """Print, or delete."""
    options = parse(Options, "cache", arguments)
    folder = compilation_cache.folder()
    if folder is None:
        print(
            f"the cache of compiled programs is off ({compilation_cache.SWITCH}=off, "
            "or no home folder)"
        )
        return 0
    if options.clear:
        compilation_cache.clear(folder)
    programs, size = compilation_cache.size(folder)
    limit = f"{compilation_cache.LIMIT / 2**20:.0f} MiB"
    print(f"{folder}: {programs:,} compiled programs, {size / 2**20:.1f} MiB of at most {limit}")
    return 0
