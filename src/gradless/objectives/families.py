"""Which objectives have a number in their name, and which numbers are allowed?"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from gradless._core.errors import InputError
from gradless.models.contract import FeatureRows
from gradless.objectives import capacity, costs, metrics, rankings
from gradless.objectives.extras import RELEVANCE
from gradless.objectives.losses import covered, huber, mean, quantile
from gradless.objectives.metrics import Targets
from gradless.objectives.objective import ITSELF, Objective
from gradless.objectives.targets import Task

CLASSES: tuple[Task, ...] = ("classification",)
LABELS: tuple[Task, ...] = ("classification", "multilabel")
NUMBERS: tuple[Task, ...] = ("regression",)


def all_at_once(
    name: str,
    description: str,
    of_samples: Callable[[FeatureRows, Targets], jax.Array],
    of_all: Callable[[jax.Array, Targets], jax.Array],
    tasks: tuple[Task, ...],
    smooth: bool = False,
    classes: int | None = None,
    **more: Any,
) -> Objective:
    """An objective that needs all samples at once; greater is better unless it says otherwise."""
    degree = 0 if tasks == NUMBERS else None
    found = Objective(name, description, of_samples, tasks, True, smooth, of_all, classes, degree)
    return dataclasses.replace(found, **more)


def ranked(*args: Any, **more: Any) -> Objective:
    """The same of a ranking by probabilities: log loss makes them right, and with them the ranks.

    Networks for tables are fitted by it.
    """
    return all_at_once(*args, fitted_by="cross_entropy", **more)


def decided(*args: Any, **more: Any) -> Objective:
    """The same of classes decided for, by probabilities that log loss makes right."""
    return ranked(*args, decided=True, **more)


def _fbeta(name: str, number: float) -> Objective:
    of_all = functools.partial(metrics.f_beta, beta=number)
    description = f"F-beta for beta {number:g} of the positive class, or the mean over the classes"
    return decided(name, description, metrics.decision, of_all, LABELS)


def _precision_at_recall(name: str, number: float) -> Objective:
    of_all = functools.partial(metrics.precision_at_recall, recall=number)
    description = f"best precision at a recall of {number:g} or more, of the positive class"
    return ranked(name, description, metrics.scores, of_all, CLASSES, classes=2)


def _huber(name: str, number: float) -> Objective:
    of_samples = functools.partial(huber, delta=number)
    description = f"half the squared error up to {number:g}, linear beyond"
    return Objective(name, description, of_samples, NUMBERS)


def _quantile(name: str, number: float) -> Objective:
    of_samples = functools.partial(quantile, share=number)
    description = f"pinball loss of the quantile {number:g}, with the share of rows below"
    also = (("coverage", _coverage),)
    return Objective(name, description, of_samples, NUMBERS, degree=1, also=also, fitted_by=ITSELF)


def share_of_quantile(name: str) -> float | None:
    """The share of rows that an objective wants below its answers; None of other objectives."""
    family, _, number = name.partition(":")
    return FAMILIES[family].number(family, number) if family == "quantile" else None


def _coverage(outputs: FeatureRows, targets: Targets) -> jax.Array:
    return mean(covered(outputs, targets), targets)


def _precision_at_k(name: str, number: float) -> Objective:
    of_all = functools.partial(capacity.precision, length=number)
    description = f"precision of the best {_length(number)}, of the positive class"
    return ranked(
        name, description, metrics.scores, of_all, CLASSES, classes=2, of_rows=_share(name, number)
    )


def _profit_at_k(name: str, number: float) -> Objective:
    of_all = functools.partial(capacity.profit, length=number)
    description = f"mean value that the best {_length(number)} bring; each row has its own"
    return all_at_once(
        name, description, metrics.scores, of_all, CLASSES, classes=2, needs=("value",),
        perfect=math.inf, of_rows=_share(name, number),
    )  # fmt: skip


def _share(name: str, number: float) -> Callable[[int], Objective] | None:
    """Makes of a list's number of rows its share of all of them."""
    return functools.partial(_of_share, name, number) if number >= 1 else None


def _of_share(name: str, number: float, rows: int) -> Objective:
    family = name.partition(":")[0]
    if number >= rows:
        raise InputError(
            f"objective {name!r} must be of fewer rows than there are, got {rows:,} rows. For "
            f"example: {numbered(family, FAMILIES[family].example)}"
        )
    share = number / rows
    return FAMILIES[family].made(family, share)


