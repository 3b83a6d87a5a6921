"""How is a class decided from probabilities, and how is that kept?

A rule corrects the probabilities first (a temperature, and a bias for each class), and then decides
for the largest of their logarithms plus an offset for each class. For costs of more than two
classes it is the largest expected benefit plus an offset, or, where a network is to decide by
itself, the largest of a linear map of the logarithms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError
from gradless._core.probabilities import softmax

Array = npt.NDArray[np.float64]

_FORMAT = 1
NEVER = 1e3  # an offset of a class that is never worth it
_SUM = 1e-3  # that sums of probabilities may be off by: files have few digits


@dataclass(frozen=True, eq=False)
class Decision:
    """A rule that decides for a class, given the probabilities of a model.

    Attributes
    ----------
    classes
        Labels, in the order of the probabilities.
    objective
        Name of the metric that it was chosen for.
    kind
        ``"argmax"``, ``"expected"`` (the best one if the corrected probabilities are true: Bayes'
        rule for costs), ``"shrunk"`` or ``"searched"``.
    floor
        Probabilities below it count as this one.
    temperature
        Logarithms of probabilities are divided by it.
    bias
        And this is added to them, (classes,), which gives the corrected probabilities.
    offsets
        What the decision adds to their logarithms, or to the expected benefits, (classes,).
    benefits
        What decisions bring, (true, decided), where the rule is one of expected benefits; of two
        classes they are part of the offsets.
    mixing
        What each class's logarithm adds to each decision, (classes, classes), where the rule is a
        linear map of them.
    positive
        Index of the positive one of two classes.
    price
        What each row costs that is decided positive, where what it brings differs by row.
    by_group
        What each group adds to the lead of the positive class, where groups have thresholds of
        their own.
    rows
        Of each call of :meth:`decide`, how many rows may be decided positive: those of the largest
        lead.
    """

    classes: tuple[Any, ...]
    objective: str
    kind: str
    floor: float
    temperature: float
    bias: Array
    offsets: Array
    benefits: Array | None = None
    mixing: Array | None = None
    positive: int = 1
    price: float | None = None
    by_group: Mapping[str, float] | None = None
    rows: int | None = None

    def probabilities(self, probabilities: Any) -> Array:
        """The corrected probabilities (n, classes)."""
        return softmax(self._corrected(checked(probabilities, len(self.classes))))

    def scores(self, probabilities: Any) -> Array:
        """What the decision is the largest of, (n, classes)."""
        logs = self._corrected(checked(probabilities, len(self.classes)))
        return self.combined(logs) + self.offsets

    def combined(self, logs: Array) -> Array:
        """What offsets are added to, of logarithms of corrected probabilities, (n, classes)."""
        if self.mixing is not None:
            return logs @ self.mixing
        return logs if self.benefits is None else softmax(logs) @ self.benefits

    def decide(
        self, probabilities: Any, *, value: Any = None, group: Any = None
    ) -> npt.NDArray[np.intp]:
        """Index of the class decided for, (n,).

        Parameters
        ----------
        probabilities
            Of the model, (n, classes).
        value
            What each row brings if it is positive and found, (n,), for a rule with a ``price``.
        group
            Of each row, (n,), for a rule with thresholds by group.

        Raises
        ------
        InputError
            If they are no probabilities of these classes, or values or groups do not fit the rule.
        """
        added = self.added(len(np.asarray(probabilities)), value, group)
        return self.chosen(self.scores(probabilities), added, self.rows)

    def chosen(
        self, scores: Array, added: Array | None = None, rows: int | None = None
    ) -> npt.NDArray[np.intp]:
        """Classes of the largest scores, with what rows add to the lead of the positive class.

        Of more positive ones than ``rows``, those of the largest lead.
        """
        if added is not None:
            scores = scores.copy()
            scores[:, self.positive] += added
        decided = scores.argmax(1)
        if rows is not None and (found := np.flatnonzero(decided == self.positive)).size > rows:
            lead = scores[found, self.positive] - scores[found, 1 - self.positive]
            decided[found[np.argsort(-lead, kind="stable")[rows:]]] = 1 - self.positive
        return decided

    def added(self, count: int, value: Any, group: Any) -> Array | None:
        """What each of so many rows adds to the lead of the positive class; None for nothing."""
        for name, given, used in (
            ("value", value, self.price is not None),
            ("group", group, self.by_group is not None),
        ):
            if not used:  # a largest probability looks at nothing else
                continue
            if given is None:
                raise InputError(f"the rule must have a {name} for each row of probabilities")
            if np.shape(given) != (count,):
                raise InputError(
                    f"there must be one {name} for each row of probabilities, got "
                    f"{np.shape(given)} for {count} rows"
                )
        if self.price is not None:
            return worth(value, self.price)
        if self.by_group is None:
            return None
        names = np.asarray(group).astype(str)
        unknown = np.setdiff1d(names, list(self.by_group))
        if len(unknown):
            raise InputError(
                f"the group must be one of {', '.join(self.by_group)}, got {str(unknown[0])!r}"
            )
        return np.array([self.by_group[name] for name in names], np.float64)

    def _corrected(self, probabilities: Array) -> Array:
        return logarithms(probabilities, self.floor) / self.temperature + self.bias

    @property
    def logit_offsets(self) -> Array | None:
        """What to add to the logits of a network for the largest one to be this decision.

        (classes,), with a mean of 0; None for expected benefits of more than two classes and for
        maps, which are no such rules.
        """
        if self.benefits is not None or self.mixing is not None:
            return None
        added = self.temperature * (self.bias + self.offsets)
        return added - added.mean()

    def folded(self, weights: Any, biases: Any) -> tuple[Array, Array]:
        """A network's last layer that decides by this rule: the largest of its outputs.

        Parameters
        ----------
        weights, biases
            Of the layer that gives logits, (inputs, classes) and (classes,).

        Raises
        ------
        InputError
            If it is a rule of expected benefits.
        """
        if self.benefits is not None:
            raise InputError("a rule of expected benefits is no layer of a network")
        if self.mixing is None:
            return weights / self.temperature, biases / self.temperature + self.bias + self.offsets
        biases = (biases / self.temperature + self.bias) @ self.mixing + self.offsets
        return weights @ self.mixing / self.temperature, biases

    @property
    def threshold(self) -> float | None:
        """Of two classes, the model's probability above which the second one is decided for."""
        added = self.logit_offsets
        if added is None or len(added) != 2 or self.by_group or self.price is not None:
            return None
        return float(1 / (1 + math.exp(min(max(added[1] - added[0], -700), 700))))

    @property
    def group_thresholds(self) -> dict[str, float] | None:
        """Of each group, the model's probability above which the positive class is decided for."""
        if self.by_group is None:
            return None
        own, other = self.positive, 1 - self.positive
        lead = self.bias[own] - self.bias[other] + self.offsets[own] - self.offsets[other]
        logits = {name: self.temperature * (lead + more) for name, more in self.by_group.items()}
        return {
            name: 1 / (1 + math.exp(min(max(logit, -700), 700))) for name, logit in logits.items()
        }

    def as_json(self) -> dict[str, Any]:
        """All of it, for a file."""
        return {
            "format": _FORMAT,
            "classes": [
                getattr(label, "item", lambda label=label: label)() for label in self.classes
            ],
            "objective": self.objective,
            "kind": self.kind,
            "floor": self.floor,
            "temperature": self.temperature,
            "bias": self.bias.tolist(),
            "offsets": self.offsets.tolist(),
            "benefits": None if self.benefits is None else self.benefits.tolist(),
            "mixing": None if self.mixing is None else self.mixing.tolist(),
            "positive": self.positive,
            "price": self.price,
            "by_group": None if self.by_group is None else dict(self.by_group),
            "rows": self.rows,
            "threshold": self.threshold,
            "group_thresholds": self.group_thresholds,
        }

    @classmethod
    def from_json(cls, facts: Any) -> Decision:
        """The rule that :meth:`as_json` gave.

        Raises
        ------
        InputError
            If it is none.
        """
        try:
            if facts["format"] != _FORMAT:
                raise ValueError
            benefits, mixing = facts["benefits"], facts.get("mixing")
            made = cls(
                tuple(facts["classes"]),
                str(facts["objective"]),
                str(facts["kind"]),
                float(facts["floor"]),
                float(facts["temperature"]),
                np.asarray(facts["bias"], np.float64),
                np.asarray(facts["offsets"], np.float64),
                None if benefits is None else np.asarray(benefits, np.float64),
                None if mixing is None else np.asarray(mixing, np.float64),
                int(facts.get("positive", 1)),
                None if facts.get("price") is None else float(facts["price"]),
                facts.get("by_group"),
                None if facts.get("rows") is None else int(facts["rows"]),
            )
            if not made._fits():
                raise ValueError
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(
                "a rule must be the JSON object that gradless decide --out wrote, got another one"
            ) from None
        return made

    def _fits(self) -> bool:
        count = len(self.classes)
        if count < 2 or not self.bias.shape == self.offsets.shape == (count,):
            return False
        numbers = [np.array([self.floor, self.temperature]), self.bias, self.offsets]
        for matrix in (self.benefits, self.mixing):
            if matrix is not None:
                if matrix.shape != (count, count):
                    return False
                numbers.append(matrix.ravel())
        if self.by_group is not None:
            numbers.append(np.array(list(self.by_group.values()), np.float64))
        numbers.append(np.array([self.price or 0.0, self.rows or 0, self.positive], np.float64))
        finite = np.isfinite(np.concatenate(numbers)).all() and 0 <= self.positive < count
        return bool(finite and self.floor > 0 and self.temperature > 0)

    def save(self, path: str | Path, **more: Any) -> None:
        """Write it to a file as JSON, with ``more`` beside it.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        from gradless._core import storage  # noqa: PLC0415 - loads JAX, which nothing else needs

        text = json.dumps(self.as_json() | more, indent=2, allow_nan=False)
        try:
            storage.write_bytes(Path(path), f"{text}\n".encode())
        except OSError as error:
            raise storage.unwritable(Path(path), error) from None

    @classmethod
    def load(cls, path: str | Path) -> Decision:
        """Read it from such a file.

        Raises
        ------
        InputError
            If there is no such file, or it holds no rule.
        """
        try:
            facts = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror})") from None
        except ValueError:
            raise InputError(
                f"{path} must be the JSON of a rule, got another kind of file"
            ) from None
        return cls.from_json(facts)


def worth(value: Any, price: float) -> Array:
    """What values of rows (n,) add to the lead of the positive class, so that 0 is break-even.

    Raises
    ------
    InputError
        If a value is no finite number.
    """
    try:
        values = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise InputError("values must be finite numbers, one for each row")
    pays = values > price
    return np.where(pays, np.log(np.where(pays, values - price, 1.0) / price), -NEVER)


def logarithms(probabilities: Array, floor: float) -> Array:
    """Logarithms of probabilities, none of which counts as less than ``floor``."""
    return np.log(np.maximum(probabilities, floor))


def checked(probabilities: Any, classes: int | None = None) -> Array:
    """Probabilities (n, classes) as float64, each row with a sum of 1.

    Raises
    ------
    InputError
        If they are no such numbers, with the first row that is wrong.
    """
    try:
        given = np.asarray(probabilities, np.float64)
    except (TypeError, ValueError):
        raise InputError("probabilities must be numbers (n, classes), got other values") from None
    if given.ndim != 2 or given.shape[1] < 2 or given.shape[1] != (classes or given.shape[1]):
        wanted = f"(n, {classes})" if classes else "(n, classes), two or more"
        raise InputError(f"probabilities must be of shape {wanted}, got {given.shape}")
    if not len(given):
        raise InputError("probabilities must be of one row or more, got none")
    finite = np.isfinite(given).all(1)
    inside = (given >= 0).all(1) & (given <= 1 + _SUM).all(1)
    sums = given.sum(1)
    for fine, what in (
        (finite, "finite numbers"),
        (inside, "from 0 to 1"),
        (np.abs(sums - 1) <= _SUM, "numbers with a sum of 1 in each row"),
    ):
        if not fine.all():
            row = int(np.argmin(fine))
            shown = ", ".join(f"{value:.4g}" for value in given[row, :6])
            raise InputError(f"probabilities must be {what}, got {shown} in row {row + 1}")
    return given / sums[:, None]
