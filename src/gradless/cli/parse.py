"""How do a command's arguments become a dataclass, and its fields a page of help?

A command's options are a frozen dataclass, each field of which is made by :func:`option`: its type
says how it is read, the rest what a person is told of it. Nothing here loads JAX.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import re
import shutil
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from gradless._core import words
from gradless._core.errors import InputError, closest

GROUPS = ("Data", "Network", "Stop", "Search", "Output", "Advanced")
"""Headings of a page of help, in this order; what is advanced only --help-all shows."""

_ADVANCED = GROUPS[-1]
_HELP, _HELP_ALL = ("-h", "--help"), "--help-all"
_WIDEST = 100  # columns of a page of help; longer lines are hard to read
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
    help: str,  # noqa: A002 - as argparse calls it
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
        found, left = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise InputError(_needs_a_value(parser, error)) from None
    except _Refused as error:
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
        made = _reader(_metavar(field), hints[field.name], _told(field)._asdict(), "")
        try:
            given[field.name] = made(value)
        except _Refused as error:
            raise InputError(str(error)) from None
    for field in positionals:
        if field.metadata["required"] and field.name not in given:
            raise InputError(_missing(about, field, given))
    own = {f.name: given.pop(f.name) for f in fields if f.name in given}
    return about.options(**own, **({"hyperparameters": given} if more is not None else {}))


# --- Options ----------------------------------------------------------------------------------------


class _Refused(Exception):
    """A value that an option does not take; argparse would make its own words of a ValueError."""


class _Read(NamedTuple):
    """Reads one value of an option, or says what it must be."""

    name: str
    made: Callable[[str], Any]
    rule: str
    example: str
    told: Any
    several: bool = False

    def __call__(self, text: str) -> Any:
        if not self.several or "," not in text:
            return self._one(text)
        return tuple(self._one(part) for part in text.split(",") if part.strip())

    def _one(self, text: str) -> Any:
        try:
            value = self.made(text)
        except ValueError:
            raise self._error(text) from None
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        low, high = self.told.get("above"), self.told.get("below")
        least, most = self.told.get("at_least"), self.told.get("at_most")
        fine = (
            (low is None or value > low)
            and (high is None or value < high)
            and (least is None or value >= least)
            and (most is None or value <= most)
        )
        if not fine:
            raise self._error(text)
        return value

    def _error(self, text: str) -> _Refused:
        example = f" For example: {self.name} {self.example}" if self.example else ""
        given = text if re.fullmatch(r"[-+.,\w%]+", text) else repr(text)
        return _Refused(f"{self.name} must be {self.rule}, got {given}.{example}")


def _range(told: Mapping[str, Any], whole: bool) -> str:
    """In words, which numbers an option takes."""
    above, below = told.get("above"), told.get("below")
    least, most = told.get("at_least"), told.get("at_most")
    kind = "a whole number" if whole else "a number"
    if least is not None and most is not None:
        return f"{kind} from {least:g} to {most:.10g}"
    if above is not None and below is not None:
        return f"between {above:g} and {below:g}"
    if above is not None and most is not None:
        return f"above {above:g} and at most {most:g}"
    if least is not None and below is not None:
        return f"at least {least:g} and below {below:.10g}"
    if above is not None:
        return f"above {above:g}"
    return kind if least is None else f"{least:g} or more"


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
        formatter_class=formatter,  # type: ignore[arg-type]
        add_help=False,
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser._negative_number_matcher = _NEGATIVE  # type: ignore[attr-defined]  # -1e-3 is a value
    hints = typing.get_type_hints(about.options)
    places: dict[str, Any] = {"": parser.add_argument_group()}
    for group in GROUPS[:-1]:
        if any(_told(f).group == group for f in fields):
            places[group] = parser.add_argument_group(group)
    if more is not None:
        place = parser.add_argument_group(f"Options of {more.name}")  # type: ignore[attr-defined]
        for name, (made, limits, default, text) in hyperparameters(more).items():
            reader = _reader(f"--{_dashed(name)}", made, limits, _shown(default))
            _add(place, name, made, default, text, "", reader)
    places[_ADVANCED] = parser.add_argument_group(_ADVANCED) if everything else places[""]
    for field in fields:
        told = _told(field)
        if told.positional and not positionals:
            continue
        hidden = told.group == _ADVANCED and not everything
        name = _metavar(field) if told.positional else f"--{_dashed(field.name)}"
        example = told.example or _shown(field.default)
        reader = _reader(name, hints[field.name], told._asdict(), example)
        text = argparse.SUPPRESS if hidden else told.help
        _add(places[told.group], field.name, hints[field.name], field.default, text,
             _metavar(field), reader, positional=told.positional)  # fmt: skip
    last = places[next((g for g in ("Output",) if g in places), "")]
    last.add_argument(
        *_HELP, action="help", help="Show this page." if not everything else argparse.SUPPRESS
    )
    if not everything and any(_told(f).group == _ADVANCED for f in fields):
        parser.epilog = f"All options: gradless {command} {_HELP_ALL}"
    elif about.example and everything:
        parser.epilog = f"Example: {about.example}"
    return parser


def _add(
    place: Any, name: str, hint: Any, default: Any, text: str, metavar: str, reader: _Read,
    *, positional: bool = False,
) -> None:  # fmt: skip
    """Add an option to a group."""
    told: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _with_default(text, default)}
    if positional:
        place.add_argument(name, nargs="?", type=reader, metavar=metavar, **told)
        return
    dashed = _dashed(name)
    if hint in (bool, "bool"):
        shown, other = (f"--no-{dashed}", f"--{dashed}") if default else (f"--{dashed}", f"--no-{dashed}")  # fmt: skip
        told["help"] = text
        place.add_argument(shown, action="store_const", const=not default, dest=name, **told)
        told["help"] = argparse.SUPPRESS
        place.add_argument(other, action="store_const", const=bool(default), dest=name, **told)
        return
    metavar = metavar or ("NAME" if reader.made is str else "N")
    made = place.add_argument(
        f"--{dashed}", type=reader, metavar=metavar, dest=name,
        nargs="*" if reader.several or _inside(hint) is not None else None,
        action=_Several if _inside(hint) is not None else "store", **told,
    )  # fmt: skip
    made.choices_for_completion = _choices(hint)


class _Several(argparse.Action):
    """An option of several values: names add up, of numbers the last ones count."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        flat = [x for value in values for x in (value if isinstance(value, tuple) else (value,))]
        before = getattr(namespace, self.dest, ()) if flat and isinstance(flat[0], str) else ()
        setattr(namespace, self.dest, (*before, *flat))


