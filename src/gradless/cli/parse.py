"""How do a command's arguments become a dataclass, and its fields a page of help?

A command's options are a frozen dataclass, each field of which is made by :func:`option`: its type
says how it is read, the rest what a person is told of it. Nothing here loads JAX.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import re
import shutil
import typing
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from gradless._core import words
from gradless._core.errors import InputError, closest
from gradless.cli.hyperparameters import hyperparameters
from gradless.cli.values import Reader, RefusedError, choices, inside, reader

GROUPS = ("Data", "Network", "Stop", "Search", "Output", "Advanced")
"""Headings of a page of help, in this order; what is advanced only --help-all shows."""

_ADVANCED = GROUPS[-1]
_HELP, _HELP_ALL = ("-h", "--help"), "--help-all"
_WIDEST = 100  # columns of a page of help; longer lines are hard to read
_NUMBERS = re.compile(r"[-+]?[.\d]")
_NEGATIVE = re.compile(r"-(\d[\d_,]*\.?\d*|\.\d+)(e[+-]?\d+)?|-(inf|nan)", re.IGNORECASE)

Options = TypeVar("Options")


class Told(NamedTuple):
    """What a person is told of an option, and the values that it takes."""

    help: str
    metavar: str
    group: str
    example: str
    is_time: bool
    positional: bool
    above: float | None
    at_least: float | None
    at_most: float | None
    below: float | None


def option(
    default: Any,
    help: str,
    *,
    metavar: str = "",
    group: str = "",
    example: str = "",
    is_time: bool = False,
    positional: bool = False,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> Any:
    """A field of a command's options.

    Parameters
    ----------
    default
        What it is unless it is given; a positional one without is required: pass ``...``.
    help
        What it does, in the imperative. A default that is a value is added to it.
    metavar
        What its value is: DATA, RUN, FILE, SECONDS, N, NAME.
    group
        One of ``GROUPS``, or none.
    example
        Values that work, for an error; without, the default.
    is_time
        Whether it is in seconds, and may be written as 30s, 2m or 1h.
    positional
        Whether it is given without its name.
    above, at_least, at_most, below
        Limits of its value.
    """
    told = Told(
        help, metavar, group, example, is_time, positional, above, at_least, at_most, below
    )  # fmt: skip
    return dataclasses.field(
        default=None if default is ... else default,
        metadata={"told": told, "required": default is ...},
    )


class Command(NamedTuple):
    """A command: what it does, the options that it takes, and a line that works."""

    summary: str
    options: type
    example: str


def parse(command: str, about: Command, arguments: Sequence[str], more: type | None = None) -> Any:
    """The options of ``gradless COMMAND``.

    Parameters
    ----------
    command, about
        What is run.
    arguments
        What follows the command's name.
    more
        A strategy whose hyperparameters are options, too; those given are in ``hyperparameters``.

    Raises
    ------
    InputError
        For arguments that do not fit, in one line like every other error.
    SystemExit
        After --help.
    """
    if {*_HELP, _HELP_ALL} & set(arguments):
        print(page(command, about, everything=_HELP_ALL in arguments, more=more), flush=True)
        raise SystemExit(0)
    parser = parser_of(command, about, more=more, positionals=False)
    try:
        found, left = parser.parse_known_args(_joined(about, arguments))
    except argparse.ArgumentError as error:
        raise InputError(_needs_a_value(parser, error)) from None
    except RefusedError as error:
        raise InputError(str(error)) from None
    given = vars(found)
    fields = _fields(about)
    positionals = [field for field in fields if _told(field).positional]
    # In their order, wherever they stand: argparse gives up on what follows an option.
    values = _values(command, parser, left)
    if len(values) > len(positionals):
        raise InputError(_too_many(command, positionals, values))
    hints = typing.get_type_hints(about.options)
    for field, value in zip(positionals, values, strict=False):
        made = reader(_metavar(field), hints[field.name], _told(field)._asdict(), "")
        try:
            given[field.name] = made(value)
        except RefusedError as error:
            raise InputError(str(error)) from None
    for field in positionals:
        if field.metadata["required"] and field.name not in given:
            raise InputError(_missing(about, field, given))
    own = {f.name: given.pop(f.name) for f in fields if f.name in given}
    return about.options(**own, **({"hyperparameters": given} if more is not None else {}))


# --- Options --------------------------------------------------------------------------------------


def parser_of(
    command: str,
    about: Command,
    *,
    everything: bool = True,
    more: type | None = None,
    positionals: bool = True,
) -> argparse.ArgumentParser:
    """The parser of a command; ``everything`` says whether its help has what is advanced."""
    fields = _fields(about)
    names = " ".join(_metavar(f) for f in fields if _told(f).positional)
    formatter = functools.partial(argparse.HelpFormatter, max_help_position=26, width=_width())
    parser = argparse.ArgumentParser(
        prog=f"gradless {command}",
        usage=" ".join(filter(None, [f"gradless {command}", names, "[options]"])),
        description=" ".join((about.options.__doc__ or "").split()),
        formatter_class=formatter,
        add_help=False,
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser._negative_number_matcher = _NEGATIVE  # -1e-3 is a value, too
    hints = typing.get_type_hints(about.options)
    places: dict[str, Any] = {"": parser.add_argument_group()}
    for group in GROUPS[:-1]:
        if any(_told(f).group == group for f in fields):
            places[group] = parser.add_argument_group(group)
    if more is not None:
        place = parser.add_argument_group(f"Options of {more.name}")  # type: ignore[attr-defined]
        for name, (made, limits, default, text) in hyperparameters(more).items():
            reading = reader(f"--{_dashed(name)}", made, limits, _shown(default))
            _add(place, name, made, default, text, "", reading)
    places[_ADVANCED] = parser.add_argument_group(_ADVANCED) if everything else places[""]
    for field in fields:
        told = _told(field)
        if told.positional and not positionals:
            continue
        hidden = told.group == _ADVANCED and not everything
        name = _metavar(field) if told.positional else f"--{_dashed(field.name)}"
        example = told.example or _shown(field.default)
        reading = reader(name, hints[field.name], told._asdict(), example)
        text = argparse.SUPPRESS if hidden else told.help
        _add(places[told.group], field.name, hints[field.name], field.default, text,
             _metavar(field), reading, positional=told.positional)  # fmt: skip
    last = places[next((g for g in ("Output",) if g in places), "")]
    last.add_argument(*_HELP, action="help", help="Show this page.")
    if not everything and any(_told(f).group == _ADVANCED for f in fields):
        parser.epilog = f"All options: gradless {command} {_HELP_ALL}"
    else:
        parser.epilog = f"Example: {about.example}"
    return parser


def _add(
    place: Any, name: str, hint: Any, default: Any, text: str, metavar: str, reading: Reader,
    *, positional: bool = False,
) -> None:  # fmt: skip
    """Add an option to a group."""
    told: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _with_default(text, default)}
    if positional:
        place.add_argument(name, nargs="?", type=reading, metavar=metavar, **told)
        return
    dashed = _dashed(name)
    if hint in (bool, "bool") or (default is None and hint == bool | None):
        shown, other = f"--{dashed}", f"--no-{dashed}"
        is_on = default is None or bool(default)
        if default or default is None:  # of what is found out, the option denies it
            shown, other = other, shown
        told["help"] = text
        place.add_argument(shown, action="store_const", const=not is_on, dest=name, **told)
        told["help"] = argparse.SUPPRESS
        place.add_argument(other, action="store_const", const=is_on, dest=name, **told)
        return
    metavar = metavar or ("NAME" if reading.made is str else "N")
    made = place.add_argument(
        f"--{dashed}", type=reading, metavar=metavar, dest=name,
        nargs="*" if reading.several or inside(hint) is not None else None,
        action=_Several if inside(hint) is not None else "store", **told,
    )  # fmt: skip
    made.completions = choices(hint)


class _Several(argparse.Action):
    """An option of several values: names add up, of numbers the last ones count."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        flat = [x for value in values for x in (value if isinstance(value, tuple) else (value,))]
        before = getattr(namespace, self.dest, ()) if flat and isinstance(flat[0], str) else ()
        setattr(namespace, self.dest, (*before, *flat))


