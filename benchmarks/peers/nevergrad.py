"""nevergrad: https://facebookresearch.github.io/nevergrad, ``optimizer.minimize`` with a budget."""

from __future__ import annotations

import time

import nevergrad as ng
import numpy as np

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task

_PILOT = 100  # evaluations


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Search."""
    np.random.seed(seed)

    def make(budget: int):
        array = ng.p.Array(init=task.start.astype(np.float64))
        array.set_mutation(sigma=method.settings.get("sigma", 1.0))
        array.random_state.seed(seed)
        return ng.optimizers.registry[method.name](array, budget=budget, num_workers=1)

    # The budget is part of how it searches. How many evaluations fit into the time is seen in the
    # second half of a search that does not count, after it has imported whatever it needs.
    times: list[float] = []

    def timed(vector: np.ndarray) -> float:
        times.append(time.perf_counter())
        return float(task.losses(vector[None])[0])

    make(_PILOT).minimize(timed)
    later = times[_PILOT // 2 :]
    pace = (later[-1] - later[0]) / (len(later) - 1)
    optimizer = make(recorder.limit or int(recorder.seconds / pace))
    recorder.start()
    optimizer.minimize(recorder.loss)
