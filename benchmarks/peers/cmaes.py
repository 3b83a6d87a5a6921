"""cmaes: https://github.com/CyberAgentAILab/cmaes, ask and tell, restarts as in its README."""

from __future__ import annotations

import cmaes
import numpy as np

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Search; an attempt that ends by itself is followed by another one, twice as large (IPOP)."""
    kind = getattr(cmaes, method.name)
    start = task.start.astype(np.float64)
    settings = dict(method.settings)
    recorder.start()
    while True:
        search = kind(mean=start, seed=seed, **settings)
        while not search.should_stop():
            candidates = [search.ask() for _ in range(search.population_size)]
            losses = recorder.losses(np.asarray(candidates))
            search.tell(list(zip(candidates, losses.tolist(), strict=True)))
        settings["population_size"] = 2 * search.population_size
        seed += 1
