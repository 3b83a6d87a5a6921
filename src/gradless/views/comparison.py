"""Which strategy is better here? :func:`compare` in Python, and what it returns."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from gradless._core import forked, words
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.objectives import Measure, Objective
from gradless.runs.comparison.contest import Contest, Plan, Progress
from gradless.runs.comparison.entrants import named
from gradless.runs.comparison.given import task_of
from gradless.runs.comparison.outcomes import Outcome, Quartiles
from gradless.runs.comparison.summary import Difference, Row, Summary, difference
from gradless.strategies import Strategy
from gradless.training.gradient_descent import Adam
from gradless.training.progress import live_line
from gradless.training.records import Stop
from gradless.views.comparison_console import behind, spread

if TYPE_CHECKING:  # matplotlib loads in half a second, and pandas is not always there
    import pandas as pd
    from matplotlib.figure import Figure

DEFAULT_SECONDS = 5.0
_SHOWN_AFTER = 2.0  # seconds, where nobody asked for progress


class Comparison:
    """What :func:`compare` found.

    It prints as a table, a notebook shows it as one, and :meth:`plot` draws it.

    Attributes
    ----------
    names
        What was compared, from best to worst at the equal budget.
    outcomes
        Finished runs: loss, accuracy, evaluations, seconds and how the best loss fell.
    summary
        The same by strategy: quartiles, successes, differences from the best one.
    failures
        Reasons of strategies that could not go on, by name.
    """

    def __init__(self, contest: Contest, summary: Summary) -> None:
        """Of a contest that has ended."""
        self._plan = contest.plan
        self.outcomes: tuple[Outcome, ...] = tuple(contest.outcomes)
        self.failures = dict(contest.failures)
        self.summary = summary

    @property
    def names(self) -> tuple[str, ...]:
        """What was compared, from best to worst."""
        return tuple(row.name for row in self.summary.rows)

    @property
    def _objective(self) -> Measure:
        return self._plan.task.objective

    @property
    def _mark(self) -> float:
        deciding = self.summary.deciding
        return self.summary.seconds if deciding == "seconds" else float(self.summary.evaluations)

    def difference(self, name: str, other: str) -> Difference:
        """By how much the best loss of ``name`` is above that of ``other``, under the same seeds.

        Parameters
        ----------
        name, other
            Two of :attr:`names`.

        Returns
        -------
        Difference
            Mean over the seeds, and its 95 % interval by Student's t, at the equal budget. Below 0,
            ``name`` is better. Losses are as they are minimised: minus f1, for example.

        Raises
        ------
        InputError
            If there is no such name.
        """
        for each in (name, other):
            if each not in self.names:
                raise InputError(f"name must be one of {', '.join(self.names)}, got {each!r}")
        return difference(self.outcomes, name, other, self.summary.deciding, self._mark)

    def losses(self, name: str) -> dict[int, float]:
        """Best losses of a strategy at the equal budget, by seed."""
        runs = [run for run in self.outcomes if run.name == name]
        axis, mark = self.summary.deciding, self._mark
        return {run.seed: float(run.curve.at(axis, [mark])[0]) for run in runs}

    def to_pandas(self, *, runs: bool = False) -> pd.DataFrame:
        """A row for each strategy, from best to worst, or with ``runs`` for each run.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - it is not needed for anything else
        except ImportError:
            raise InputError("to_pandas needs pandas. Install it: pip install pandas") from None
        if runs:
            names = ("name", "seed", "loss", "accuracy", "evaluations", "seconds")
            rows = [{name: getattr(run, name) for name in names} for run in self.outcomes]
            return pd.DataFrame(rows, columns=list(names))
        return pd.DataFrame([self._values(row) for row in self.summary.rows]).set_index("name")

    def _at(self, row: Row) -> Quartiles:
        by_time = self.summary.deciding == "seconds"
        return row.at_seconds if by_time else row.at_evaluations

    def _values(self, row: Row) -> dict[str, Any]:
        at, behind = self._at(row), row.behind or Difference(0.0, 0.0, 0.0, row.runs)
        return {
            "name": row.name,
            "loss": at.median,
            "loss_low": at.low,
            "loss_high": at.high,
            "difference": behind.mean,
            "difference_low": behind.low,
            "difference_high": behind.high,
            "runs": row.runs,
            "successes": row.successes,
            "evaluations_per_second": row.evaluations_per_second,
            "failure": row.failure,
        }

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the best loss over evaluations and over time, a line a strategy.

        Parameters
        ----------
        path
            File to write, PNG, PDF or SVG by its suffix; None only makes the figure.
        """
        from gradless.views.comparison_picture import pictured  # noqa: PLC0415

        return pictured(self._plan, self.outcomes, self.summary, path)

    # --- As a table -------------------------------------------------------------------------------

    @property
    def _budget(self) -> str:
        if self.summary.deciding == "seconds":
            return words.seconds(self.summary.seconds)
        return f"{self.summary.evaluations:,} evaluations"

    def _cells(self) -> list[list[str]]:
        first = self.names[0]
        heads = [
            "strategy", f"{self._objective.quantity} at {self._budget}", f"behind {first}",
            "success", "evaluations a second",
        ]  # fmt: skip
        rows = [
            [
                row.name,
                spread(self._at(row).values(self._objective), row.runs),
                behind(row.behind),
                f"{row.successes}/{row.runs}",
                f"{row.evaluations_per_second:,.0f}",
            ]
            for row in self.summary.rows
        ]
        return [heads, *rows]

    def _notes(self) -> list[str]:
        what, target = self._objective.quantity, self.summary.target
        reached = words.loss(self._objective.value(target.value))
        if target.quantity == "accuracy":
            what, reached = "accuracy", words.percent(target.value)
        lines = [
            f"{self._objective.quantity}: median over seeds (first to third quartile)",
            "behind: mean over the same seeds ± its 95 % interval; where that is the larger one, "
            "these seeds do not tell the two apart",
            f"success: seeds that reached {what} {reached}"
            + ("" if target.given else ", the median of all runs"),
        ]
        return [*lines, *(f"{name} stopped: {why}" for name, why in self.failures.items())]

    def __str__(self) -> str:
        """The table, and what it means."""
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        return "\n".join([*lines, "", *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The same for a notebook."""

        def row(cells: Sequence[str], kind: str) -> str:
            return "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells)

        heads, *rows = self._cells()
        body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
        notes = "<br>".join(map(html.escape, self._notes()))
        return (
            f"<table><thead><tr>{row(heads, 'th')}</tr></thead><tbody>{body}</tbody></table>"
            f"<p><small>{notes}</small></p>"
        )


