"""Which metric of decisions is meant by an objective?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core import words
from gradless._core.errors import InputError, unknown_name
from gradless._core.scorers import lacks_positive
from gradless.training.decisions import counted
from gradless.training.decisions.counted import Metric

_COST_MATRIX = ("cost_matrix", "costs")  # families of objectives of a table
_MOST_TESTED = 20  # classes for which a function is tried for being linear


def metric_of(
    objective: Any,
    classes: Sequence[Any] | npt.NDArray[Any],
    *,
    positive: Any = None,
    costs: Any = None,
    value: float | None = None,
    cost: float | None = None,
    greater_is_better: bool | None = None,
) -> Metric:
    """The metric of decided classes that an objective means.

    Parameters
    ----------
    objective
        A name in ``counted.NAMES``, as in ``gradless.objectives``; a name of scikit-learn's scorers
        of predicted labels, or such a scorer; an ``Objective``; or a function (y_true,
        y_predicted), with ``greater_is_better``. None for ``"cost"`` where ``costs`` are
        given, ``"profit"`` where ``value`` or ``cost`` are, and otherwise for ``"f1"``.
    classes
        Labels in the order of the probabilities.
    positive
        Of two classes, the one that F1 and profit are of; by default the second.
    costs
        (true, decided) in the order of ``classes``, or a mapping {(true, decided): cost}, 0 for
        what it leaves out.
    value, cost
        Of ``"profit"``: what a positive that is found brings, and what each row costs that is
        decided positive (0 unless given).
    greater_is_better
        Direction of a function.

    Raises
    ------
    InputError
        If there is no such metric of decisions, or it lacks numbers.
    """
    labels = list(classes)
    if objective is None:
        paid = value is not None or cost is not None
        objective = "cost" if costs is not None else "profit" if paid else "f1"
    name = words.alike(objective) if isinstance(objective, str) else ""
    if costs is not None or name == "cost":
        return _of_costs(name, objective, costs, labels)
    index = positive_index(positive, labels)
    if value is not None or cost is not None or name == "profit":
        if name != "profit":
            raise InputError(
                f"value and cost are numbers of the objective 'profit', got {objective!r}; "
                "remove them or give objective='profit'"
            )
        if len(labels) != 2:
            raise InputError(
                f"objective 'profit' must be of two classes, got {len(labels)}; give costs as a "
                "matrix"
            )
        if value is None:
            raise InputError(
                "objective 'profit' must have a value, what a positive that is found brings, got "
                "none. For example: value 100, cost 5"
            )
        return counted.profit(float(value), float(cost or 0), index)
    if isinstance(objective, str):
        return _by_name(objective, labels, index)
    return _given(objective, labels, index, greater_is_better)


def positive_index(positive: Any, classes: Sequence[Any]) -> int:
    """Index of the positive class, by default that of the second one."""
    if positive is None:
        return 1
    labels = list(classes)
    if len(labels) != 2:
        raise InputError(
            f"a positive class must be one of two classes, got {positive!r} with {len(labels)}"
        )
    if positive in labels:
        return labels.index(positive)
    if str(positive) in map(str, labels):
        return [str(label) for label in labels].index(str(positive))
    known = ", ".join(map(str, labels))
    raise InputError(f"the positive class must be one of {known}, got {positive!r}")


def _of_costs(name: str, objective: Any, costs: Any, labels: list[Any]) -> Metric:
    if costs is None:
        raise InputError(
            "objective 'cost' must have costs, a matrix (true classes, decided classes), got none. "
            "For example: [[0, 1], [5, 0]]"
        )
    if name != "cost":
        raise InputError(
            f"costs are numbers of the objective 'cost', got {objective!r}; remove them or give "
            "objective='cost'"
        )
    matrix = _matrix(costs, labels) if isinstance(costs, Mapping) else costs
    made = counted.mean_benefit("cost", matrix, as_cost=True)
    if made.benefits is not None and len(made.benefits) != len(labels):
        raise InputError(
            f"costs must be of shape ({len(labels)}, {len(labels)}) for {len(labels)} classes, got "
            f"{made.benefits.shape}"
        )
    if made.benefits is not None and (made.benefits == made.benefits[:, :1]).all():
        raise InputError(
            "costs must differ between the decisions for one true class at least, got "
            f"{(-made.benefits + 0.0).tolist()}. For example: [[0, 1], [5, 0]]"
        )
    return made


def _matrix(costs: Mapping[Any, Any], labels: list[Any]) -> npt.NDArray[np.float64]:
    made = np.zeros((len(labels), len(labels)))
    for pair, value in costs.items():
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise InputError(
                f"costs must be of pairs (true, decided), got {pair!r}. For example: "
                f"{{({labels[1]!r}, {labels[0]!r}): 5}}"
            )
        for label in pair:
            if label not in labels:
                known = ", ".join(map(str, labels))
                raise InputError(f"costs must be of the classes {known}, got {label!r}")
        made[labels.index(pair[0]), labels.index(pair[1])] = _cost(value, pair)
    return made


def _cost(value: Any, pair: tuple[Any, Any]) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"costs must be finite numbers, got {value!r} of {pair!r}")
    return number


def _table(name: str, text: str) -> Any:
    """The costs in a name as that of an Objective, in the order of the classes."""
    try:
        return json.loads(text)
    except ValueError:
        raise InputError(
            f"objective {name!r} must be a matrix of numbers. For example: "
            "cost_matrix:[[0,1],[5,0]]"
        ) from None


def _by_name(name: str, labels: list[Any], positive: int) -> Metric:
    """Of a name here or in scikit-learn."""
    if (made := counted.named(name, positive, len(labels))) is not None:
        return made
    family, colon, table = name.partition(":")
    if colon and words.alike(family) in _COST_MATRIX:
        return _of_costs("cost", "cost", _table(name, table), labels)
    from sklearn.metrics import get_scorer, get_scorer_names  # noqa: PLC0415 - loads in seconds

    if name not in get_scorer_names():
        raise unknown_name("metric of decisions", name, counted.NAMES)
    return _of_scorer(get_scorer(name), name, labels, positive)


def _given(objective: Any, labels: list[Any], positive: int, greater: bool | None) -> Metric:
    if hasattr(objective, "_score_func"):
        return _of_scorer(objective, None, labels, positive)
    if hasattr(objective, "of_samples"):  # an Objective
        return _of_objective(objective, labels, positive)
    if not callable(objective):
        raise InputError(
            f"objective must be a name, a scorer or a function, got {objective!r}. For example: "
            f"{', '.join(counted.NAMES[:4])}"
        )
    if greater is None:
        raise InputError(
            "a function as objective needs a direction. For example: greater_is_better=True"
        )
    return _of_labels(objective, labels, greater)


def _of_scorer(scorer: Any, name: str | None, labels: list[Any], positive: int) -> Metric:
    """Of a scorer of scikit-learn, if it is one of predicted labels."""
    method = getattr(scorer, "_response_method", "predict")
    if method != "predict":
        raise InputError(
            f"objective must be a scorer of predicted labels, got one of {method}: no decision "
            f"changes it. For example: {', '.join(counted.NAMES[:4])}"
        )
    function, given = scorer._score_func, dict(scorer._kwargs)
    if len(labels) == 2 and lacks_positive(function, given):
        given["pos_label"] = labels[positive]

    def score(true: Any, decided: Any, sample_weight: Any = None) -> float:
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(scorer._sign * function(true, decided, **given, **weight))

    weighs = counted.takes_weights(function)
    told = name or getattr(function, "__name__", "metric")
    unweighted = lambda true, decided: score(true, decided)  # noqa: E731
    made = _of_labels(score if weighs else unweighted, labels, True, told)
    try:
        made.of(np.ones((1, len(labels), len(labels))))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"objective must be a scorer of labels such as {labels[0]!r}, got {told!r} "
            f"({' '.join(str(error).split())}). For example: {', '.join(counted.NAMES[:4])}"
        ) from None
    return made


def _of_objective(objective: Any, labels: list[Any], positive: int) -> Metric:
    """Of an Objective, by its name if it is known here, else by its own function."""
    count = len(labels)
    if (made := counted.named(objective.name, positive, count)) is not None:
        return made
    if getattr(objective, "needs", ()):
        raise InputError(
            f"objective must be one of true and decided classes alone, got {objective.name!r}, "
            f"which needs {words.either(list(objective.needs), 'and')} of each row"
        )
    objective.check("classification", count)
    likely = np.eye(count, dtype=np.float32) * 20

    def score(true: Any, decided: Any, sample_weight: Any) -> float:
        return float(objective(likely[decided], np.asarray(true), sample_weight))

    made = counted.of_function(score, range(count), objective.greater_is_better, objective.name)
    return _linear(made, count)


def _of_labels(
    function: Callable[..., Any], labels: list[Any], greater: bool, name: str | None = None
) -> Metric:
    made = counted.of_function(function, labels, greater, name)
    return _linear(made, len(labels))


def _linear(metric: Metric, classes: int) -> Metric:
    """The same metric, known as a sum or a mean of benefits if it is one.

    Then Bayes' rule is known as well, and values of many tables cost nothing.
    """
    if classes > _MOST_TESTED:
        return metric
    cells = np.eye(classes**2).reshape(-1, classes, classes)
    generator = np.random.default_rng(0)
    tables = generator.integers(1, 9, (4, classes, classes)).astype(np.float64)
    try:
        alone = metric.of(2 * cells).reshape(classes, classes)
        values = metric.of(tables)
    except Exception:  # not of one row alone: then it is no sum of rows
        return metric
    if not np.isfinite(alone).all():
        return metric
    nothing = 1e-9 * float(np.abs(values).max())  # in whatever unit the values are
    for total in (True, False):
        benefits = alone / 2 if total else alone
        sums = (tables * benefits).sum((1, 2))
        expected = sums if total else sums / tables.sum((1, 2))
        if np.allclose(values, expected, rtol=1e-6, atol=nothing):
            return counted.mean_benefit(
                metric.name, benefits, as_cost=not metric.greater_is_better, total=total
            )
    return metric
