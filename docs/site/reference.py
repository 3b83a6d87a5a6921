"""How does every public name and every command get a page?"""

from __future__ import annotations

import importlib
from pathlib import Path

import gradless
from gradless import strategies
from gradless.cli.commands import COMMANDS
from gradless.cli.parse import page

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tables": (
        "Tables: scikit-learn's face",
        ("GradientFreeClassifier", "GradientFreeRegressor", "MetricTunedClassifier",
         "load_estimator"),
    ),
    "functions": (
        "Functions",
        ("minimize", "Minimum", "Search", "scipy_method", "optuna_sampler", "replay", "Replayed"),
    ),
    "runs": (
        "Runs",
        ("load_run", "TrainedRun", "Recipe", "prepare", "compare", "Comparison"),
    ),
    "training": (
        "Training by hand",
        ("train", "begin", "Run", "Stop", "Record", "History", "Observer", "loggers", "Strategy"),
    ),
    "problems": (
        "Data, models, problems and objectives",
        ("load_dataset", "Dataset", "split", "MLP", "SupervisedProblem", "FunctionProblem",
         "PythonProblem", "problems", "Objective", "objectives"),
    ),
    "others": (
        "The chapter, and settings",
        ("book", "enable_cache", "use_all_cores", "InputError"),
    ),
}  # fmt: skip
"""Pages of the reference: file, title and the public names on it."""

_MODULES = {
    "loggers": "gradless.views.loggers",
    "problems": "gradless.problems.pytorch.module",
    "objectives": "gradless.objectives",
    "book": "gradless.book",
}


def write(target: Path) -> list[dict[str, object]]:
    """Write all pages; returns their part of the navigation."""
    (target / "reference" / "commands").mkdir(parents=True)
    nav: list[dict[str, object]] = [{"Overview": "reference/index.md"}]
    overview = ["# Reference\n", "Every public name of `import gradless`, by what it is for.\n"]
    for file, (title, names) in GROUPS.items():
        lines = [f"# {title}\n", *(_entry(name) for name in names)]
        _write(target / "reference" / f"{file}.md", lines)
        nav.append({title: f"reference/{file}.md"})
        listed = ", ".join(f"[`{name}`]({file}.md)" for name in names)
        overview.append(f"- **{title}**: {listed}")
    lines = ["# Strategies\n", 'By name: `gradless.strategies.get("cma_es", sigma=0.5)`.\n']
    lines += [_directive(f"{each.__module__}.{each.__name__}") for each in classes()]
    _write(target / "reference" / "strategies.md", lines)
    nav.append({"Strategies": "reference/strategies.md"})
    overview.append("- **[Strategies](strategies.md)**: all of them, with their options")
    commands = []
    for name, about in COMMANDS.items():
        text = page(name, about, everything=True)
        lines = [f"# gradless {name}\n", f"{about.summary[0].upper()}{about.summary[1:]}.\n",
                 f"```text\n{text}\n```"]  # fmt: skip
        _write(target / "reference" / "commands" / f"{name}.md", lines)
        commands.append({name: f"reference/commands/{name}.md"})
    overview.append(
        "- **Commands**: "
        + ", ".join(f"[`gradless {name}`](commands/{name}.md)" for name in COMMANDS)
    )
    nav.append({"Commands": commands})
    _write(target / "reference" / "index.md", overview)
    return nav


def classes() -> list[type]:
    """Strategies, in the order of their names."""
    return [strategies.find(name) for name in strategies.STRATEGIES]


def _entry(name: str) -> str:
    """What mkdocstrings is to show of a public name."""
    if name in _MODULES:
        return _directive(_MODULES[name])
    home, colon, there = gradless._HOMES.get(name, f"{name}:").partition(":")
    module = f"gradless.{home}"
    own = there or name if not colon or there else ""
    value = getattr(importlib.import_module(module), own)
    # Where it is defined, and not where it is handed on from.
    return _directive(f"{getattr(value, '__module__', module)}.{getattr(value, '__name__', own)}")


def _directive(path: str) -> str:
    return f"::: {path}\n"


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
