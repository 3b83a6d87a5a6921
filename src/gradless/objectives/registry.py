"""Which objectives are there, and what are they called?"""

from __future__ import annotations

from gradless._core import words
from gradless._core.errors import InputError, unknown_name
from gradless.objectives import cost_table, costs, metrics, rankings
from gradless.objectives.families import (
    CLASSES,
    FAMILIES,
    LABELS,
    NUMBERS,
    all_at_once,
    decided,
    ndcg,
    numbered,
    ranked,
)
from gradless.objectives.losses import (
    absolute_error,
    cross_entropy,
    log_cosh,
    right,
    squared_error,
    wrong,
)
from gradless.objectives.objective import ITSELF, Objective

OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            "cross_entropy",
            "mean negative log-likelihood of the true class",
            cross_entropy,
            tasks=LABELS,
            fitted_by=ITSELF,
        ),
        Objective(
            "zero_one",
            "share of wrong predictions, not differentiable",
            wrong,
            tasks=LABELS,
            smooth=False,
            fitted_by="cross_entropy",
            decided=True,
        ),
        Objective(
            "accuracy",
            "share of right predictions, not differentiable",
            right,
            tasks=LABELS,
            greater_is_better=True,
            smooth=False,
            fitted_by="cross_entropy",
            decided=True,
        ),
        decided(
            "balanced_accuracy",
            "mean of the classes' shares of right predictions",
            metrics.decision,
            metrics.balanced_accuracy,
            CLASSES,
        ),
        decided(
            "f1",
            "F1 of the positive class, or the mean over the classes",
            metrics.decision,
            metrics.f_beta,
            LABELS,
        ),
        decided("f1_macro", "mean of the classes' F1", metrics.decision, metrics.f_macro, LABELS),
        decided(
            "f1_weighted",
            "mean of the classes' F1, weighted by their samples",
            metrics.decision,
            metrics.f_weighted,
            LABELS,
        ),
        decided("matthews", "Matthews' correlation", metrics.decision, metrics.matthews, CLASSES),
        decided(
            "cohen_kappa",
            "Cohen's kappa, agreement beyond chance",
            metrics.decision,
            metrics.cohen_kappa,
            CLASSES,
        ),
        all_at_once(
            "quadratic_kappa",
            "kappa of ordered classes, an error counting by its distance squared",
            metrics.decision,
            costs.quadratic_kappa,
            CLASSES,
        ),
        ranked(
            "roc_auc",
            "area under the ROC curve, each class against the rest",
            metrics.scores,
            metrics.roc_auc,
            LABELS,
        ),
        ranked(
            "average_precision",
            "mean precision at the positives, each class against the rest",
            metrics.scores,
            metrics.average_precision,
            LABELS,
        ),
        Objective(
            "squared_error",
            "mean squared error",
            squared_error,
            tasks=("classification", "regression"),
            degree=2,
            fitted_by=ITSELF,
        ),
        Objective(
            "absolute_error",
            "mean absolute error",
            absolute_error,
            tasks=NUMBERS,
            degree=1,
            fitted_by=ITSELF,
        ),
        Objective("log_cosh", "mean of log cosh(error)", log_cosh, tasks=NUMBERS),
        all_at_once(
            "r2",
            "share of variance explained",
            metrics.stacked,
            metrics.r2,
            NUMBERS,
            smooth=True,
            fitted_by="squared_error",
        ),
        all_at_once(
            "spearman", "Spearman's rank correlation", metrics.stacked, metrics.spearman, NUMBERS
        ),
        all_at_once(
            "concordance",
            "share of pairs in the right order, of times that may be censored",
            metrics.stacked,
            rankings.concordance,
            NUMBERS,
            classes=1,
            needs=("event",),
        ),
        ndcg("ndcg", "order within groups, the first places counting most (NDCG)", rankings.ndcg),
    )
}
"""Every objective without a number, by name."""

ALIASES = {
    "log_loss": "cross_entropy",
    "mse": "squared_error",
    "mae": "absolute_error",
    "qwk": "quadratic_kappa",
    "quadratic_weighted_kappa": "quadratic_kappa",
    "pinball": "quantile",
    "c_index": "concordance",
    "concordance_index": "concordance",
    "costs": cost_table.FAMILY,
}
"""Other names of objectives, and of those with a number."""

NAMES = (
    *OBJECTIVES,
    *(numbered(name, family.example) for name, family in FAMILIES.items()),
    cost_table.EXAMPLE,
)
"""Every objective's name, those with a number having an example of it."""


def get(name: str) -> Objective:
    """Objective by name.

    Parameters
    ----------
    name
        One of ``OBJECTIVES`` or ``ALIASES``, with hyphens or underscores; or ``fbeta:B``,
        ``precision_at_recall:R``, ``huber:D`` (``huber`` is ``huber:1``), ``quantile:Q``
        (``quantile`` is ``quantile:0.5``), ``precision_at_k:K`` and ``profit_at_k:K`` (a number of
        rows or, below 1, a share), ``profit:COST``, ``ndcg_at_k:K``, ``equal_opportunity:GAP``,
        ``equal_opportunity_f1:GAP``; or ``cost_matrix:TABLE``, as :func:`.cost_matrix` has it.

    Returns
    -------
    Objective
        Always the same one for a name and an equal number, so that a program is compiled once.

    Raises
    ------
    InputError
        For an unknown name, with the closest one, or a number out of its range.

    Examples
    --------
    >>> get("quantile:0.90").name
    'quantile:0.9'
    """
    family, colon, text = name.partition(":")
    family = words.alike(family)
    family = ALIASES.get(family, family)
    if family in OBJECTIVES and not colon:
        return OBJECTIVES[family]
    if family == cost_table.FAMILY:
        if not text:
            raise InputError(
                f"objective {family!r} must have costs, got none. For example: {cost_table.EXAMPLE}"
            )
        return cost_table.of_text(text)
    if family not in FAMILIES:
        raise unknown_name("objective", name, (*NAMES, *ALIASES))
    return FAMILIES[family].made(family, FAMILIES[family].number(family, text))
