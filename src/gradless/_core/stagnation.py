"""Has a search come to rest? The one rule of the loop, of attempts and of wrappers.

A search stagnates while its best loss does not fall by anything worthwhile. What is worthwhile must
depend neither on the unit of the loss nor on a constant that was added to it, so it is no share of
the loss itself. It is a thousandth of how far losses have lately been above the best one, which
shrinks as a search converges: a search that still comes closer, however slowly, goes on. And it is
more than the loss rounds to.

Auger and Hansen, "A restart CMA evolution strategy with increasing population size" (2005), end an
attempt when its best losses are all equal for 10 + 30 d / population generations, or their range is
below a constant, for which a user would have to know the unit of the loss.
"""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

AT_REST = "the steps no longer change the parameters"  # why a run ended
_WAITED = "no improvement over the last"
_SHARE = 1e-3  # of the scatter of losses, by which the best one has to fall
_ROUNDINGS = 4  # units in the last place of the loss: a sum over samples is no more certain
_GROWTH = 1.0625  # of the scatter from generation to generation, at most


class Progress(NamedTuple):
    """How a search goes; begins with :func:`begin`."""

    reference_loss: jax.Array  # best loss at the last worthwhile fall
    scatter: jax.Array  # how far losses are above the best one; inf while that is unknown
    waited: jax.Array  # generations without a worthwhile fall, uint32


def begin(dtype: Any = jnp.float32) -> Progress:
    """Before the first generation; ``dtype`` is that of the losses."""
    infinite = jnp.asarray(jnp.inf, dtype)
    return Progress(infinite, infinite, jnp.uint32(0))


def after(progress: Progress, best_loss: jax.Array, loss: jax.Array) -> Progress:
    """The progress after a generation: a few operations on single numbers.

    Parameters
    ----------
    progress
        Before it.
    best_loss
        Lowest loss so far, that of this generation included.
    loss
        What the generation is recorded with: the loss of the strategy's center, or of the best
        candidate. It may be infinite or NaN.
    """
    # The smallest distance of late: it follows a search that converges at once, forgets a penalty
    # of 1e30 at once, and grows slowly, should most candidates be punished so. A generation that is
    # itself the best one says nothing of distances.
    above = loss - best_loss
    known = (above > 0) & (above < jnp.inf)
    scatter = jnp.where(known, jnp.minimum(above, _GROWTH * progress.scatter), progress.scatter)
    least = jnp.where(jnp.isfinite(scatter), _SHARE * scatter, 0)
    rounding = _ROUNDINGS * jnp.finfo(best_loss.dtype).eps * jnp.abs(best_loss)
    # Not while both are infinite: their difference is NaN.
    worthwhile = progress.reference_loss - best_loss > jnp.maximum(least, rounding)
    return Progress(
        jnp.where(worthwhile, best_loss, progress.reference_loss),
        scatter,
        jnp.where(worthwhile, jnp.uint32(0), progress.waited + 1),
    )


def after_in_python(
    reference_loss: float, scatter: float, waited: int, best_loss: float, loss: float
) -> tuple[float, float, int]:
    """:func:`after` for losses in float64, on numbers of Python, to the same bits."""
    above = loss - best_loss
    if 0 < above < math.inf:
        scatter = min(above, _GROWTH * scatter)
    least = _SHARE * scatter if math.isfinite(scatter) else 0.0
    rounding = _ROUNDINGS * sys.float_info.epsilon * abs(best_loss)
    if reference_loss - best_loss > max(least, rounding):
        return best_loss, scatter, 0
    return reference_loss, scatter, waited + 1


def reason(evaluations: int) -> str:
    """Why a run ended that has waited for so many evaluations."""
    return f"{_WAITED} {evaluations:,} evaluations"


def is_reason(text: str | None) -> bool:
    """Whether a run ended because it had come to rest, in either way."""
    return text is not None and (text == AT_REST or text.startswith(_WAITED))
