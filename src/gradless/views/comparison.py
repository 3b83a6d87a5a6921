"""What does a comparison in Python say? A table for people and for pandas, and a picture."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradless._core.errors import InputError
from gradless.objectives import Measure
from gradless.runs.comparison.contest import Contest
from gradless.runs.comparison.outcomes import Outcome
from gradless.runs.comparison.summary import Difference, Row, Summary, difference
from gradless.views.comparison_console import behind, budget_of, notes, spread

if TYPE_CHECKING:  # matplotlib loads in half a second, and pandas is not always there
    import pandas as pd
    from matplotlib.figure import Figure


class Comparison:
    """What :func:`gradless.compare` found.

    It prints as a table, a notebook shows it as one, and :meth:`plot` draws it.

    Attributes
    ----------
    names
        What was compared, from best to worst.
    outcomes
        Finished runs: loss, accuracy, evaluations, seconds and how the best loss fell.
    summary
        The same by strategy: quartiles, successes, differences from the best one.
    failures
        Reasons of strategies that could not go on, by name.
    """

    def __init__(self, contest: Contest, summary: Summary) -> None:
        """Of a contest that has ended."""
        self._contest = contest
        self.outcomes: tuple[Outcome, ...] = tuple(contest.outcomes)
        self.failures = dict(contest.failures)
        self.summary = summary

    @property
    def names(self) -> tuple[str, ...]:
        """What was compared, from best to worst."""
        return tuple(row.name for row in self.summary.rows)

    @property
    def _objective(self) -> Measure:
        return self._contest.plan.task.objective

    def difference(self, name: str, other: str) -> Difference:
        """By how much the loss of ``name`` is above that of ``other``, under the same seeds.

        Parameters
        ----------
        name, other
            Two of :attr:`names`.

        Returns
        -------
        Difference
            Mean over the seeds, and its 95 % interval by Student's t. Below 0, ``name`` is better.
            Losses are as they are minimised, minus f1 for example, of what runs end with: on test
            rows, if there are any.

        Raises
        ------
        InputError
            If there is no such name.
        """
        for each in (name, other):
            if each not in self.names:
                raise InputError(f"name must be one of {', '.join(self.names)}, got {each!r}")
        return difference(self.outcomes, name, other)

    def losses(self, name: str) -> dict[int, float]:
        """Losses of what the runs of a strategy end with, by seed."""
        return {run.seed: run.loss for run in self.outcomes if run.name == name}

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
            names = ("name", "seed", "loss", "accuracy", "best_loss", "evaluations", "seconds")
            rows = [{name: getattr(run, name) for name in names} for run in self.outcomes]
            return pd.DataFrame(rows, columns=list(names))
        return pd.DataFrame([self._values(row) for row in self.summary.rows]).set_index("name")

    def _values(self, row: Row) -> dict[str, Any]:
        at, behind = row.judged, row.behind or Difference(0.0, 0.0, 0.0, row.runs)
        return {
            "name": row.name,
            "loss": at.median,
            "loss_low": at.low,
            "loss_high": at.high,
            "difference": behind.mean,
            "difference_low": behind.low,
            "difference_high": behind.high,
            "training_loss": row.at_end.median,
            "evaluations": row.evaluations,
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

        return pictured(self._contest, self.summary, path)

    # --- As a table -------------------------------------------------------------------------------

    def _cells(self) -> list[list[str]]:
        first = self.names[0]
        what = self._objective.quantity
        where = f"test {what}" if self.summary.on_test else f"{what} at {budget_of(self.summary)}"
        heads = ["strategy", where, f"behind {first}", "success", "evaluations a second"]
        rows = [
            [
                row.name,
                spread(row.judged.values(self._objective), row.runs),
                behind(row.behind),
                f"{row.successes}/{row.runs}",
                f"{row.evaluations_per_second:,.0f}",
            ]
            for row in self.summary.rows
        ]
        return [heads, *rows]

    def _notes(self) -> list[str]:
        """As the command says them."""
        given = "target_loss", "target_loss", "target_accuracy"
        return notes(self._contest, self.summary, given)

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