def _fields(about: Command) -> list[dataclasses.Field[Any]]:
    """Those that are options."""
    return [field for field in dataclasses.fields(about.options) if "told" in field.metadata]


def _joined(about: Command, arguments: Sequence[str]) -> list[str]:
    """The arguments with the numbers of an option as one, so that it takes nothing but numbers."""
    hints = typing.get_type_hints(about.options)
    several = {f"--{_dashed(f.name)}" for f in _fields(about) if inside(hints[f.name]) is int}
    joined: list[str] = []
    taking = False
    for one in arguments:
        if taking and _NUMBERS.match(one):
            joined[-1] += f"{one},"
        elif taking := one in several:
            joined.append(f"{one}=")
        else:
            joined.append(one)
    return joined


def _told(field: dataclasses.Field[Any]) -> Told:
    return typing.cast("Told", field.metadata["told"])


def _metavar(field: dataclasses.Field[Any]) -> str:
    told = _told(field)
    return told.metavar or (field.name.upper() if told.positional else "")


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _shown(default: Any) -> str:
    """A default as it is typed; nothing for what is left out to get it."""
    if default is None or default is dataclasses.MISSING or default == () or default is False:
        return ""
    if isinstance(default, tuple):
        return " ".join(map(str, default))
    return f"{default:g}" if isinstance(default, float) else str(default)


