"""What does the page say of five kinds of networks, by a search and by surrogate gradients?"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.steps.competition import SEARCH, SURROGATE, tasks

Runs = list[dict[str, Any]]
Document = dict[str, Any]


def section(document: Document) -> list[str]:
    """Lines of the page."""
    runs: Runs = document["runs"]
    where, names = document["machine"], _names(runs)
    seeds = {len(_of(runs, name, SEARCH)) for name in names}
    return [
        "## Beside a straight-through estimator",
        "",
        _HOW.format(
            rows=f"{document['rows']['train']:,}",
            validation=f"{document['rows']['validation']:,}",
            test=f"{document['rows']['test']:,}",
            seeds=" or ".join("one seed" if n == 1 else f"{n} seeds" for n in sorted(seeds)),
        ),
        "",
        "| network | what has no derivative | parameters | search, accuracy | loss "
        "| straight-through, accuracy | loss | PolyStep, as published |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *(_reached(runs, name) for name in names),
        "",
        _PUBLISHED,
        "",
        "The same runs by what they cost. A forward pass is that of one sample; a search makes no "
        "others, Adam makes a backward pass for each.",
        "",
        "| network | search: forward passes | seconds | straight-through: forward passes | seconds "
        "| search after as many passes | after as many seconds | straight-through is where the "
        "search ends after |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(_cost(runs, name) for name in names),
        "",
        *_verdict(runs, names),
        "",
        f"<sub>`{document['command']}`: seconds of one core, without compilation; "
        f"{where['cpu']}, {where['os']}, Python {where['python']}</sub>",
    ]


def _names(runs: Runs) -> list[str]:
    return [name for name in tasks() if _of(runs, name, SEARCH) and _of(runs, name, SURROGATE)]


def _of(runs: Runs, name: str, method: str) -> Runs:
    return [run for run in runs if run["task"] == name and run["method"] == method]


def _kept(runs: Runs, column: str) -> np.ndarray:
    """Of the network that each run keeps, shape (runs,)."""
    return np.array([run["curve"][run["kept"]][column] for run in runs])


def _reached(runs: Runs, name: str) -> str:
    task = tasks()[name]
    ours, theirs = _of(runs, name, SEARCH), _of(runs, name, SURROGATE)
    cells = [name, task.step, f"{ours[0]['parameters']:,}"]
    for some in (ours, theirs):
        accuracy, loss = _kept(some, "test_accuracy"), _kept(some, "test_loss")
        spread = f" ± {100 * accuracy.std(ddof=1):.1f}" if len(some) > 1 else ""
        cells += [f"{accuracy.mean():.1%}{spread}", f"{loss.mean():.3f}"]
    return _row([*cells, f"{task.published:.1f}%"])


def _cost(runs: Runs, name: str) -> str:
    ours, theirs = _of(runs, name, SEARCH), _of(runs, name, SURROGATE)
    end = _kept(ours, "test_accuracy").mean()
    cells = [name]
    for some in (ours, theirs):
        last = [run["curve"][-1] for run in some]
        passes, seconds = (np.mean([each[of] for each in last]) for of in ("passes", "seconds"))
        cells += [_millions(float(passes)), f"{seconds:.1f}"]
    for budget in ("passes", "seconds"):
        limit = float(np.mean([run["curve"][-1][budget] for run in theirs]))
        cells.append(f"{np.mean([_after(run, budget, limit) for run in ours]):.1%}")
    return _row([*cells, _there(theirs, float(end))])


def _after(run: dict[str, Any], budget: str, limit: float) -> float:
    """Test accuracy after no more than a budget; before the first judgement, a guess's."""
    within = [each["test_accuracy"] for each in run["curve"] if each[budget] <= limit]
    return within[-1] if within else 0.1


def _there(runs: Runs, accuracy: float) -> str:
    """Seconds and passes, over runs, until Adam has reached an accuracy for the first time."""
    firsts = [next((e for e in r["curve"] if e["test_accuracy"] >= accuracy), None) for r in runs]
    found = [each for each in firsts if each is not None]
    if len(found) < len(runs):
        return f"{len(found)} of {len(runs)} runs are"
    seconds = np.mean([each["seconds"] for each in found])
    return f"{seconds:.1f} s, {_millions(float(np.mean([each['passes'] for each in found])))}"


def _millions(passes: float) -> str:
    return f"{passes / 1e6:.3g} million"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _verdict(runs: Runs, names: list[str]) -> list[str]:
    def mean(name: str, method: str) -> float:
        return float(_kept(_of(runs, name, method), "test_accuracy").mean())

    gaps = {name: mean(name, SURROGATE) - mean(name, SEARCH) for name in names}
    lost = [f"{name} by {100 * gap:.1f} points" for name, gap in gaps.items() if gap > 0]
    won = [f"{name} by {-100 * gap:.1f} points" for name, gap in gaps.items() if gap <= 0]
    sentences = []
    if lost:
        sentences.append(f"The straight-through estimator is more accurate on {_list(lost)}.")
    if won:
        sentences.append(f"The search is at least as accurate on {_list(won)}.")
    above, below = (
        [name for name in names if (100 * mean(name, SEARCH) > tasks()[name].published) is higher]
        for higher in (True, False)
    )
    if above:
        sentences.append(f"The search is above PolyStep's published figure on {_list(above)}.")
    if below:
        sentences.append(f"The search is below PolyStep's published figure on {_list(below)}.")
    return [" ".join(sentences), "", _WHEN]


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


_HOW = """\
People who train networks of steps usually give each step a made-up derivative and use Adam: the
straight-through estimator (Bengio, Léonard and Courville 2013), or surrogate gradients for spikes
(Neftci, Mostafa and Zenke 2019). Here both methods train the same hard networks from the same first
parameters, on {rows} digits of MNIST; {validation} others say which network of a run is kept, and
{test} that nothing else has seen judge it, always as the hard network. Figures are means of
{seeds}, and of several with their standard deviation. The search is `openai_es` with a minibatch
common to the population and rank 1; the settings of both were chosen on training rows, and are in
[settings.py](../benchmarks/steps/settings.py), the networks in
[tasks.py](../benchmarks/steps/tasks.py), the steps in [hard.py](../benchmarks/steps/hard.py)."""

_PUBLISHED = """\
The five kinds are those of PolyStep ("Training Non-Differentiable Networks via Optimal Transport",
arXiv 2605.01928), which also reports 79.6% to 94.4% for its OpenAI-ES. Its figures are quoted, not
measured here: they are of MNIST's 60,000 digits, of networks of other sizes and, for example, of 42
million evaluations on a GPU for argmax attention. Ours learn from about a seventh of the digits,
on one core, so that a difference of a point or two says little in either direction: with so few
digits, gradients do not reach PolyStep's 97.0% for int8 either."""

_WHEN = """\
**When the straight-through estimator is the better choice.** Where each step has a derivative that
can be made up, and the loss itself is smooth, it is faster by far: it learns from every sample how
every weight should move, where a search learns one number from each network. Rounding to eight
bits, stairs, thresholds and a choice among a few are such steps.

**When it is not.** It needs the code of the network, and of all that comes after it, in a library
that differentiates; a derivative for each step, which somebody has to choose; and a loss with a
slope. A search needs outputs: from a chip, a compiled program, a simulator, a network behind an
interface. It takes the metric that counts, such as F1 or a profit, in place of a loss that stands
for it, and its memory does not grow with the number of time steps."""
