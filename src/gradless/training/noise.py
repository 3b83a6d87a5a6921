"""Does a function in Python return the same loss when it is called again, and if not, what then?

The parameters given are evaluated a second time. If the loss is the same to the last bit, that is
all. If it is not, a few more evaluations say by how much losses scatter and how far those of other
candidates are apart. What scatters so little that no search could notice is no noise.

Noisy losses of different generations cannot be compared, as those of different minibatches, and are
treated so: the center and the best candidate are each judged by the mean of several evaluations,
when a target may be reached and at the end.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from gradless._core import tree
from gradless._core.tree import Params
from gradless.problems.constraints import told
from gradless.problems.python import Noise, PythonProblem
from gradless.strategies import CMAES
from gradless.training import minimize_arguments as given
from gradless.training import rounds
from gradless.training.plan import begun
from gradless.training.records import Stop

_LEAST_EVALUATIONS = 100  # of a search, within which looking for noise does not pay
_AGAIN = 3  # more evaluations of the start, and so many candidates near it
_NO_NOISE = 1e-8  # of how far candidates are apart
_JUDGED = 3  # the best, the center and the start
_SHARE = 100  # an evaluation of so many is one of each of them
_MOST, _LEAST = 32, 4  # evaluations of each


def seen(
    problem: Any, start: Params, scale: Any, stop: Stop, seed: int
) -> tuple[Noise | None, Stop]:
    """What noise the losses of a problem have, and what is then left of the limits.

    Parameters
    ----------
    problem
        To be searched; of compiled code or of minibatches nothing is looked for.
    start
        Where the search begins, as coordinates.
    scale
        Distance to good values, if it is known.
    stop
        Limits.
    seed
        Of the candidates near the start.
    """
    budget = stop.evaluations
    if not isinstance(problem, PythonProblem) or problem.uses_minibatches:
        return None, stop
    if budget is not None and budget < _LEAST_EVALUATIONS:
        return None, stop
    vector = np.asarray(tree.ravel(start))
    first = [float(problem.first.loss), *problem.losses_of(vector[None])]
    if first[0] == first[1] or not np.isfinite(first).all():
        return None, stop
    more = problem.losses_of(np.repeat(vector[None], _AGAIN, axis=0))
    deviation = float(np.std([*first, *more], ddof=1))
    strategy: Any = CMAES(population=_AGAIN)
    strategy = strategy if scale is None else given.scaled(strategy, scale, start)
    run = begun(strategy, start, seed)
    near = problem.losses_of(rounds.asked(strategy, run.key, 0, 0, run.state)[1])
    known = [loss for loss in told(np.array([first[0], *near])) if math.isfinite(loss)]
    if not deviation > _NO_NOISE * float(np.ptp(known)):
        return None, stop
    repeats = _MOST if budget is None else min(max(budget // _SHARE, _LEAST), _MOST)
    noise = Noise(deviation, repeats)
    return noise, left(noise, stop)


def left(noise: Noise | None, stop: Stop) -> Stop:
    """The limits without the evaluations that say what noise there is and judge what is found."""
    if noise is None or stop.evaluations is None:
        return stop
    extra = 1 + 2 * _AGAIN + _JUDGED * noise.repeats
    return dataclasses.replace(stop, evaluations=stop.evaluations - extra)
