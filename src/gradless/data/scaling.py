"""In which units does a network see its data? Means and deviations, of numbers of any size.

All of it is in double precision: squares of 1e200 or of 1e-200 are taken in units in which they are
ordinary numbers, and a mean is taken off before anything becomes float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradless._core.errors import InputError

Array = npt.NDArray[np.float64]

_LARGEST_DEVIATION = 1e15  # in float32: sums of many squares fit
_FEW = 10.0  # samples
_WIDER = 100.0
_ROUNDING = 4 * np.finfo(np.float64).eps  # of one number that was computed in several ways


class Moments(NamedTuple):
    """What is known of columns of numbers, of which more may come.

    Attributes
    ----------
    weight
        Of all the rows.
    mean, deviation
        Of each column, (columns,). The deviation is that of the rows, not an estimate of others'.
    """

    weight: float
    mean: Array
    deviation: Array

    @classmethod
    def of(cls, values: Array, weight: Array | None = None) -> Moments:
        """Moments of rows (samples, columns) with weights (samples,), all 1 by default."""
        if weight is not None:
            values, weight = values[weight > 0], weight[weight > 0]
        unit = _unit(np.abs(values).max(axis=0))
        values = values / unit
        mean = np.average(values, axis=0, weights=weight)
        deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
        # Exactly: a mean of equal numbers may differ from them in the last digit.
        equal = (values == values[0]).all(axis=0)
        mean, deviation = np.where(equal, values[0], mean), np.where(equal, 0.0, deviation)
        total = float(len(values) if weight is None else np.sum(weight))
        return cls(total, mean * unit, deviation * unit)

    def and_of(self, others: Moments) -> Moments:
        """Moments of these rows and others (Chan, Golub and LeVeque, 1983)."""
        total = self.weight + others.weight
        share = others.weight / total
        # Halves: the difference of two large numbers is a number, too.
        apart = 2 * np.abs(others.mean / 2 - self.mean / 2)
        unit = _unit(np.max([self.deviation, others.deviation, apart], axis=0))
        squares = (
            (1 - share) * (self.deviation / unit) ** 2
            + share * (others.deviation / unit) ** 2
            + share * (1 - share) * (apart / unit) ** 2
        )
        same = self.mean == others.mean
        mean = np.where(same, self.mean, (1 - share) * self.mean + share * others.mean)
        return Moments(total, mean, np.sqrt(squares) * unit)

    @property
    def constant(self) -> npt.NDArray[np.bool_]:
        """Which columns hold one number only, but for rounding."""
        return ~(self.deviation > _ROUNDING * np.abs(self.mean))

    @property
    def spread(self) -> Array:
        """The deviation; exactly 0 for columns that hold one number only."""
        return np.where(self.constant, 0.0, self.deviation)


def mean_and_scale(values: Array, weight: Array | None = None) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of columns; 1 for those that are constant.

    Parameters
    ----------
    values
        Shape (samples, columns).
    weight
        Shape (samples,); by default all count the same.
    """
    moments = Moments.of(values, weight)
    return moments.mean, np.where(moments.constant, 1.0, moments.deviation)


def is_blurred(values: Array) -> bool:
    """Whether float32 has less than about a thousand steps for what numbers (rows,) spread over.

    NaN is left out; of one number for all rows nothing is lost.
    """
    known = values[~np.isnan(values)]
    if not len(known) or (known.astype(np.float32) == known).all():
        return False
    step = np.spacing(np.abs(known).max().astype(np.float32))
    return bool(0 < np.ptp(known) < 1000 * step)


def check_deviation(deviation: Any, what: str) -> None:
    """Refuse numbers that float32 cannot calculate with as they are.

    Parameters
    ----------
    deviation
        Standard deviations, one or several; 0 for what is constant.
    what
        Has them, for people: ``"targets"``, for example.

    Raises
    ------
    InputError
        If one is so large or so small that sums of its squares do not fit.
    """
    for each in np.ravel(deviation):
        if each != 0 and not 1 / _LARGEST_DEVIATION <= each <= _LARGEST_DEVIATION:
            raise InputError(
                f"{what} must have a standard deviation from {1 / _LARGEST_DEVIATION:g} to "
                f"{_LARGEST_DEVIATION:g}, the squares of which float32 can hold, got {each:.2g}; "
                "give them in another unit"
            )


