"""What does a network that learns bit by bit not forget?

Trained on the newest samples alone, it would learn these by heart and lose the others. So it is
trained on them together with a sample of those before, each of which is equally likely to be in it
(Vitter, "Random sampling with a reservoir", 1985). Of samples that are not there any more, the
network itself remembers the answers (Robins, "Catastrophic forgetting, rehearsal and
pseudorehearsal", 1995): it is asked about features drawn from what is known of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless.data.scaling import Moments

_ROWS = 1000
_NUMBERS = 2**20


class Remembered(NamedTuple):
    """Samples seen before.

    Attributes
    ----------
    features
        (samples, features), float64.
    outputs
        Indices of classes (samples,), labels (samples, labels), or numbers (samples, outputs).
    weight
        How much each sample counts, (samples,).
    seen
        How many samples these were chosen from.
    """

    features: npt.NDArray[np.float64]
    outputs: npt.NDArray[Any]
    weight: npt.NDArray[np.float64]
    seen: int

    @classmethod
    def none_of(cls, features: Any, outputs: Any, weight: Any) -> Remembered:
        """Nothing yet, of samples like these."""
        return cls(features[:0], outputs[:0], weight[:0], 0)

    @classmethod
    def by_network(
        cls,
        moments: Moments,
        answers: Callable[[npt.NDArray[np.float64]], tuple[Any, Any]],
        each: int,
        seed: int,
    ) -> Remembered:
        """What a network says of features drawn from what is known of those that it was trained on.

        Parameters
        ----------
        moments
            Of the features.
        answers
            Of features, outputs as above and their weights, (samples, answers, ...).
        each
            Answers to a sample: every one of several classes, by its probability.
        seed
            Of the draw.
        """
        rng = np.random.default_rng(seed)
        columns = len(moments.mean)
        seen = max(1, round(moments.weight))
        samples = max(1, min(seen, _capacity(columns) // each))
        noise = rng.standard_normal((samples, columns))
        features = moments.mean + moments.deviation * noise
        outputs, weight = answers(features)
        flat = outputs.reshape(samples * each, *outputs.shape[2:])
        return cls(features.repeat(each, 0), flat, weight.reshape(-1), seen)

    def and_of(self, given: tuple[Any, Any, Any], seed: int) -> Remembered:
        """These and new ones, of which as many are kept as there is room for.

        ``given`` are their features, outputs and weights.
        """
        kept = [np.copy(each) for each in self[:3]]
        room = max(0, _capacity(given[0].shape[1]) - len(kept[0]))
        kept = [np.concatenate([old, new[:room]]) for old, new in zip(kept, given, strict=True)]
        later = np.arange(room, len(given[0]))
        places = np.random.default_rng(seed).integers(0, self.seen + later + 1)
        stays = places < len(kept[0])
        for old, new in zip(kept, given, strict=True):
            old[places[stays]] = new[later[stays]]  # of those for one place, the last
        return Remembered(kept[0], kept[1], kept[2], self.seen + len(given[0]))


def _capacity(columns: int) -> int:
    return max(1, min(_ROWS, _NUMBERS // max(columns, 1)))
