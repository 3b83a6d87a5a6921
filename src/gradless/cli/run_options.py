"""What does ``gradless run`` take?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradless.cli.options import Output, Strategy
from gradless.cli.parse import option


@dataclass(frozen=True, kw_only=True)
class Run(Output, Strategy):
    """Search the best settings of any program: it prints a number in its last line, less is better.
    {NAME} in COMMAND is replaced by the value of a parameter; without one, the program gets all of
    them as JSON on standard input. The same line with the same --out goes on where it stopped."""

    command: str = option(
        ...,
        "Program to run, in quotes, without a shell.",
        metavar="COMMAND",
        positional=True,
    )
    bounds: tuple[str, ...] = option(
        (),
        "Parameters and where they are searched: NAME=LOW:HIGH, and :log if ratios count, :int for "
        "whole numbers.",
        metavar="NAME=LOW:HIGH",
        group="Search",
        example="lr=1e-4:0.1:log width=16:256:int",
    )
    start: tuple[str, ...] = option(
        (),
        "Values to begin with. Default: the middle of the bounds.",
        metavar="NAME=VALUE",
        group="Search",
        example="lr=0.01",
    )
    maximize: bool = option(False, "More is better.", group="Search")
    evaluations: int | None = option(
        None,
        "Stop after so many runs of the program. Default: 50 for each parameter, unless a time is "
        "given.",
        metavar="N",
        group="Stop",
        example="200",
        at_least=1,
    )
    time: float | None = option(
        None,
        "Stop after this time: 30s, 10m, 2h.",
        metavar="SECONDS",
        group="Stop",
        example="10m",
        is_time=True,
        above=0,
    )
    target: float | None = option(
        None,
        "Stop when the program prints this or better.",
        metavar="VALUE",
        group="Stop",
        example="0.1",
    )
    timeout: float | None = option(
        None,
        "End a run of the program that takes longer, and count it as failed.",
        metavar="SECONDS",
        group="Stop",
        example="5m",
        is_time=True,
        above=0,
    )
    jobs: int = option(
        1, "Programs that run at the same time; -1 for one on each core.", metavar="N",
        group="Search", at_least=-1,
    )  # fmt: skip
    out: Path | None = option(
        None,
        "Folder of the search. Default: the next free runs/command-N.",
        metavar="FOLDER",
        group="Output",
    )
