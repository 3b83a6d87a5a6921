"""scikit-learn's MLPClassifier, which uses gradients: a yardstick, no contestant.

An epoch, a forward and a backward pass over all samples, counts as 3 evaluations, as in
``gradless.training.gradient_descent``.
"""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.peers import Method
from benchmarks.peers.task import Recorder, Task

_EVALUATIONS_PER_EPOCH = 3
_SOLVED = 1e-4  # nothing to see below


def run(task: Task, method: Method, seed: int, recorder: Recorder) -> None:
    """Train, an epoch a call."""
    settings = dict(method.settings)
    if "batch_size" in settings:
        settings["batch_size"] = min(settings["batch_size"], len(task.features))
    network = MLPClassifier(
        task.sizes[1:-1], solver=method.name, alpha=0.0, random_state=seed, **settings
    )
    classes = np.arange(task.sizes[-1])
    # Makes the arrays. Once it has seen a batch, its Adam has moments; they fade in a few steps.
    network.partial_fit(task.features[: len(classes)], classes, classes=classes)
    for (weights, biases), its_weights, its_biases in zip(
        task.layers(task.start[None]), network.coefs_, network.intercepts_, strict=True
    ):
        its_weights[:], its_biases[:] = weights[0], biases[0]
    recorder.start()
    loss = np.inf
    while loss > _SOLVED and recorder.affords(_EVALUATIONS_PER_EPOCH):
        network.partial_fit(task.features, task.targets)
        loss = network.loss_
        layers = zip(network.coefs_, network.intercepts_, strict=True)
        vector = np.concatenate([part.ravel() for layer in layers for part in layer])
        recorder.note(_EVALUATIONS_PER_EPOCH, loss, vector)
