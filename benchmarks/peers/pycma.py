"""pycma: https://github.com/CMA-ES/pycma, its ask-and-tell interface with restarts."""

from __future__ import annotations

import cma
import numpy as np

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Search; an attempt that ends by itself is followed by another one, twice as large (IPOP)."""
    settings = dict(method.settings)
    sigma = settings.pop("sigma0")
    options = {"verbose": -9, "seed": seed + 1, **settings}
    if method.name == "diagonal":
        options["CMA_diagonal"] = True
    if method.name == "VD-CMA":
        options = cma.restricted_gaussian_sampler.GaussVDSampler.extend_cma_options(options)
    start = task.start.astype(np.float64)
    recorder.start()
    while True:
        search = cma.CMAEvolutionStrategy(start, sigma, options)
        while not search.stop():
            candidates = search.ask()
            search.tell(candidates, recorder.losses(np.asarray(candidates)))
        options["popsize"] = 2 * search.popsize
        options["seed"] += 1
