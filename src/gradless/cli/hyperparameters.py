"""What is there to know of a strategy's hyperparameters? Types, limits, defaults and meanings."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from gradless.cli.values import plain


def hyperparameters(cls: type) -> dict[str, tuple[Any, Mapping[str, Any], Any, str]]:
    """Of a strategy, by name: type, limits, default, and what its docstring says of it."""
    # Cleaned: from Python 3.13 on, docstrings come without their indentation.
    meanings = _meanings(inspect.cleandoc(cls.__doc__ or ""))
    return {
        field.name: (
            plain(field.type),
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
        if depth == 0:
            names = [name.strip() for name in text.split(":")[0].split(",")]
            for name in names:
                found[name] = []
        else:
            for name in names:
                found[name].append(text)
    return {name: " ".join(lines).replace("``", "") for name, lines in found.items()}
