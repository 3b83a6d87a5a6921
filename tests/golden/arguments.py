"""What the command is given, read before anything large is loaded."""

from __future__ import annotations

import argparse


def given(description: str, key: str, arguments: list[str] | None = None) -> argparse.Namespace:
    """Options of ``python -m tests.golden``, which records digests under ``key``."""
    parser = argparse.ArgumentParser(
        "python -m tests.golden", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=description,
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="one case of each strategy")
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument("--order", type=int, help="seed of another order of the cases")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--update", action="store_true", help=f"record digests for {key}")
    parser.add_argument("--why", help="why results have changed, for the log")
    options = parser.parse_args(arguments)
    if options.update and not options.why:
        parser.error('--update was given without a reason, expected --why "..."')
    return options