def _reader(name: str, hint: Any, told: Mapping[str, Any], example: str) -> _Read:
    """What reads the values of an option of a type."""
    inside = _inside(hint)
    kind = _plain(hint if inside is None else inside)
    choices = _choices(kind) or told.get("choices")
    if choices:
        choice = functools.partial(_choose, tuple(map(str, choices)))
        return _Read(name, choice, words.either(list(map(str, choices))), example, {})
    if kind in (Path, str):
        return _Read(name, kind, "text", example, {}, several=told.get("metavar") == "NAMES")
    if told.get("is_time"):
        rule = f"a time {_range(told, False)}".replace("a time a number", "a time")
        return _Read(name, words.read_seconds, rule, example, told)
    made: Callable[[str], Any] = words.read_count if kind is int else words.read_number
    if kind is float and told.get("at_most", 0) == 1 or told.get("below") == 1:
        made = _read_share
    return _Read(name, made, _range(told, kind is int), example, told, several=inside is not None)


def _read_share(text: str) -> float:
    """A share as 0.25 or 25%."""
    if text.strip().endswith("%"):
        return words.read_number(text.strip()[:-1]) / 100
    return words.read_number(text)


def _choose(choices: tuple[str, ...], text: str) -> str:
    spelled = {words.alike(choice): choice for choice in choices}
    if (found := spelled.get(words.alike(text))) is None:
        raise ValueError(text)
    return found


