"""EvoTorch: https://docs.evotorch.ai, a vectorized objective function and a search algorithm."""

from __future__ import annotations

import torch
from evotorch import Problem, algorithms
from evotorch.decorators import vectorized

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task


def loss_function(task: Task):
    """The loss of a population, (population, dimension) -> (population,)."""
    features = torch.as_tensor(task.features)
    targets = torch.as_tensor(task.targets).long()
    samples = torch.arange(len(targets))

    def losses(population):
        activations, begin = features, 0
        for layer, (inputs, outputs) in enumerate(zip(task.sizes, task.sizes[1:], strict=False)):
            middle, end = begin + inputs * outputs, begin + (inputs + 1) * outputs
            weights = population[:, begin:middle].reshape(-1, inputs, outputs)
            activations = torch.relu(activations) if layer else activations
            activations = activations @ weights + population[:, None, middle:end]
            begin = end
        chosen = -torch.log_softmax(activations, 2)[:, samples, targets]
        return chosen.clip(1.1920929e-07, 16.118095).mean(1)

    return losses


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Search."""
    torch.manual_seed(seed)
    losses_of = loss_function(task)

    @vectorized
    @torch.no_grad()
    def objective(population):
        if not recorder.affords(len(population)):
            raise _EnoughError
        return losses_of(population)

    settings = dict(method.settings)
    if method.name == "PGPE":
        # Its documentation: ClipUp with a maximum speed of about the radius over 15, half of it as
        # the step size, and 0.1 for the deviations.
        speed = settings["stdev_init"] * task.dimension**0.5 / 15
        settings |= {"center_learning_rate": speed / 2, "stdev_learning_rate": 0.1}
        settings["optimizer_config"] = {"max_speed": speed}

    def make():
        problem = Problem("min", objective, solution_length=task.dimension, initial_bounds=(-1, 1))
        start = torch.as_tensor(task.start)
        return getattr(algorithms, method.name)(problem, center_init=start, **settings)

    make().step()  # imports, and makes threads
    searcher = make()
    recorder.start()
    while True:
        try:
            searcher.step()
        except _EnoughError:
            return
        population = searcher.population
        winner = int(population.argbest())
        recorder.note(
            len(population), float(population.evals[winner, 0]), population.values[winner].numpy()
        )


class _EnoughError(Exception):
    """The next population is beyond the budget."""
