"""Metrics that are no mean over samples: from counts of classes, from ranks, from spreads.

Each comes in two steps. The first (:func:`decision`, :func:`scores`, :func:`stacked`) reduces the
outputs of a sample, (outputs, samples) or a list of rows, to as few numbers as can be, where one is
enough of shape (samples,). The second makes the value of all samples from these numbers, the
``reduced`` of its arguments. The border between them is where a compiled loop stores something; see
``Objective.judge``.

Samples count by ``targets["weight"]``, as by ``sample_weight`` in scikit-learn; one of weight 0
might as well not be there. Values are finite for whatever a minibatch may hold; where scikit-learn
or SciPy warns or says NaN, the docstring says what the value is here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradless.models.contract import FeatureRows

Targets = dict[str, Any]
"""Targets prepared for the compiled loop, every array with the samples on its last axis."""


def stacked(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """The outputs as they are, (outputs, samples)."""
    del targets
    return jnp.stack(outputs) if isinstance(outputs, list) else outputs


def decision(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """One number for each sample, from which its predicted class follows; see :func:`decided`.

    Of two classes the second one's logit minus the first one's, of more the index of the largest
    logit, the first of equal ones, as a float. For several labels, all logits.
    """
    if "labels" in targets:
        return stacked(outputs, targets)
    if len(outputs) == 2:
        return outputs[1] - outputs[0]
    largest = _over_rows(jnp.maximum, outputs)
    index = _over_rows(
        jnp.minimum,
        [jnp.where(row == largest, float(k), jnp.inf) for k, row in enumerate(outputs)]
        if isinstance(outputs, list)
        else jnp.where(outputs == largest, jnp.arange(float(len(outputs)))[:, None], jnp.inf),
    )
    return jnp.where(jnp.isfinite(largest), index, jnp.nan)


def scores(outputs: FeatureRows, targets: Targets) -> jax.Array:
    """What samples are ranked by: of two classes one number as above, otherwise all logits."""
    two = "one_hot" in targets and len(outputs) == 2
    return decision(outputs, targets) if two else stacked(outputs, targets)


def _over_rows(function: Callable[[Any, Any], jax.Array], rows: FeatureRows) -> jax.Array:
    if isinstance(rows, list):
        return functools.reduce(function, rows)
    return (rows.max if function is jnp.maximum else rows.min)(0)


def decided(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Whether each class is predicted, (classes, samples), from either reduction; NaN: none is."""
    if "labels" in targets:
        return reduced > 0
    if reduced.ndim == 2:
        reduced = decision(reduced, targets)
    if len(targets["one_hot"]) == 2:
        return jnp.stack([reduced <= 0, reduced > 0])
    return reduced == jnp.arange(len(targets["one_hot"]))[:, None]


def weighed(samples: jax.Array, targets: Targets) -> jax.Array:
    """Weighted sum over the samples, which lie on the last axis."""
    # As a product: a plain reduction becomes two more passes over the samples.
    return dot(samples, targets["weight"])


