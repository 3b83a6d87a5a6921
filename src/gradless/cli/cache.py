"""``gradless cache``: what is kept of compiled programs, and how to be rid of it."""

from __future__ import annotations

from gradless._core import compilation_cache, words
from gradless.cli.commands import Cache


def main(options: Cache) -> int:
    """Print, or delete."""
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
    limit = words.size(compilation_cache.LIMIT)
    kept = words.plural(programs, "compiled program")
    print(f"{folder}: {kept}, {words.size(size)} of at most {limit}")
    return 0
