"""How do the chapter's two approaches find weights?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradless._core.errors import unknown_name
from gradless.book.data import (
    FloatArray,
    init,
    randn,
    require_whole_number,
    spiral_data,
    vertical_data,
)
from gradless.book.layers import (
    Activation_ReLU,
    Activation_Softmax,
    Layer_Dense,
    Loss_CategoricalCrossentropy,
)


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a search saw, and the best network that it found.

    Attributes
    ----------
    losses : float32, shape (iterations,)
        Loss of the set of weights that each iteration tried.
    accuracies : float64, shape (iterations,)
        Its accuracy, from 0 to 1.
    best_iteration : int
        The iteration with the lowest loss, the first of them if there are several.
    best_loss, best_accuracy : float
        Loss and accuracy of that iteration.
    dense1_weights : float32, shape (2, 3)
    dense1_biases : float32, shape (1, 3)
    dense2_weights : float32, shape (3, 3)
    dense2_biases : float32, shape (1, 3)
        The two layers of that iteration.
    """

    losses: FloatArray
    accuracies: NDArray[np.float64]
    best_iteration: int
    best_loss: float
    best_accuracy: float
    dense1_weights: FloatArray
    dense1_biases: FloatArray
    dense2_weights: FloatArray
    dense2_biases: FloatArray


def random_search(
    data: str = "vertical",
    iterations: int = 10_000,
    seed: int = 0,
    report: Callable[[str], object] = print,
) -> SearchResult:
    """Approach 1 of the chapter: draw every set of weights anew, and remember the best.

    With the default arguments this reports the ten lines that the chapter prints.

    Parameters
    ----------
    data
        ``"vertical"`` or ``"spiral"``: 100 points in each of 3 classes.
    iterations
        Number of sets of weights to try, at least 1.
    seed
        Given to `init`: NumPy's global generator is seeded, as in the chapter.
    report
        Called with one line of text for every set of weights better than all before it.

    Returns
    -------
    SearchResult
        The losses and accuracies of all iterations, and the best layers.

    Raises
    ------
    InputError
        If an argument is out of bounds; nothing has been drawn then.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 6.

    Examples
    --------
    >>> result = random_search(iterations=200, report=lambda line: None)
    >>> result.best_iteration, round(result.best_loss, 4)
    (165, 1.0976)
    """
    return _search(lambda best: 0.05 * randn(*best.shape), data, iterations, seed, report)


def hill_climb(
    data: str = "vertical",
    iterations: int = 1_000,
    seed: int = 0,
    report: Callable[[str], object] = print,
) -> SearchResult:
    """Approach 2 of the chapter: change the best set of weights a little, and keep what helps.

    A change that does not lower the loss is reverted. On the vertical data this learns; on the
    spiral data it hardly beats chance, which is the point the chapter ends on.

    Parameters
    ----------
    data
        ``"vertical"`` or ``"spiral"``: 100 points in each of 3 classes.
    iterations
        Number of changes to try, at least 1.
    seed
        Given to `init`: NumPy's global generator is seeded, as in the chapter.
    report
        Called with one line of text for every set of weights better than all before it.

    Returns
    -------
    SearchResult
        The losses and accuracies of all iterations, and the best layers.

    Raises
    ------
    InputError
        If an argument is out of bounds; nothing has been drawn then.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 6.

    Examples
    --------
    >>> result = hill_climb(report=lambda line: None)
    >>> round(result.best_loss, 3), round(result.best_accuracy, 3)
    (0.177, 0.927)
    """
    return _search(lambda best: best + 0.05 * randn(*best.shape), data, iterations, seed, report)


def _search(
    propose: Callable[[FloatArray], FloatArray],
    data: str,
    iterations: int,
    seed: int,
    report: Callable[[str], object],
) -> SearchResult:
    """The loop of both approaches; `propose` makes a candidate from the best array so far."""
    check(data, iterations, seed)
    create_data = _data_set(data)
    init(seed)

    # create dataset
    X, y = create_data(100, 3)  # noqa: N806 - the chapter's name

    # create model
    dense1 = Layer_Dense(2, 3)
    activation1 = Activation_ReLU()
    dense2 = Layer_Dense(3, 3)
    activation2 = Activation_Softmax()

    # create loss function
    loss_function = Loss_CategoricalCrossentropy()

    # helper variables: every proposal starts from the best set, so there is nothing to revert
    lowest_loss = np.float32(np.inf)
    best_iteration = 0
    best = [dense1.weights, dense1.biases, dense2.weights, dense2.biases]
    losses = np.empty(iterations, dtype=np.float32)
    accuracies = np.empty(iterations, dtype=np.float64)

    for iteration in range(iterations):
        # generate a new set of weights and biases
        candidate = [propose(array) for array in best]
        dense1.weights, dense1.biases, dense2.weights, dense2.biases = candidate

        # perform a forward pass of the training data through the network
        dense1.forward(X)
        activation1.forward(dense1.output)
        dense2.forward(activation1.output)
        activation2.forward(dense2.output)

        # calculate loss and accuracy from output of activation2 and targets
        loss = loss_function.calculate(activation2.output, y)
        predictions = np.argmax(activation2.output, axis=1)
        accuracy = np.mean(predictions == y)
        losses[iteration] = loss
        accuracies[iteration] = accuracy

        # if loss is smaller, report and keep this set
        if loss < lowest_loss:
            report(
                f"New set of weights found, iteration: {iteration}, "
                f"loss: {loss}, accuracy: {accuracy}"
            )
            lowest_loss = loss
            best_iteration = iteration
            best = candidate

    return SearchResult(
        losses,
        accuracies,
        best_iteration,
        float(losses[best_iteration]),
        float(accuracies[best_iteration]),
        *best,
    )


def check(data: str, iterations: int, seed: int) -> None:
    """Raise `InputError` unless a search can be run with these."""
    _data_set(data)
    require_whole_number("iterations", iterations, 1)
    require_whole_number("seed", seed, 0, 2**32 - 1)


def _data_set(name: object) -> Callable[[int, int], tuple[FloatArray, NDArray[np.uint8]]]:
    """The data set's function, or an error that names those there are."""
    known = {"spiral": spiral_data, "vertical": vertical_data}
    if not isinstance(name, str):
        name = type(name).__name__
    if name not in known:
        raise unknown_name("data set", name, known)
    return known[name]