def accuracy(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Share of samples whose predicted class, or all of whose labels, are right; else NaN."""
    if "labels" in targets:
        right = jnp.where(targets["labels"] > 0, reduced > 0, reduced <= 0).all(0)
        return weighed(right.astype(jnp.float32), targets) / targets["total"]
    if "one_hot" in targets:
        return counts(reduced, targets).hits.sum() / targets["total"]
    return jnp.full((), jnp.nan)


def dot(one: jax.Array, other: jax.Array) -> jax.Array:
    """A product in full precision."""
    return jnp.matmul(one, other, precision=jax.lax.Precision.HIGHEST)


def ratio(part: jax.Array, whole: jax.Array) -> jax.Array:
    """The quotient, and 0 where it is 0 / 0."""
    return jnp.where(whole == 0, 0.0, part / jnp.where(whole == 0, 1.0, whole))


# --- From counts of classes -----------------------------------------------------------------------


class Counts(NamedTuple):
    """What these metrics need of a confusion matrix: its diagonal and its sums, each (classes,)."""

    hits: jax.Array  # weight of a class's samples that are predicted so
    predicted: jax.Array
    true: jax.Array


def counts(reduced: jax.Array, targets: Targets) -> Counts:
    """Weights of samples by class, or by label."""
    true = targets["labels"] if "labels" in targets else targets["one_hot"]
    chosen = decided(reduced, targets).astype(jnp.float32)
    return Counts(*(weighed(of, targets) for of in (chosen * true, chosen, true)))


def balanced_accuracy(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Mean of the classes' recalls; classes without samples do not count."""
    hits, _, true = counts(reduced, targets)
    return ratio(ratio(hits, true).sum(), (true > 0).sum())


def f_beta(reduced: jax.Array, targets: Targets, beta: float = 1.0) -> jax.Array:
    """F-beta of the second of two classes, and :func:`f_macro` of more classes or of labels."""
    if "one_hot" in targets and len(targets["one_hot"]) == 2:
        return _f_each(counts(reduced, targets), beta)[1]
    return f_macro(reduced, targets, beta)


def f_macro(reduced: jax.Array, targets: Targets, beta: float = 1.0) -> jax.Array:
    """Mean of the classes' F-beta.

    A class that is neither true nor predicted does not count. A label that is neither counts as 0,
    as in scikit-learn with ``zero_division=0``.
    """
    count = counts(reduced, targets)
    present = count.predicted + count.true > 0
    if "labels" in targets:
        present = jnp.ones_like(present)
    return ratio(_f_each(count, beta).sum(), present.sum())


def f_weighted(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Mean of the classes' F1, weighted by how much of each is true; 0 where nothing is."""
    count = counts(reduced, targets)
    return ratio((_f_each(count, 1.0) * count.true).sum(), count.true.sum())


def _f_each(count: Counts, beta: float) -> jax.Array:
    # (1 + beta^2) P R / (beta^2 P + R) with P = hits / predicted and R = hits / true.
    both = beta**2 * count.true + count.predicted
    return ratio((1 + beta**2) * count.hits, both)


def _agreement(reduced: jax.Array, targets: Targets) -> tuple[jax.Array, Counts]:
    """Share of hits beyond those by chance, and the shares of the classes."""
    count = Counts(*(of / targets["total"] for of in counts(reduced, targets)))
    return count.hits.sum() - (count.predicted * count.true).sum(), count


def _different(one: jax.Array, other: jax.Array) -> jax.Array:
    """Probability that two classes differ, drawn independently by these shares.

    Which is 1 - sum_k one_k other_k, but exactly 0 where only one class has a share.
    """
    return (one * (other.sum() - other)).sum()


def matthews(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Matthews' correlation coefficient for any number of classes; 0 where one class is all.

    Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient" (2004).
    """
    agreement, count = _agreement(reduced, targets)
    spread = _different(count.predicted, count.predicted) * _different(count.true, count.true)
    return ratio(agreement, jnp.sqrt(spread))


def cohen_kappa(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e); 0 at 0 / 0, where scikit-learn says NaN.

    Cohen, "A coefficient of agreement for nominal scales" (1960).
    """
    agreement, count = _agreement(reduced, targets)
    return ratio(agreement, _different(count.predicted, count.true))


# --- From ranks -----------------------------------------------------------------------------------


def place_of(score: jax.Array) -> jax.Array:
    """How many samples have a larger score, (samples,); those with equal scores share a place."""
    # As integers of the same order, one array of which sorts four times as fast as floats, or as
    # one with anything beside it. Searching for each sample's place afterwards takes less than the
    # sort, and all together less than comparing all pairs of more than about 128 samples.
    bits = jax.lax.bitcast_convert_type(jnp.where(score == 0, 0.0, -score), jnp.int32)
    keys = jnp.where(bits < 0, bits ^ 0x7FFFFFFF, bits)  # the larger, the more negative
    return jnp.searchsorted(jax.lax.sort(keys, is_stable=False), keys)


def at(place: jax.Array, weight: jax.Array) -> jax.Array:
    """Weight of all samples at each place, the best first."""
    return jnp.zeros_like(weight).at[place].add(weight)


def _ranked(
    function: Callable[..., jax.Array], reduced: jax.Array, targets: Targets
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """A function of positives' and negatives' weight at each place, for every class or label.

    Of two classes for the second only, of more for each against the rest, by probability.

    Returns
    -------
    values, positive, negative
        Each (classes,): the function's values and all weight of both sides.
    """

    def at_places(score: jax.Array, positive: jax.Array, negative: jax.Array) -> jax.Array:
        place = place_of(score)
        return function(at(place, positive), at(place, negative))

    if "labels" in targets:
        score, true = reduced, targets["labels"]
    elif reduced.ndim == 1:
        score, true = reduced[None], targets["one_hot"][1:]
    else:
        score, true = jax.nn.softmax(reduced, 0), targets["one_hot"]
    positive, negative = true * targets["weight"], (1 - true) * targets["weight"]
    values = jax.vmap(at_places)(score, positive, negative)
    return values, weighed(true, targets), weighed(1 - true, targets)


def roc_auc(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Area under the ROC curve; for more than two classes or for labels the mean of all.

    The share of pairs of a positive and a negative in which the positive has the larger score,
    equal ones counting half (Hanley and McNeil, 1982). Those without positives or negatives do not
    count, and if that is all of them, the value is 0.5; scikit-learn says NaN.
    """

    def pairs(positive: jax.Array, negative: jax.Array) -> jax.Array:
        return dot(negative, jnp.cumsum(positive) - positive / 2)

    values, positive, negative = _ranked(pairs, reduced, targets)
    defined = (positive > 0) & (negative > 0)
    mean = ratio(ratio(values, positive * negative).sum(), defined.sum())
    return jnp.where(defined.any(), mean, 0.5)


def average_precision(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Mean over the positives of the precision at their score; 0 without positives.

    Which is sum_n (R_n - R_(n-1)) P_n over all thresholds. For more than two classes or for labels
    the mean of all, also of those without positives.
    """

    def precisions(positive: jax.Array, negative: jax.Array) -> jax.Array:
        hits, misses = jnp.cumsum(positive), jnp.cumsum(negative)
        return dot(positive, ratio(hits, hits + misses))

    values, positive, _ = _ranked(precisions, reduced, targets)
    return ratio(values, positive).mean()


def precision_at_recall(reduced: jax.Array, targets: Targets, recall: float) -> jax.Array:
    """Best precision of all thresholds that find at least this share of the positives.

    Of two classes the second one is positive. 0 without positives.
    """

    def best(positive: jax.Array, negative: jax.Array) -> jax.Array:
        hits, misses = jnp.cumsum(positive), jnp.cumsum(negative)
        # Sums of weights that should be equal differ by rounding.
        enough = hits >= (1 - 1e-6) * recall * hits[-1]
        return jnp.where(enough, ratio(hits, hits + misses), 0.0).max()

    values, _, _ = _ranked(best, reduced, targets)
    return values[0]


def spearman(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Spearman's rank correlation, equal values having their mean rank; the mean over outputs.

    0 where outputs or targets are all equal; SciPy says NaN. A sample of weight 2 is two samples.
    """
    weight = targets["weight"]

    def correlation(output: jax.Array, value: jax.Array) -> jax.Array:
        given, wanted = _centered_ranks(output, weight), _centered_ranks(value, weight)
        product = jnp.sqrt(dot(weight, given**2) * dot(weight, wanted**2))
        return jnp.clip(ratio(dot(weight * given, wanted), product), -1, 1)

    return jax.vmap(correlation)(reduced, targets["values"]).mean()


def _centered_ranks(score: jax.Array, weight: jax.Array) -> jax.Array:
    """Mean ranks from -1/2 to 1/2, their mean being 0: exactly, where all are equal."""
    place = place_of(score)
    here = at(place, weight)
    up_to = jnp.cumsum(here)
    middle = up_to - here / 2 - up_to[-1] / 2
    return ratio(middle[place], up_to[-1])


# --- From spreads ---------------------------------------------------------------------------------


def r2(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Coefficient of determination, 1 - sum (y - output)^2 / sum (y - mean y)^2; mean over outputs.

    Of targets that are all equal: 1 if they are met exactly, else 0, as in scikit-learn, which says
    NaN for a single sample.
    """
    values, weight = targets["values"], targets["weight"]
    # From one of them: equal values are then 0, and large ones lose no digits.
    largest = jnp.where(weight > 0, values, -jnp.inf).max(1, keepdims=True)
    away = jnp.where(weight > 0, values - largest, 0.0)
    mean = weighed(away, targets)[:, None] / targets["total"]
    spread = weighed((away - mean) ** 2, targets)
    error = weighed((values - reduced) ** 2, targets)
    constant = jnp.where(error == 0, 1.0, 0.0)
    return jnp.where(spread == 0, constant, 1 - ratio(error, spread)).mean()
