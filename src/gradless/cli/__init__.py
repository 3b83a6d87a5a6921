"""Which commands are there? A thin skin: each is one module of this package.

``gradless.cli.commands`` lists them with their options. Help, versions and bad arguments end before
anything loads JAX.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import gradless
from gradless._core import compilation_cache
from gradless._core.errors import InputError, known_name
from gradless._core.terminal import forget_output, make_streams_patient
from gradless.cli.commands import COMMANDS
from gradless.cli.options import Strategy
from gradless.cli.parse import page, parse

_USAGE = """\
Train neural networks without gradients.

usage: gradless COMMAND [options]

{commands}

Begin with:  gradless train spiral
Details:     gradless help COMMAND
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0 done, 2 bad input, 130 or 143 interrupted.

    The command ``gradless`` (``gradless.__main__``) watches for interrupts around it.
    """
    make_streams_patient()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not arguments or arguments[0] in ("-h", "--help", "--help-all", "help"):
            return _help(arguments)
        if arguments[0] in ("-V", "--version"):
            print(f"gradless {gradless.__version__}", flush=True)
            return 0
        name, *rest = arguments
        name = known_name("command", name, COMMANDS)
        about = COMMANDS[name]
        more = _strategy_named_in(rest) if issubclass(about.options, Strategy) else None
        options = _parsed(name, rest, more)
        module = importlib.import_module(f"gradless.cli.{name}")
        if "jax" in sys.modules:
            importlib.import_module("gradless._core.devices").use_all_cores()
            compilation_cache.enable()
        return int(module.main(options))
    except InputError as error:
        print(f"gradless: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, head for example, has seen enough
        forget_output()
        return 0
    except KeyboardInterrupt:
        print("gradless: interrupted", file=sys.stderr)
        return 130


def _help(arguments: Sequence[str]) -> int:
    """The page of all commands, or of one: ``gradless help train``."""
    names = [one for one in arguments[1:] if not one.startswith("-")]
    if not names:
        width = max(map(len, COMMANDS))
        lines = (f"  {name:{width}}  {about.summary}" for name, about in COMMANDS.items())
        print(_USAGE.format(commands="\n".join(lines)), end="", flush=True)
        return 0 if arguments else 2
    name = known_name("command", names[0], COMMANDS)
    print(page(name, COMMANDS[name], everything="--help-all" in arguments), flush=True)
    return 0


def _parsed(name: str, rest: Sequence[str], more: Any) -> Any:
    """A command's options; what is said of an option that only a strategy has names one."""
    about = COMMANDS[name]
    try:
        return parse(name, about, rest, more)
    except InputError as error:
        searches = issubclass(about.options, Strategy)
        if more is not None or not searches or "no option" not in str(error):
            raise
        raise InputError(
            f"{error} A strategy's own options need its name, for example --strategy openai_es."
        ) from None


def _strategy_named_in(arguments: Sequence[str]) -> Any:
    """The class of --strategy, whose hyperparameters become options; None without one."""
    chosen = "auto"
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--strategy" and (equals or index + 1 < len(arguments)):
            chosen = value if equals else arguments[index + 1]
    if chosen == "auto":  # of several, the last one counts, as for every option
        return None
    return importlib.import_module("gradless.strategies").find(chosen)