def compare(
    problem: Any,
    strategies: Mapping[str, str | Strategy] | Iterable[str | Strategy] | str,
    *,
    params: Params | Callable[[int], Params] | None = None,
    seeds: int = 10,
    evaluations: int | None = None,
    seconds: float | None = None,
    target_loss: float | None = None,
    target_accuracy: float | None = None,
    hidden: tuple[int, ...] | None = None,
    objective: str | Objective | None = None,
    batch_size: int | None = None,
    gradient: bool | float = False,
    seed: int = 0,
    verbose: bool | int | None = None,
) -> Comparison:
    """Compare strategies, or settings of one, over several seeds.

    A seed decides the first parameters and all noise, and is the same for every strategy, so
    differences are taken seed by seed.

    Parameters
    ----------
    problem
        Arrays ``(X, y)`` of shapes (samples, features) and (samples,), on which a network is
        trained; a ``SupervisedProblem``, ``FunctionProblem`` or ``PythonProblem``; a ``Recipe``,
        as ``Recipe("spiral")``; or a JAX function of parameters.
    strategies
        By name, ``{"small": CMAES(sigma=0.1), "b": "openai_es"}``; or a list of strategies and of
        names. A name may set hyperparameters: ``"openai_es:sigma=0.1"``.
    params
        Where a search begins, for a problem or a function: a pytree of arrays, or a function from
        a seed to one. Networks draw theirs.
    seeds
        Runs of each strategy, with the seeds ``seed``, ``seed + 1`` and so on.
    evaluations, seconds
        Limits of each run: candidates evaluated, and seconds without compilation. Without either,
        5 seconds.
    target_loss, target_accuracy
        What counts as success. Default: the median of all runs.
    hidden, objective, batch_size
        For arrays: neurons of each hidden layer, (64,) by default; what is improved; and samples of
        the minibatch that each generation sees.
    gradient
        True, or a learning rate: also run gradient descent, Adam, as a yardstick. One of its steps
        counts as 3 evaluations.
    seed
        The first seed.
    verbose
        True for a line about how far it is, False for none; by default there is one in a terminal
        after two seconds.

    Returns
    -------
    Comparison
        A table of losses with quartiles and differences; ``to_pandas()``, ``plot()``.

    Raises
    ------
    InputError
        For whatever cannot be compared, before anything is trained; and if no strategy could run.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from gradless.strategies import CMAES
    >>> found = compare(
    ...     lambda x: jnp.sum((x - 1) ** 2),
    ...     {"narrow": CMAES(sigma=0.01), "wide": CMAES(sigma=1.0)},
    ...     params=np.zeros(5), seeds=3, evaluations=400,
    ... )
    >>> found.names
    ('wide', 'narrow')
    >>> found.difference("narrow", "wide").low > 0
    True
    """
    forked.check()
    use_all_cores()
    entrants = named(strategies)
    for value, name in ((seeds, "seeds"), (seed, "seed")):
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{name} must be a whole number, got {value!r}. For example: 10")
    if evaluations is None and seconds is None:
        seconds = DEFAULT_SECONDS
    adam = None
    if gradient:
        adam = Adam() if gradient is True else Adam(float(gradient))
    task = task_of(
        problem, params=params, hidden=hidden, objective=objective, batch_size=batch_size
    )
    stop = Stop(evaluations, seconds, target_loss, target_accuracy)
    contest = Contest(Plan(task, entrants, seeds, stop, seed, adam))
    with _Line(contest, verbose) as line:
        for progress in contest.run():
            line.show(progress)
    summary = contest.summarise()
    if summary is None:
        reasons = "; ".join(f"{name}: {why}" for name, why in contest.failures.items())
        raise InputError(f"no strategy could be run ({reasons})")
    return Comparison(contest, summary)