def _with_default(text: str, default: Any) -> str:
    """The help of an option with its default, unless it says so itself."""
    shown = _shown(default)
    if text == argparse.SUPPRESS:
        return text
    told = text.replace("%", "%%")
    return told if not shown or "Default:" in text else f"{told} Default: {shown}."


# --- Errors ---------------------------------------------------------------------------------------


def _needs_a_value(parser: argparse.ArgumentParser, error: argparse.ArgumentError) -> str:
    """What to say of an option that came without its value."""
    name = (error.argument_name or "").split("/")[0]
    action = parser._option_string_actions.get(name)
    reading = getattr(action, "type", None)
    if not isinstance(reading, Reader):
        return f"{name or 'an option'}: {error.message}."
    if isinstance(error.message, str) and "expected one argument" in error.message:
        example = reading.example or str(action.metavar if action else "VALUE")
        return f"{name} must be followed by a value. For example: {name} {example}"
    return f"{name}: {error.message}."


def _values(command: str, parser: argparse.ArgumentParser, left: Sequence[str]) -> list[str]:
    """What is given without a name; an unknown name is refused."""
    values, after = [], False
    for one in left:
        if one == "--" and not after:
            after = True
        elif after or not one.startswith("-") or one == "-" or _NEGATIVE.fullmatch(one):
            values.append(one)
        else:
            name = one.partition("=")[0]
            meant = closest(name, parser._option_string_actions)
            hint = f"Did you mean {meant}?" if meant else f"See gradless {command} {_HELP_ALL}."
            raise InputError(f"gradless {command} has no option {name}. {hint}")
    return values


def _too_many(
    command: str, positionals: Sequence[dataclasses.Field[Any]], values: Sequence[str]
) -> str:
    """What to say of more values than a command takes."""
    odd = values[len(positionals)]
    last = _metavar(positionals[-1]) if positionals else ""
    if last in ("DATA", "FILE") and all(map(os.path.isfile, values[len(positionals) - 1 :])):
        return (
            f"gradless {command} takes one {last}, got {values[len(positionals) - 1]!r} and "
            f'{odd!r}. Put a pattern of several files in quotes. For example: "*.csv"'
        )
    if not positionals:
        return f"gradless {command} takes options only, got {odd!r}."
    takes = words.either([_metavar(field) for field in positionals], "and")
    return f"gradless {command} takes {takes} and options, got {odd!r} as well."


def _missing(about: Command, field: dataclasses.Field[Any], given: Mapping[str, Any]) -> str:
    """What to say of an argument that is not there."""
    name = _metavar(field)
    greedy = next((key for key, value in given.items() if isinstance(value, tuple)), None)
    if greedy is not None:
        takes_all = f"--{_dashed(greedy)}, which takes all that follows"
        return f"Missing {name}. Write {name} before {takes_all}."
    return f"Missing {name}. For example: {about.example}"


# --- Help -----------------------------------------------------------------------------------------


def page(command: str, about: Command, *, everything: bool, more: type | None = None) -> str:
    """A command's page of help; ``everything`` says whether with the advanced options."""
    parser = parser_of(command, about, everything=everything, more=more)
    lines = (line.rstrip() for line in parser.format_help().splitlines())
    return "\n".join(lines)


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST)