def _fields(about: Command) -> list[dataclasses.Field[Any]]:
    """Those that are options."""
    return [field for field in dataclasses.fields(about.options) if "told" in field.metadata]


def _told(field: dataclasses.Field[Any]) -> Told:
    return typing.cast("Told", field.metadata["told"])


def _metavar(field: dataclasses.Field[Any]) -> str:
    told = _told(field)
    return told.metavar or (field.name.upper() if told.positional else "")


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _plain(hint: Any) -> Any:
    """A type without its None."""
    if isinstance(hint, types.UnionType):
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    return {"int": int, "float": float, "str": str, "bool": bool}.get(hint, hint)


def _inside(hint: Any) -> Any:
    """The type of the values of an option that takes several."""
    plain = _plain(hint)
    return typing.get_args(plain)[0] if typing.get_origin(plain) is tuple else None


def _choices(hint: Any) -> tuple[Any, ...]:
    plain = _plain(hint)
    return typing.get_args(plain) if typing.get_origin(plain) is Literal else ()


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


# --- Errors -----------------------------------------------------------------------------------------


def _needs_a_value(parser: argparse.ArgumentParser, error: argparse.ArgumentError) -> str:
    """What to say of an option that came without its value."""
    name = (error.argument_name or "").split("/")[0]
    action = parser._option_string_actions.get(name)
    reader = getattr(action, "type", None)
    if not isinstance(reader, _Read):
        return f"{name or 'an option'}: {error.message}."
    if isinstance(error.message, str) and "expected one argument" in error.message:
        example = reader.example or str(action.metavar if action else "VALUE")
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
    if not positionals:
        return f"gradless {command} takes options only, got {odd!r}."
    takes = words.either([_metavar(field) for field in positionals], "and")
    return f"gradless {command} takes {takes} and options, got {odd!r} as well."


def _missing(about: Command, field: dataclasses.Field[Any], given: Mapping[str, Any]) -> str:
    """What to say of an argument that is not there."""
    name = _metavar(field)
    greedy = next((key for key, value in given.items() if isinstance(value, tuple)), None)
    if greedy is not None:
        return f"Missing {name}. Write {name} before --{_dashed(greedy)}, which takes all that follows."  # fmt: skip
    return f"Missing {name}. For example: {about.example}"


# --- Help -------------------------------------------------------------------------------------------


def page(command: str, about: Command, *, everything: bool, more: type | None = None) -> str:
    """A command's page of help; ``everything`` says whether with the advanced options."""
    parser = parser_of(command, about, everything=everything, more=more)
    lines = (line.rstrip() for line in parser.format_help().splitlines())
    return "\n".join(lines)


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST)


def hyperparameters(cls: type) -> dict[str, tuple[Any, Mapping[str, Any], Any, str]]:
    """Of a strategy, by name: type, limits, default, and what its docstring says of it."""
    meanings = _meanings(cls.__doc__ or "")
    return {
        field.name: (
            _plain(field.type),
            field.metadata,
            field.default,
            meanings.get(field.name, ""),
        )
        for field in dataclasses.fields(cls)
    }


def _meanings(doc: str) -> dict[str, str]:
    """What a docstring says of each of its parameters."""
    _, _, section = doc.partition("Parameters\n")
    found: dict[str, list[str]] = {}
    names: Iterable[str] = ()
    for line in section.splitlines()[1:]:
        text = line.strip()
        if not text:
            continue
        depth = len(line) - len(line.lstrip())
        if set(text) == {"-"}:  # of the next section
            break
        if depth <= 4:
            names = [name.strip() for name in text.split(":")[0].split(",")]
            for name in names:
                found[name] = []
        else:
            for name in names:
                found[name].append(text)
    return {name: " ".join(lines).replace("``", "") for name, lines in found.items()}
