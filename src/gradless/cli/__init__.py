"""Which commands are there? A thin skin: each is one module of this package."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import gradless
from gradless._core import compilation_cache
from gradless._core.errors import InputError, unknown_name
from gradless._core.terminal import forget_output, make_streams_patient

COMMANDS = {
    "train": "train a network without gradients, on a data set or a file, CSV or Parquet",
    "explain": "say how a run would be computed, what it needs and how fast it is here",
    "resume": "go on with a run that was stopped or has died",
    "repeat": "run a run again and compare the two bit by bit",
    "runs": "list the runs in a folder and how they ended",
    "compare": "compare strategies over several seeds, at equal evaluations and equal time",
    "predict": "use a trained network on the rows of a file",
    "evaluate": "measure a trained network on rows with answers",
    "plot": "draw a run's pictures again",
    "strategies": "list the ways to search",
    "datasets": "list the data sets that come with it",
    "cache": "show or delete the compiled programs that are kept for the next run",
    "book": 'the two searches of "Neural Networks from Scratch", chapter 6',
}

_USAGE = """gradless: train neural networks without gradients

usage: gradless COMMAND ...

{commands}

Begin with:  gradless train spiral
Details:     gradless COMMAND --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0 done, 2 bad input, 130 or 143 interrupted.

    The command ``gradless`` (``gradless.__main__``) watches for interrupts around it.
    """
    make_streams_patient()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    width = max(map(len, COMMANDS))
    usage = _USAGE.format(
        commands="\n".join(f"  {name:{width}}  {text}" for name, text in COMMANDS.items())
    )
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            print(usage, flush=True)
            return 0 if arguments else 2
        if arguments[0] == "--version":
            print(f"gradless {gradless.__version__}", flush=True)
            return 0
        name, *rest = arguments
        if name not in COMMANDS:
            raise unknown_name("command", name, COMMANDS)
        module = importlib.import_module(f"gradless.cli.{name}")
        if "jax" in sys.modules:
            importlib.import_module("gradless._core.devices").use_all_cores()
            compilation_cache.enable()
        return int(module.main(rest))
    except InputError as error:
        print(f"gradless: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, head for example, has seen enough
        forget_output()
        return 0
    except KeyboardInterrupt:
        print("gradless: interrupted", file=sys.stderr)
        return 130
