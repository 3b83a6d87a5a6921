"""Are rows in the right order? Within groups, by what is relevant; and where some are censored."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gradless.objectives.metrics import Targets, ratio

_BLOCK = 64  # rows that are compared with all at a time; larger ones leave the caches
_POSITIONS = 4096  # of a group, at least, whose discounts are known


# --- Pairs ----------------------------------------------------------------------------------------


def concordance(reduced: jax.Array, targets: Targets) -> jax.Array:
    """Share of pairs of which the order is known that the outputs have in this order.

    A pair is known if the earlier row's ``event`` is 1, which says that its time is that of the
    event; where it is 0, the event was not seen until then. At equal times, an event is before what
    was not seen. Equal outputs count half. 0.5 without such pairs. Pairs are compared one by one,
    so the time grows with the square of the rows.

    Harrell et al., "Evaluating the yield of medical tests" (1982).
    """
    score, time, weight = reduced[0], targets["values"][0], targets["weight"]
    seen = targets["event"] > 0

    def of_some(sums: jax.Array, some: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        one_score, one_time, counted = (x[:, None] for x in some)
        known = (one_time < time) | ((one_time == time) & ~seen)
        right = jnp.where(one_score < score, 1.0, jnp.where(one_score == score, 0.5, 0.0))
        pairs = jnp.where(known, counted * weight, 0.0)
        return sums + jnp.stack([(pairs * right).sum(), pairs.sum()]), None

    rows = (score, time, weight * seen)
    blocks = -(-score.shape[0] // _BLOCK)
    if blocks > 1:
        filling = blocks * _BLOCK - score.shape[0]
        parts = tuple(jnp.pad(x, (0, filling)).reshape(blocks, _BLOCK) for x in rows)
        sums, _ = jax.lax.scan(of_some, jnp.zeros(2), parts)
    else:
        sums, _ = of_some(jnp.zeros(2), rows)
    return jnp.where(sums[1] > 0, ratio(sums[0], sums[1]), 0.5)


# --- Groups ---------------------------------------------------------------------------------------


def ndcg(reduced: jax.Array, targets: Targets, length: float = np.inf) -> jax.Array:
    """Normalised discounted cumulative gain, the mean over the groups.

    DCG = sum_r relevance_r / log2(1 + r) over the places r in a group, and the value is DCG over
    that of the best order. Rows of one score have the mean of their places' discounts. Only the
    first ``length`` places count. Groups without anything relevant do not count; in scikit-learn,
    they count as 0. 0 if no group is left. A row of weight 2 is two rows.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002).
    """
    group, relevance, weight = targets["group"], targets["relevance"], targets["weight"]
    gained, best = (
        _gains(score, group, relevance, weight, length) for score in (reduced[0], relevance)
    )
    return ratio(ratio(gained, best).sum(), (best > 0).sum())


def _gains(
    score: jax.Array, group: jax.Array, relevance: jax.Array, weight: jax.Array, length: float
) -> jax.Array:
    """DCG of each group, (samples,): the groups in ascending order, and then zeros."""
    ordered = jax.lax.sort((group, -score, relevance * weight, weight), num_keys=2)
    of_group, of_score, gain, weight = ordered
    begins = _differs(of_group)
    tied = jnp.cumsum(begins | _differs(of_score)) - 1
    number = jnp.cumsum(begins) - 1
    total = functools.partial(jax.ops.segment_sum, num_segments=len(score))
    together = total(weight, tied)
    up_to = jnp.cumsum(together)
    before_group = jnp.cumsum(total(weight, number)) - total(weight, number)
    before = (up_to - together)[tied] - before_group[number]
    together = together[tied]
    discounts = _discounts(max(len(score), _POSITIONS), length)
    discount = ratio(discounts(before + together) - discounts(before), together)
    return total(gain * discount, number)


def _differs(values: jax.Array) -> jax.Array:
    """Whether a value is another one than that before it."""
    return jnp.concatenate([jnp.ones(1, bool), values[1:] != values[:-1]])


def _discounts(positions: int, length: float) -> functools.partial[jax.Array]:
    """Sum of the discounts of the first places, as a function of how many they are."""
    each = 1 / np.log2(np.arange(2, positions + 2))
    up_to = np.concatenate([[0], np.cumsum(each)]).astype(np.float32)
    return functools.partial(_between, jnp.asarray(up_to), length)


def _between(up_to: jax.Array, length: float, places: jax.Array) -> jax.Array:
    places = jnp.clip(places, 0, length)
    below = jnp.clip(jnp.floor(places), 0, len(up_to) - 2).astype(jnp.int32)
    return up_to[below] + (places - below) * (up_to[below + 1] - up_to[below])
