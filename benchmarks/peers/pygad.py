"""PyGAD: https://pygad.readthedocs.io, ``pygad.GA`` with the fitness of a whole batch."""

from __future__ import annotations

import numpy as np
import pygad

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Search: 50 solutions of which 10 mate, around the first weights."""
    settings = dict(method.settings)
    change = settings.pop("mutation", 1.0)
    generator = np.random.default_rng(seed)
    first = task.start + generator.uniform(-change, change, (50, task.dimension))
    first[0] = task.start

    def fitness(_search, solutions, _indices):
        return (-recorder.losses(solutions)).tolist()

    search = pygad.GA(
        num_generations=10**9,
        num_parents_mating=10,
        initial_population=first,
        fitness_func=fitness,
        fitness_batch_size=len(first),
        random_mutation_min_val=-change,
        random_mutation_max_val=change,
        random_seed=seed,
        suppress_warnings=True,
        **settings,
    )
    recorder.start()
    search.run()
