"""What can be asked of ``gradless decide``?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradless.cli.options import Output
from gradless.cli.parse import option


@dataclass(frozen=True, kw_only=True)
class Decide(Output):
    """Tune decisions for what counts, from a file of any model's probabilities and the true
    classes; or apply a rule to a file without them. The model must not have been trained on these
    rows."""

    data: Path = option(
        ...,
        "CSV or Parquet file of probabilities: a column for each class, named as the class or "
        "probability of CLASS, as gradless predict writes it.",
        metavar="FILE",
        positional=True,
    )
    target: str | None = option(
        None, "Column of the true classes.", metavar="NAME", group="Data", example="churn"
    )
    score: str | None = option(
        None,
        "Of two classes, the one column of probabilities of the positive class.",
        metavar="NAME",
        group="Data",
        example="score",
    )
    positive: str | None = option(
        None,
        "Positive class of two. Default: the alphabetically second.",
        metavar="NAME",
        group="Data",
    )
    weight: str | None = option(
        None, "Column of how much each row counts.", metavar="NAME", group="Data"
    )
    group: str | None = option(
        None,
        "Column of groups, such as customers, whose rows stay together.",
        metavar="NAME",
        group="Data",
    )
    objective: str | None = option(
        None,
        "What to improve: f1, f1_macro, balanced_accuracy, fbeta:2, matthews, cohen_kappa, "
        "quadratic_kappa, profit, cost and more. Default: profit with --value, cost with --costs, "
        "else f1.",
        metavar="NAME",
        group="Search",
    )
    value: float | None = option(
        None,
        "Of profit: what a positive row that is found brings.",
        metavar="NUMBER",
        group="Search",
        example="100",
        above=0,
    )
    cost: float | None = option(
        None,
        "Of profit: what each row costs that is decided positive. Default: 0.",
        metavar="NUMBER",
        group="Search",
        example="5",
        at_least=0,
    )
    costs: Path | None = option(
        None,
        "Of cost: CSV file of costs, true classes in the first column, decided ones in the header.",
        metavar="FILE",
        group="Search",
    )
    value_column: str | None = option(
        None,
        "Of profit: column of what each row brings if it is positive and found.",
        metavar="NAME",
        group="Search",
        example="amount",
    )
    group_column: str | None = option(
        None,
        "Column of groups that get thresholds of their own, so that the same share of positive "
        "rows is found in each.",
        metavar="NAME",
        group="Search",
        example="region",
    )
    gap: float | None = option(
        None,
        "How far apart these shares may be. Default: 0.02.",
        metavar="SHARE",
        group="Search",
        example="0.05",
        at_least=0,
        below=1,
    )
    capacity: float | None = option(
        None,
        "Most rows to decide positive: a share such as 5%, or a number above 1, then the likeliest "
        "of each file.",
        metavar="SHARE",
        group="Search",
        example="0.05",
        above=0,
    )
    seed: int = option(
        0, "Seed of the folds.", metavar="N", group="Search", at_least=0, at_most=2**32 - 1
    )
    rule: Path | None = option(
        None,
        "Apply this rule, which --out wrote, instead of tuning one.",
        metavar="FILE",
        group="Output",
        example="decision.json",
    )
    keep: tuple[str, ...] = option(
        (),
        "With --rule: columns to write beside the decisions, for example an ID.",
        metavar="NAME",
        group="Output",
        example="ID",
    )
    out: Path | None = option(
        None,
        "File to write: the rule as JSON; with --rule, the decisions as CSV.",
        metavar="FILE",
        group="Output",
    )
