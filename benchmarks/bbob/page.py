"""docs/bbob.md: what share of the targets is reached, by whom, how soon, and where we lose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bbob import GROUPS, TARGETS, picture
from benchmarks.bbob.summary import EXPECTED, REFERENCE, US

Results = dict[str, Any]
_IDLE = 1.2  # wall over processor time, at most
_SUITES = {
    "bbob": "The noiseless suite",
    "bbob-noisy": "With noise",
    "bbob-mixint": "With whole numbers",
}


def render(document: Results, page: Path) -> None:
    """Write the page and a picture for each suite."""
    parts = [
        "# On the field's own benchmark",
        _HEAD,
        _HOW.format(budget=f"{document['per_dimension']:,}"),
    ]
    for suite, found in document["results"].items():
        order = sorted(found, key=int)
        by_dimension = {int(name): found[name]["algorithms"] for name in order}
        beside = {int(name): found[name]["beside"] for name in order if found[name]["beside"]}
        drawn = page.with_name(f"{page.stem}{suite.removeprefix('bbob')}.png")
        picture.draw(by_dimension, suite, drawn)
        parts += [
            f"## {_SUITES[suite]}",
            f"![Share of targets over evaluations for each variable]({drawn.name})",
            "\n".join(_shares(by_dimension)),
            _errors(by_dimension),
            *(_beside(beside, suite) if beside else ()),
            "### Time for an evaluation",
            _TIMES,
            "\n".join(_times(by_dimension)),
        ]
    facts, versions = document["machine"], document["versions"]
    parts.append(
        f"<sub>`{document['command']}`, {document['date']}: {facts['cpu']}, {facts['cores']} "
        f"cores, {facts['os']}, Python {facts['python']}; "
        f"{', '.join(f'{name} {version}' for name, version in versions.items() if version)}.</sub>"
    )
    page.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    print(page)


def ordered(found: dict[int, Results]) -> list[str]:
    """Algorithms, the one with the largest mean share first."""
    shares: dict[str, list[float]] = {}
    for rows in found.values():
        for name, row in rows.items():
            shares.setdefault(name, []).append(row["share"])
    return sorted(shares, key=lambda name: (-len(shares[name]), -float(np.mean(shares[name]))))


def _shares(found: dict[int, Results]) -> list[str]:
    """A row an algorithm; fewer instances than others have are said in brackets."""
    most = {
        dimension: max(len(row["instances"]) for row in rows.values())
        for dimension, rows in found.items()
    }
    head = [
        f"{dimension}-D, {count} instance{'s' * (count > 1)}" for dimension, count in most.items()
    ]
    lines = [_line(["algorithm", *head]), _line(["---", *["---:"] * len(head)])]
    best = {
        dimension: max(
            row["share"] for row in rows.values() if len(row["instances"]) == most[dimension]
        )
        for dimension, rows in found.items()
    }
    for name in ordered(found):
        cells = [f"**{name}**" if name == US else name]
        for dimension, rows in found.items():
            row = rows.get(name)
            if row is None:
                cells.append("")
                continue
            share, few = f"{row['share']:.1%}", len(row["instances"])
            if few < most[dimension]:
                cells.append(f"{share} ({few})")
            else:
                cells.append(f"**{share}**" if row["share"] == best[dimension] else share)
        lines.append(_line(cells))
    return lines


def _errors(found: dict[int, Results]) -> str:
    failed = [
        f"{name} in {dimension}-D {row['errors']} of {row['runs']}"
        for dimension, rows in found.items()
        for name, row in rows.items()
        if row["errors"]
    ]
    return (
        f"Runs that an exception ended, and that count as far as they came: {'; '.join(failed)}."
        if failed
        else ""
    )


def ratio(ours: Results, theirs: Results, target: str, functions: Any) -> tuple[float, int, int]:
    """Geometric mean of the ratio where both reach a target; functions that ours and theirs do."""
    mine = {f: ours["expected"][target].get(str(f)) for f in functions}
    other = {f: theirs["expected"][target].get(str(f)) for f in functions}
    both = [f for f in functions if mine[f] and other[f]]
    logarithms = [np.log(mine[f] / other[f]) for f in both]
    mean = float(np.exp(np.mean(logarithms))) if both else float("nan")
    return mean, sum(bool(value) for value in mine.values()), sum(map(bool, other.values()))


def _beside(beside: dict[int, Results], suite: str) -> list[str]:
    """Ours and the reference, where both were measured."""
    return [
        "### Evaluations beside pycma",
        _RATIOS,
        *_ratios(beside, suite),
        "### Functions",
        _BY_FUNCTION,
        _functions(beside),
    ]


def _ratios(beside: dict[int, Results], suite: str) -> list[str]:
    """A table for each target: a row a group of functions, a column a dimension."""
    parts = []
    for target in EXPECTED:
        lines = [
            _line([f"target {target}", *(f"{dimension}-D" for dimension in beside)]),
            _line(["---", *["---:"] * len(beside)]),
        ]
        for group, functions in GROUPS[suite].items():
            cells = [group]
            for rows in beside.values():
                mean, ours, theirs = ratio(rows[US], rows[REFERENCE], target, functions)
                times = "-" if np.isnan(mean) else f"{mean:.2f}"
                whole = ours == theirs == len(functions)
                cells.append(times if whole else f"{times} ({ours}, {theirs})")
            lines.append(_line(cells))
        parts.append("\n".join(lines))
    return parts


def _functions(beside: dict[int, Results]) -> str:
    """Functions on which one of the two reaches more of the targets by a twentieth."""
    lines = []
    for dimension, rows in beside.items():
        ours, theirs = rows[US]["shares"], rows[REFERENCE]["shares"]
        gaps = sorted((share - theirs[function], int(function)) for function, share in ours.items())
        worse = [gap for gap in gaps if gap[0] <= -0.05]
        better = [gap for gap in reversed(gaps) if gap[0] >= 0.05]
        lines.append(f"- {dimension}-D: behind on {_gaps(worse)}; ahead on {_gaps(better)}.")
    return "\n".join(lines)


def _gaps(gaps: list[tuple[float, int]]) -> str:
    if not gaps:
        return "none"
    return ", ".join(f"f{function} ({100 * gap:+.0f})" for gap, function in gaps)


def _times(found: dict[int, Results]) -> list[str]:
    lines = [
        _line(["algorithm", *(f"{dimension}-D" for dimension in found)]),
        _line(["---", *["---:"] * len(found)]),
    ]
    for name in ordered(found):
        cells = [f"**{name}**" if name == US else name]
        for rows in found.values():
            cells.append(_time(**rows[name]["microseconds"]) if name in rows else "")
        lines.append(_line(cells))
    return lines


def _time(seconds: float, processor: float) -> str:
    # On a machine that does something else as well, time that passes says nothing.
    return (
        f"{processor:,.0f}" if seconds > _IDLE * processor else f"{processor:,.0f} ({seconds:,.0f})"
    )


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


_HEAD = """\
<!-- Written by `python -m benchmarks.bbob --page` from benchmarks/results/bbob.json. -->

