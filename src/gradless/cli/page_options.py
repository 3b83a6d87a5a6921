"""What do the commands take that open a page?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradless.cli.parse import option


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Open a page of all runs in a folder, which updates while they train: curves, pictures, and
    buttons to stop and resume. It is served on this machine alone. Needs the extra live."""

    runs: Path = option(
        Path("runs"), "Folder that holds run folders.", metavar="RUNS", positional=True
    )
    port: int | None = option(
        None, "Port of the page. Default: the first free one from 8630 on.", metavar="N",
        group="Output", example="8630", at_least=0, at_most=65535,
    )  # fmt: skip
    host: str = option(
        "127.0.0.1",
        "Address to serve on. Any other than the default lets other machines see the runs.",
        metavar="NAME",
        group="Advanced",
    )
    browser: bool = option(True, "Only print the address.", group="Output")


@dataclass(frozen=True, kw_only=True)
class Playground:
    """Open a page in the browser on which one watches networks learn without gradients: on this
    machine alone, without a network."""

    port: int = option(
        0, "Port of the page. Default: any that is free.", metavar="N", group="Output",
        example="8000", at_least=0, at_most=65535,
    )  # fmt: skip
    no_browser: bool = option(False, "Only print the address.", group="Output")
