"""The site of gradless.

    python -m docs build              into build/site, examples run at length
    python -m docs build --fast       without running them
    python -m docs serve              show what was built, on this machine alone
    python -m docs screenshots        pictures of pages of the site, with Chromium

It needs the group docs: ``pip install -e . --group docs --group examples``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from docs.site.places import SITE


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m docs", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["build", "serve", "screenshots"])
    parser.add_argument("--out", type=Path, default=SITE, help="folder of the site")
    parser.add_argument("--fast", action="store_true", help="do not run the examples")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    if given.what == "build":
        from docs.site.build import build  # noqa: PLC0415 - only this needs gradless itself

        print(f"{build(given.out, run_examples=not given.fast)}: python -m docs serve")
    elif given.what == "serve":
        from docs.site.serve import serve  # noqa: PLC0415

        serve(given.out, given.port)
    else:
        from docs.site.screenshots import take  # noqa: PLC0415

        take(given.out)


if __name__ == "__main__":
    main()