[COCO](https://coco-platform.org) is how searches without gradients are compared in their field: its
suite BBOB has 24 functions, from a sphere to ones with a hundred peaks, in instances that are
shifted and rotated by chance (Hansen et al. 2021). `gradless` here is `gradless.minimize(f, x0,
bounds=(-5, 5), compiled=False, evaluations=...)` and no other word; `gradless:NAME` says a strategy
as well."""

_HOW = f"""\
Everyone begins at the same points, drawn uniformly in [-4, 4], and has {{budget}} evaluations for
each variable, which a counter around the function sees to. Peers search by the recipe of their own
documentation, and begin anew when they end before ([peers.py](../benchmarks/bbob/peers.py)):
`pycma-bipop` and `pycma-ipop` are `cma.fmin2` with restarts, without bounds as in the
literature. A share is of all triples of a function, an instance and one of {len(TARGETS)} targets,
from 100 to 1e-8 above the optimum in equal factors. Numbers in brackets are of instances, where
they are fewer."""

_RATIOS = f"""\
Expected evaluations to a target (all that were made, over the runs that reached it) of `{US}` over
those of `{REFERENCE}`, on the same problems: below 1, ours are fewer. A geometric mean over the
functions of a group that both reach; in brackets how many ours and theirs reach, where that is not
all."""

_BY_FUNCTION = f"""\
Functions on which the shares of `{US}` and `{REFERENCE}` differ by five points or more, and how
far."""

_TIMES = """\
Microseconds of processor time for an evaluation, the function's own (about one) among them, and in
brackets of wall time, where the machine did nothing else: medians over problems. Rough figures:
other work on a machine raises them, too."""