def _length(number: float) -> str:
    return f"{number:.4g} rows" if number >= 1 else f"{100 * number:.4g}% of the rows"


def _profit(name: str, number: float) -> Objective:
    of_all = functools.partial(costs.profit, price=number)
    description = f"mean profit of a row: its own value if positive, less {number:g} for acting"
    return decided(
        name, description, metrics.decision, of_all, CLASSES, classes=2, needs=("value",),
        perfect=math.inf, stakes=functools.partial(costs.stakes, price=number),
    )  # fmt: skip


def _ndcg_at_k(name: str, number: float) -> Objective:
    of_all = functools.partial(rankings.ndcg, length=number)
    return ndcg(name, f"order within groups, of the first {number:.4g} places (NDCG)", of_all)


def ndcg(
    name: str, description: str, of_all: Callable[[jax.Array, Targets], jax.Array]
) -> Objective:
    """An objective of the order within groups."""
    needs = ("group", RELEVANCE)
    return all_at_once(name, description, metrics.stacked, of_all, NUMBERS, classes=1, needs=needs)


def _equal_opportunity(name: str, number: float, *, f1: bool = False) -> Objective:
    of_all = functools.partial(costs.equal_opportunity, limit=number, f1=f1)
    description = (
        f"{'F1' if f1 else 'accuracy'}, the groups' true positive rates at most {number:g} apart"
    )
    return all_at_once(
        name, description, metrics.decision, of_all, CLASSES, classes=2, needs=("group",),
        most_groups=costs.MOST_GROUPS, also=(("rate gap", _rate_gap),),
    )  # fmt: skip


def _rate_gap(outputs: FeatureRows, targets: Targets) -> jax.Array:
    return costs.rate_gap(metrics.decision(outputs, targets), targets)


@dataclass(frozen=True)
class Family:
    """Objectives that differ in a number, as ``name:number``."""

    make: Callable[[str, float], Objective]
    expected: str
    allowed: Callable[[float], bool]
    example: float
    optional: bool = False  # the example is the default

    def made(self, family: str, number: float) -> Objective:
        """The objective of this number, always the same one."""
        return _made(self, family, number)

    def number(self, name: str, text: str) -> float:
        """The number that was typed; refused if it is out of range."""
        if not text and self.optional:
            return self.example
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not self.allowed(number):
            raise InputError(
                f"objective {name!r} must have a number {self.expected}, got {text or 'none'}. "
                f"For example: {numbered(name, self.example)}"
            )
        return number


@functools.cache
def _made(family: Family, name: str, number: float) -> Objective:
    return family.make(numbered(name, number), number)


_LENGTH = "of rows, a whole one of 1 or more or a share below 1"


def _is_length(number: float) -> bool:
    return 0 < number < 1 or (1 <= number < math.inf and number == int(number))


def _is_gap(number: float) -> bool:
    return 0 <= number < 1


FAMILIES: dict[str, Family] = {
    "fbeta": Family(_fbeta, "above 0", lambda beta: 0 < beta < math.inf, 2.0),
    "precision_at_recall": Family(
        _precision_at_recall, "above 0 and up to 1", lambda recall: 0 < recall <= 1, 0.9
    ),
    "huber": Family(_huber, "above 0", lambda delta: 0 < delta < math.inf, 1.0, optional=True),
    "quantile": Family(
        _quantile,
        "between 0 and 1",
        lambda share: 0 < share < 1,
        0.5,
        optional=True,
    ),
    "precision_at_k": Family(_precision_at_k, _LENGTH, _is_length, 0.1),
    "profit_at_k": Family(_profit_at_k, _LENGTH, _is_length, 0.1),
    "profit": Family(
        _profit, "of 0 or more, what acting costs", lambda price: 0 <= price < math.inf, 5.0
    ),
    "ndcg_at_k": Family(
        _ndcg_at_k,
        "of places, a whole one of 1 or more",
        lambda places: 1 <= places < math.inf and places == int(places),
        10.0,
    ),
    "equal_opportunity": Family(_equal_opportunity, "from 0 to below 1", _is_gap, 0.02),
    "equal_opportunity_f1": Family(
        functools.partial(_equal_opportunity, f1=True), "from 0 to below 1", _is_gap, 0.02
    ),
}
"""By name."""


def numbered(family: str, number: float) -> str:
    """The name of one of a family."""
    return f"{family}:{number!r}".removesuffix(".0")