class _Line:
    """A line about how far a comparison is; elsewhere than in terminals and notebooks, many."""

    def __init__(self, contest: Contest, verbose: bool | int | None) -> None:
        self._contest, self._asked = contest, bool(verbose)
        self._console = Console(stderr=True)
        in_terminal = self._console.file.isatty() and self._console.is_terminal
        self._is_live = self._asked and (in_terminal or self._console.is_jupyter)
        self._is_live |= verbose is None and in_terminal
        self._begun = time.monotonic()
        self._open: Any = None

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._open is not None:
            self._open.close()

    def show(self, progress: Progress) -> None:
        """Show what is new."""
        ended = progress.outcome is not None or progress.failure is not None
        if self._is_live:
            waited = self._asked or time.monotonic() - self._begun > _SHOWN_AFTER
            if self._open is None and waited:
                self._open = live_line(self._console)
            if self._open is not None:
                self._open.show(self._text(progress))
        elif self._asked and ended:
            print(self._text(progress), flush=True)

    def _text(self, progress: Progress) -> str:
        plan, done = self._contest.plan, len(self._contest.outcomes)
        ended = progress.outcome is not None or progress.failure is not None
        number = min(plan.runs, done + (0 if ended else 1))
        objective = plan.task.objective
        parts = [f"run {number} of {plan.runs}", f"{progress.name}, seed {progress.seed}"]
        if progress.failure is not None:
            parts.append(f"failed: {progress.failure}")
        elif not progress.evaluations:
            parts.append("compiling")
        else:
            parts.append(f"{progress.evaluations:,} evaluations")
            if math.isfinite(progress.best_loss):
                best = words.loss(objective.value(progress.best_loss))
                parts.append(f"{objective.quantity} {best}")
        return ": ".join(parts[:2]) + "".join(f", {part}" for part in parts[2:])
