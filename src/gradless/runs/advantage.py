"""Is a network better than something simpler, or was it lucky with the rows of the test?

Both are measured on the same resamples of the test rows (a paired bootstrap; Efron and Tibshirani,
"An Introduction to the Bootstrap", 1993, chapter 13): the difference is much less a matter of luck
than each of the two figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core import words
from gradless.objectives import Measure
from gradless.objectives.quality import LEVEL
from gradless.runs.scoring import Scoring, drawn

_RESAMPLES, _FEWEST, _DRAWN = 500, 50, 2_000_000


class Advantage(NamedTuple):
    """How much less loss a network has than something else, with its 95 % interval.

    Above 0 the network is better; of an objective of which more is better, in its values.
    """

    value: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether the interval is on the side of the network."""
        return self.low > 0

    @property
    def is_lost(self) -> bool:
        """Whether it is on the other side."""
        return self.high < 0

    def as_json(self) -> dict[str, float]:
        """Value and interval."""
        return self._asdict()


def advantages(
    test: Scoring, network: npt.NDArray[np.floating], *others: npt.NDArray[np.floating] | None
) -> list[Advantage | None]:
    """Of a network over others on test rows; None where there is no value.

    Parameters
    ----------
    test
        The objective on these rows.
    network, others
        Outputs (rows, outputs), numbers in the units of the target; None for nothing.
    """
    resamples = int(np.clip(_DRAWN // test.rows, _FEWEST, _RESAMPLES))
    # The rows themselves come first.
    counts = np.concatenate([np.ones((1, test.rows), np.float32), drawn(test.rows, resamples)])
    sign = 1.0 if test.objective.greater_is_better else -1.0
    ours = sign * test.resampled(network, counts)
    return [
        None if other is None else _between(ours - sign * test.resampled(other, counts))
        for other in others
    ]


def _between(differences: npt.NDArray[np.float64]) -> Advantage | None:
    value, resampled = float(differences[0]), differences[1:]
    known = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or len(known) < _FEWEST / 2:
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1 - tail]).tolist()
    return Advantage(value, low, high)


def verdicts(
    objective: Measure, test: float, over: list[tuple[str, float, Advantage | None]]
) -> Iterator[str]:
    """What the advantages of a network say that a person might overlook; nothing if all is well.

    Parameters
    ----------
    objective
        What the figures are of.
    test
        Of the network on the test rows.
    over
        What it is compared with, in words, the value of that, and the advantage.
    """
    for name, value, advantage in over:
        figures = f"{objective.quantity} {words.loss(test)} against {words.loss(value)}"
        if advantage is None:
            continue
        by = f"{_signed(advantage.low)} to {_signed(advantage.high)}"
        if advantage.is_lost:
            yield f"On new rows it is worse than {name}: {figures}."
        elif not advantage.value > 0:
            yield f"On new rows it is no better than {name}: {figures}."
        elif not advantage.is_sure:
            yield (
                f"That it is better than {name} may be luck: {figures}, but over resamples of the "
                f"test rows the advantage is {by}."
            )


def _signed(value: float) -> str:
    return words.loss(value) if value <= 0 else f"+{words.loss(value)}"
