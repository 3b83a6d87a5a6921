"""Which columns does a network need, and what does it make of them?

A column's importance is how much worse the objective becomes when its values are shuffled among the
rows (Breiman, "Random Forests", 2001, section 10, by scikit-learn's ``permutation_importance``).
Its dependence is the mean answer to rows of which all have one value there (Friedman, "Greedy
Function Approximation", 2001, section 8.2). All inputs that are made of a column change together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core.probabilities import softmax
from gradless.data import inputs
from gradless.objectives.quality import LEVEL
from gradless.runs.network import Network
from gradless.runs.prepared import Prepared
from gradless.runs.scoring import Scoring, drawn

Array = npt.NDArray[np.float64]

_ROWS, _REPEATS, _FEWEST = 2_000, 5, 3
_RESAMPLES = 100
_WORK = 2e9  # multiplications of networks
_SHOWN, _POINTS, _CATEGORIES = 3, 20, 8
_AVERAGED = 500
_MARKS = 25
_MIDDLE = (0.02, 0.98)  # of the values, what is drawn


class Importance(NamedTuple):
    """Of one column: how much the objective loses without it, with a 95 % interval."""

    column: int
    name: str
    value: float
    low: float
    high: float


class Dependence(NamedTuple):
    """What a network answers if all rows have one value in a column.

    Attributes
    ----------
    name
        Of the column.
    values : float64, shape (points,), or tuple of str
        Numbers, or categories.
    answers : float64, shape (points, outputs)
        The mean over the rows of probabilities of classes, or of the number.
    seen : float64, shape (points,)
        Of numbers, some values that are about as many training rows apart.
    """

    name: str
    values: Array | tuple[str, ...]
    answers: Array
    seen: Array


class _Shuffled:
    """The network for scikit-learn, on rows of indices: what row a column's value is taken from."""

    def __init__(
        self, network: Network, features: npt.NDArray[Any], groups: list[list[int]]
    ) -> None:
        self._network, self._inputs, self._groups = network, features, groups

    def fit(self, *_: Any) -> None:
        """It is fitted."""

    def outputs(self, rows: npt.NDArray[np.intp]) -> Array:
        changed = self._inputs.copy()
        for column in np.flatnonzero((rows != np.arange(len(rows))[:, None]).any(0)):
            group = self._groups[column]
            changed[:, group] = self._inputs[rows[:, column]][:, group]
        return self._network.outputs_of_inputs(changed).astype(np.float64)


def importances(network: Network, prepared: Prepared) -> list[Importance]:
    """Of all columns, the most important one first; nothing where it would take long.

    On test rows, or training rows if there are none, at most some thousands.

    Parameters
    ----------
    network
        The network.
    prepared
        Its run.
    """
    from sklearn.inspection import permutation_importance  # noqa: PLC0415 - loads in seconds

    data = prepared.test or prepared.train
    columns, size = len(prepared.table), prepared.model.n_parameters
    groups = inputs.of_columns(prepared.preprocessing, columns)
    rows = rows_used(prepared)
    if rows < min(data.n_samples, 100):
        return []
    chosen = np.sort(np.random.default_rng(0).permutation(data.n_samples)[:rows])
    extras = {name: values[chosen] for name, values in (data.extras or {}).items()}
    data = dataclasses.replace(
        data, features=data.features[chosen], targets=data.targets[chosen], extras=extras or None
    )
    scoring, counts = Scoring(prepared, data), drawn(rows, _RESAMPLES)
    counts = np.concatenate([np.ones((1, rows), np.float32), counts])
    shuffled = _Shuffled(network, np.asarray(data.features), groups)
    sign = 1.0 if scoring.objective.greater_is_better else -1.0
    if not np.isfinite(network.outputs_of_inputs(data.features)).all():
        return []

    def score(model: _Shuffled, rows: Any, _: Any) -> dict[str, float]:
        values = sign * scoring.resampled(model.outputs(rows), counts)
        return {str(k): float(value) for k, value in enumerate(values)}

    found = permutation_importance(
        shuffled,
        np.tile(np.arange(rows)[:, None], (1, columns)),
        data.targets,
        scoring=score,
        n_repeats=int(np.clip(_WORK / (rows * columns * size), _FEWEST, _REPEATS)),
        random_state=0,
    )
    means = np.stack([found[str(k)].importances_mean for k in range(len(counts))])
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(means[1:], [tail, 1 - tail], axis=0)
    order = np.argsort(-means[0], kind="stable")
    names = [column.name for column in prepared.table]
    return [
        Importance(int(k), names[k], float(means[0][k]), float(low[k]), float(high[k]))
        for k in order
    ]


def dependences(
    network: Network, prepared: Prepared, importance: Sequence[Importance]
) -> list[Dependence]:
    """What the network makes of the most important columns, three at most.

    Parameters
    ----------
    network, prepared
        The network and its run.
    importance
        Of its columns.
    """
    data = prepared.test or prepared.train
    rows = np.random.default_rng(0).permutation(data.n_samples)[:_AVERAGED]
    features: npt.NDArray[np.float32] = np.asarray(data.features, np.float32)[rows]
    groups = inputs.of_columns(prepared.preprocessing, len(prepared.table))
    found: list[Dependence] = []
    for one in importance:
        if len(found) == _SHOWN:
            break
        group = groups[one.column]
        values, replaced = _values(prepared, one.column, group)
        if not len(values):
            continue
        parts = []
        for row in replaced:
            changed = features.copy()
            changed[:, group] = row
            outputs = network.outputs_of_inputs(changed).astype(np.float64)
            answers = outputs if network.class_names is None else softmax(outputs)
            parts.append(answers.mean(0))
        seen = np.empty(0)
        if not isinstance(values, tuple):
            of_column = prepared.train.features[:, group[0]]
            places = np.quantile(of_column, np.linspace(*_MIDDLE, _MARKS))
            seen = inputs.numbers(prepared.preprocessing, group[0], places)
        found.append(Dependence(one.name, values, np.stack(parts), seen))
    return found


def rows_used(prepared: Prepared) -> int:
    """How many rows are shuffled."""
    data = prepared.test or prepared.train
    most = _WORK / (_FEWEST * len(prepared.table) * prepared.model.n_parameters)
    return int(min(_ROWS, data.n_samples, most))


def _values(
    prepared: Prepared, column: int, group: list[int]
) -> tuple[Array | tuple[str, ...], npt.NDArray[np.floating]]:
    """Values of a column, and the inputs that are made of each, (values, inputs).

    None of what is neither one number nor one input for each category, such as a date.
    """
    seen = np.asarray(prepared.train.features, np.float64)[:, group]
    about = prepared.table[column]
    names = [prepared.train.feature_names[k] for k in group]
    if about.kind == "category" and all(name.startswith(f"{about.name} = ") for name in names):
        most = np.sort(np.argsort(-seen.sum(0), kind="stable")[:_CATEGORIES])
        shown = tuple(names[k].removeprefix(f"{about.name} = ") for k in most)
        return shown, np.eye(len(group), dtype=np.float32)[most]
    if about.kind != "number" or len(group) > 2:
        return (), seen[:0]
    # Where a value was missing, the input is the median; the indicator, if there is one, is 0.
    low, high = np.quantile(seen[:, 0], _MIDDLE)
    different = np.unique(seen[:, 0])
    different = different[(different >= low) & (different <= high)]
    points = different if len(different) <= _POINTS else np.linspace(low, high, _POINTS)
    replaced = np.zeros((len(points), len(group)), np.float32)
    replaced[:, 0] = points
    return inputs.numbers(prepared.preprocessing, group[0], points), replaced
