"""mlrose-ky: https://pypi.org/project/mlrose-ky, its optimisers on a continuous problem.

Its neural network class has another network and other first weights, so the same functions below
it are called.
"""

from __future__ import annotations

import mlrose_ky as mlrose
import numpy as np

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task

_BOUND = 5.0  # of every parameter: it wants one, and its own networks have 10 by default


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Search, again and again from the best if it gives up."""
    problem = mlrose.ContinuousOpt(
        task.dimension,
        mlrose.CustomFitness(recorder.loss, problem_type="continuous"),
        maximize=False,
        min_val=-_BOUND,
        max_val=_BOUND,
        step=method.settings["step"],
    )
    optimise = getattr(mlrose, method.name)
    arguments = {"max_attempts": 10**9, "random_state": seed}
    if method.name != "genetic_alg":  # which draws its first population
        arguments["init_state"] = task.start.astype(np.float64)
    recorder.start()
    optimise(problem, **arguments)
