"""gradless itself, under the rules for all: by recipe, as its README does."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.training.loop import Stop, begin, train


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Train."""
    recipe = Recipe(**task.recipe, strategy=method.name, hyperparameters=method.settings, seed=seed)
    budget = Stop(evaluations=recorder.limit, seconds=recorder.seconds)
    prepared = prepare(recipe, budget)
    problem, strategy = prepared.problem, prepared.strategy
    params = prepared.structure.unravel(task.start)
    state = begin(strategy, params, seed)
    # A run of one generation compiles; what it finds is thrown away.
    per_generation = strategy.population + strategy.samples_around_center
    for _ in train(problem, strategy, state, Stop(evaluations=per_generation)):
        pass
    recorder.start()
    # In parts, so that the curve has its point at the mark; all of them are compiled already.
    for end in [recorder.mark, recorder.limit]:
        left = recorder.seconds - recorder.now
        within = end is None or end - recorder.evaluations >= per_generation
        if left <= 0 or not within:
            continue
        for record in train(problem, strategy, state, Stop(evaluations=end, seconds=left)):
            state = record.run
            made = int(state.generation) * per_generation - recorder.evaluations
            recorder.note(made, float(state.best_loss), np.asarray(state.best))
