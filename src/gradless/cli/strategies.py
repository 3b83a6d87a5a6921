"""``gradless strategies``: list the ways to search, or describe one of them."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from typing import Any

from gradless._core.terminal import PatientConsole
from gradless.cli.commands import Strategies
from gradless.cli.hyperparameters import hyperparameters
from gradless.strategies import STRATEGIES, find
from gradless.views.tables import Column, Facts, Table


def main(options: Strategies) -> int:
    """Print the table, or the page of one."""
    console = PatientConsole()
    if options.name is not None:
        describe(find(options.name), console)
        return 0
    rows = [(name, _first_line(cls)) for name, cls in STRATEGIES.items()]
    console.print(Table([Column("strategy"), Column("what it does", wraps=True)], rows))
    console.print("\nIts paper and options: gradless strategies NAME", highlight=False)
    return 0


def describe(cls: Any, console: PatientConsole) -> None:
    """What a strategy is, where it comes from, its options and an example."""
    doc = inspect.cleandoc(cls.__doc__ or "").partition("\nParameters\n")[0]
    console.print(Facts([(cls.name, _plain(doc))]))
    if paper := _paper(cls):
        console.print()
        console.print(Facts([("Paper:", paper)]))
    rows = [
        (f"--{name.replace('_', '-')}", _default(default), _plain(meaning))
        for name, (_, _, default, meaning) in hyperparameters(cls).items()
    ]
    columns = [Column("option"), Column("default"), Column("meaning", wraps=True)]
    console.print()
    console.print(Table(columns, rows))
    command = f"gradless train spiral --strategy {cls.name}"
    for name, _, _ in rows[:1]:
        command += f" {name} {_default(dataclasses.fields(cls)[0].default)}"
    console.print(f"\nExample: {command}", highlight=False, markup=False, soft_wrap=True)


def _first_line(cls: Any) -> str:
    return _plain((cls.__doc__ or "").strip().splitlines()[0])


def _plain(text: str) -> str:
    """A docstring's text without its marks."""
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("``", "").replace("`", "")
    return " ".join(text.split())


def _paper(cls: Any) -> str:
    """The paragraph of its module that names a year: where it comes from."""
    doc = importlib.import_module(cls.__module__).__doc__ or ""
    paragraphs = map(_plain, re.split(r"\n\s*\n", doc))
    return next((text for text in paragraphs if re.search(r"\b(19|20)\d\d\b", text)), "")


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
