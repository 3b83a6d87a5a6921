"""Is a network better than one answer for all rows, and does it know more than rows by heart?

The baseline answers every row alike: with the shares of the classes or always one of them, with the
mean or the median of the numbers, or the quantile that is asked for; of these the one that is best
on the training rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from gradless._core import words
from gradless._core.tree import Params
from gradless.objectives import Measure, families
from gradless.runs.prepared import Judged, Prepared

_CLASSES = 10  # with more of them, only the most frequent one is tried
_SURE = 30.0  # an output by which a class has all of the probability
_GAP = 0.25
"""Of the way from the baseline to what is perfect: what is lost from training rows to new ones."""


class Baseline(NamedTuple):
    """One answer for all rows."""

    answer: str
    train: Judged
    test: Judged | None
    given: npt.NDArray[np.float64] = np.empty(0)  # probabilities (classes,), or a number (1,)

    def of(self, rows: int) -> npt.NDArray[np.float64]:
        """Its answers to so many rows: probabilities (rows, classes), or numbers (rows,)."""
        return (
            np.tile(self.given, (rows, 1)) if len(self.given) > 1 else np.repeat(self.given, rows)
        )


def baseline(prepared: Prepared) -> Baseline | None:
    """The best answer that is the same for all rows; None if the objective has no value for it."""
    train, objective = prepared.train, prepared.problem.objective
    found = None
    for answer, outputs, given in _answers(prepared):
        params = _constant(prepared, outputs)
        judged = prepared.judge(params, train)
        if not np.isfinite(judged.value):
            continue
        if found is None or objective.value(judged.value) < objective.value(found[1].value):
            found = answer, judged, params, given
    if found is None:
        return None
    answer, judged, params, given = found
    test = None if prepared.test is None else prepared.judge(params, prepared.test)
    return Baseline(answer, judged, test, given)


def _answers(
    prepared: Prepared,
) -> Iterator[tuple[str, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Answers in words, as outputs of the network in the units of the search, and as given."""
    train = prepared.train
    if train.class_names is None:
        targets = train.targets.astype(np.float64)
        scale, shift = prepared.outputs or (np.ones(1), np.zeros(1))
        middles = [("mean", targets.mean()), ("median", np.median(targets))]
        share = families.share_of_quantile(prepared.problem.objective.name)
        if share is not None and share != 0.5:
            value = np.quantile(targets, share, method="inverted_cdf")
            middles.append((f"{share:g} quantile", value))
        for name, value in middles:
            shown = words.among(float(value), float(np.ptp(targets)))
            output = (value - shift) / np.where(scale > 0, scale, 1.0)
            yield f"the {name}, {shown}", output, np.array([value], np.float64)
        return
    shares = class_shares(prepared)
    yield "the shares of the classes", np.log(np.maximum(shares, 1e-12)), shares
    classes = range(len(shares)) if len(shares) <= _CLASSES else [int(shares.argmax())]
    for one in classes:
        chosen = np.arange(len(shares)) == one
        yield f"{train.class_names[one]!r}", np.where(chosen, _SURE, 0.0), chosen.astype(np.float64)


def class_shares(prepared: Prepared) -> npt.NDArray[np.float64]:
    """Share of each class in the training rows, (classes,)."""
    targets, names = prepared.train.targets, prepared.train.class_names or ()
    return np.bincount(targets, minlength=len(names)) / len(targets)


def _constant(prepared: Prepared, outputs: npt.NDArray[np.float64]) -> Params:
    """A network of the search that answers the same always: all zeros but the last biases."""
    zeros: Any = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), prepared.params)
    *layers, last = zeros
    return (*layers, last._replace(biases=outputs.astype(np.float32)))


# --- In words -------------------------------------------------------------------------------------


def verdicts(
    objective: Measure,
    train: float,
    test: float | None,
    simple: Baseline | None,
    *,
    by_heart: bool = True,
) -> list[str]:
    """What the figures of a network say that a person might overlook; none if all is well.

    Parameters
    ----------
    objective
        What the figures are of.
    train, test
        Of the network on training and test rows; None without test rows.
    simple
        The baseline.
    by_heart
        Whether to look for a network that has learnt its rows by heart; one whose penalty was
        chosen by cross-validation fits them better, too, but no better than is good.
    """
    if simple is None or test is None or simple.test is None:
        return []
    perfect = objective.best_loss
    on_train, on_test = objective.value(simple.train.value), objective.value(simple.test.value)
    losses = objective.value(train), objective.value(test)
    said = []
    if not losses[1] < on_test:
        said.append(
            f"On new rows it is no better than one answer for all of them ({simple.answer}): "
            f"{objective.quantity} {words.loss(test)} against {words.loss(simple.test.value)}."
        )
    ways = on_train - perfect, on_test - perfect
    if min(ways) > 0 and by_heart:
        reached = [(simple - loss) / way for simple, loss, way in zip(
            (on_train, on_test), losses, ways, strict=True
        )]  # fmt: skip
        # Among rows that spread less, a network that is worse than it was may still have less loss.
        if not reached[0] - reached[1] <= _GAP and not losses[1] <= losses[0]:
            said.append(
                "It fits the rows that it was trained on far better than new ones: "
                f"{objective.quantity} {words.loss(train)} against {words.loss(test)}."
            )
    return said


def unseen(objective: Measure, value: float | None, simple: Baseline | None) -> list[str]:
    """What cross-validation says where there are no test rows; none if it says nothing bad.

    Parameters
    ----------
    objective, simple
        As for :func:`verdicts`.
    value
        Of networks on rows that they had not seen; None without cross-validation.
    """
    if value is None or simple is None:
        return []
    if objective.value(value) < objective.value(simple.train.value):
        return []
    return [
        f"In cross-validation it is no better than one answer for all rows ({simple.answer}): "
        f"{objective.quantity} {words.loss(value)} against {words.loss(simple.train.value)}."
    ]