def _unit(sizes: Array) -> Array:
    """Powers of two next to sizes of any magnitude: dividing by them rounds nothing."""
    exponents = np.frexp(np.where(sizes > 0, sizes, 1.0))[1]
    return np.ldexp(1.0, exponents - 1)


class Scales(NamedTuple):
    """What a network sees and says, in the units of a user.

    Attributes
    ----------
    mean, scale
        Inputs are (X - mean) / scale, each (features,).
    output_shift, output_scale
        Predictions are outputs times scale, plus shift, each (outputs,); None for classes. Of a
        target that is constant the scale is 0: it is predicted whatever the network says.
    """

    mean: Array
    scale: Array
    output_shift: Array | None
    output_scale: Array | None

    @classmethod
    def of(cls, features: Moments, targets: Moments | None, standardize: bool) -> Scales:
        """Scales by what is known of features and, for numbers, targets."""
        if not standardize:
            check_deviation(features.spread, "features")
            mean, scale = np.zeros_like(features.mean), np.ones_like(features.mean)
        else:
            mean, scale = features.mean, np.where(features.constant, 1.0, features.deviation)
        if targets is None:
            return cls(mean, scale, None, None)
        if standardize:
            return cls(mean, scale, targets.mean, targets.spread)
        check_deviation(targets.spread, "targets")
        shift = np.where(targets.constant, targets.mean, 0.0)
        return cls(mean, scale, shift, np.where(targets.constant, 0.0, 1.0))

    def inputs(self, X: Array) -> Array:
        """What the network sees of features (samples, features)."""
        # A feature may be far from all that were seen; in halves, its distance is a number.
        return (X / 2 - self.mean / 2) / self.scale * 2

    def targets(self, numbers: Array, unit: Array) -> Array:
        """Targets (samples, outputs) without the shift, in a unit (outputs,)."""
        assert self.output_scale is not None
        assert self.output_shift is not None
        values = (numbers / 2 - self.output_shift / 2) / unit * 2
        return np.where(self.output_scale > 0, values, 0.0)  # to the last digit

    def outputs(self, of_network: Array) -> Array:
        """What it says, in the units of the targets, (samples, outputs)."""
        if self.output_scale is None or self.output_shift is None:
            return of_network
        return of_network * self.output_scale + self.output_shift


def moved(
    layers: Sequence[tuple[Any, Any]],
    before: Scales,
    after: Scales,
    seen: tuple[Moments, Moments | None],
) -> list[tuple[Any, Any]]:
    """Layers of the network that, with other scales, says of everything the same as before.

    Parameters
    ----------
    layers
        Weights (inputs, outputs) and biases (outputs,) of each layer.
    before, after
        Scales of the network given, and of the one returned.
    seen
        What the network was trained on, features and targets. Of columns that were constant in it,
        or are a hundred times as wide now, and of a few samples, it has learnt too little to be
        worth large weights: there, weights are kept as they are.

    Returns
    -------
    list of tuple
        Weights and biases in float32.
    """
    made: list[tuple[Any, Any]] = [
        (np.float64(weights), np.float64(biases)) for weights, biases in layers
    ]
    features, targets = seen
    if features.weight < _FEW:
        return [(np.float32(weights), np.float32(biases)) for weights, biases in made]
    weights, biases = made[0]
    known = ~features.constant & (after.scale <= _WIDER * before.scale)
    scale = np.where(known, before.scale, after.scale)
    shift = after.mean / 2 - before.mean / 2
    made[0] = weights * (after.scale / scale)[:, None], biases + 2 * (shift / scale) @ weights
    if targets is not None and before.output_scale is not None and after.output_scale is not None:
        assert before.output_shift is not None
        assert after.output_shift is not None
        weights, biases = made[-1]
        known = (before.output_scale > 0) & (before.output_scale <= _WIDER * after.output_scale)
        scale = np.where(known, after.output_scale, 1.0)
        ratio = np.where(known, before.output_scale / scale, 1.0)
        shift = 2 * (before.output_shift / 2 - after.output_shift / 2) / scale
        made[-1] = weights * ratio, biases * ratio + np.where(known, shift, 0.0)
    return [(np.float32(weights), np.float32(biases)) for weights, biases in made]
