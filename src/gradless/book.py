"""What does the book's chapter on optimisation do, to the digit?

The layers, the loss, the data sets and the two searches of chapter 6 of Kinsley and Kukieła,
"Neural Networks from Scratch in Python" (2020), under the chapter's own names, in plain NumPy.

The book's printed numbers come from single-precision arithmetic: every random draw is rounded to
float32, and so is every matrix product after it was summed in float64. The code below rounds at
those places itself and leaves NumPy's functions as they are. What remains is NumPy's float32
``exp`` and ``log``: their last bit depends on the processor's vector instructions, and with it a
printed loss from its seventh decimal on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradless._core.errors import InputError, unknown_name

__all__ = [
    "Activation_ReLU",
    "Activation_Softmax",
    "Layer_Dense",
    "Loss",
    "Loss_CategoricalCrossentropy",
    "SearchResult",
    "hill_climb",
    "init",
    "random_search",
    "spiral_data",
    "vertical_data",
]

FloatArray = NDArray[np.float32]
Targets = NDArray[np.integer | np.floating]


# --- Randomness -----------------------------------------------------------------------------------


def init(seed: int = 0) -> None:
    """Start the stream of random numbers that the book's results are drawn from.

    This seeds NumPy's global generator, so that a loop's own ``np.random.randn`` continues the
    stream that the data sets and the layers have drawn from. Nothing else in NumPy changes.

    Parameters
    ----------
    seed
        From 0 to 2**32 - 1. The book's numbers come from 0.

    Raises
    ------
    InputError
        If the generator cannot be seeded with `seed`.

    Examples
    --------
    >>> init()
    >>> print(np.random.randn(2).round(3))
    [1.764 0.4  ]
    """
    _require_whole_number("seed", seed, 0, 2**32 - 1)
    np.random.seed(seed)


def _randn(*shape: int) -> FloatArray:
    """Standard normal numbers from the global stream, float32."""
    return np.random.randn(*shape).astype(np.float32)


# --- Data sets ------------------------------------------------------------------------------------


def vertical_data(samples: int, classes: int) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Clouds of points side by side, one per class: the chapter's easy data set.

    Parameters
    ----------
    samples
        Points per class.
    classes
        Number of classes, at most 256.

    Returns
    -------
    X : float32, shape (samples * classes, 2)
        Points, normal around (k / 3, 1 / 2) with standard deviation 0.1 for class k.
    y : uint8, shape (samples * classes,)
        The class of each point, in ascending order.

    Raises
    ------
    InputError
        If `samples` or `classes` is not a whole number within bounds.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 6.

    Examples
    --------
    >>> X, y = vertical_data(samples=100, classes=3)
    >>> X.shape, y.shape
    ((300, 2), (300,))
    """

    def cloud(k: int) -> NDArray[np.floating]:
        return np.column_stack((_randn(samples) * 0.1 + k / 3, _randn(samples) * 0.1 + 0.5))

    return _one_group_per_class(cloud, samples, classes)


def spiral_data(samples: int, classes: int) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Intertwined spiral arms, one per class: the book's hard data set.

    Parameters
    ----------
    samples
        Points per class.
    classes
        Number of classes, at most 256.

    Returns
    -------
    X : float32, shape (samples * classes, 2)
        Points, from the origin of each arm to its end at radius 1.
    y : uint8, shape (samples * classes,)
        The class of each point, in ascending order.

    Raises
    ------
    InputError
        If `samples` or `classes` is not a whole number within bounds.

    References
    ----------
    Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapters 3 and 6.

    Examples
    --------
    >>> X, y = spiral_data(samples=100, classes=3)
    >>> X.shape, y.shape
    ((300, 2), (300,))
    """

    def arm(k: int) -> NDArray[np.floating]:
        radius = np.linspace(0, 1, samples)
        angle = np.linspace(4 * k, 4 * (k + 1), samples) + _randn(samples) * 0.2
        return np.column_stack((radius * np.sin(angle * 2.5), radius * np.cos(angle * 2.5)))

    return _one_group_per_class(arm, samples, classes)


def _one_group_per_class(
    group: Callable[[int], NDArray[np.floating]], samples: int, classes: int
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """The points ``group(k)`` of every class k below one another, and their labels."""
    _require_whole_number("samples", samples, 1)
    _require_whole_number("classes", classes, 1, 256)
    points = np.concatenate([group(k) for k in range(classes)])
    labels = np.repeat(np.arange(classes), samples)
    return points.astype(np.float32), labels.astype(np.uint8)


# --- Layers ---------------------------------------------------------------------------------------


class Layer_Dense:
    """Dense layer: ``output = inputs @ weights + biases``.

    Parameters
    ----------
    n_inputs
        Number of input features.
    n_neurons
        Number of neurons.

    Attributes
    ----------
    weights : float32, shape (n_inputs, n_neurons)
        Normal with standard deviation 0.01, drawn from the global stream.
    biases : float32, shape (1, n_neurons)
        Zeros.
    output : float32, shape (samples, n_neurons)
        What the last `forward` computed.

    Examples
    --------
    >>> dense = Layer_Dense(2, 3)
    >>> dense.forward(np.zeros((5, 2)))
    >>> dense.output.shape
    (5, 3)
    """

    output: FloatArray

    def __init__(self, n_inputs: int, n_neurons: int) -> None:
        """Draw the weights; the biases are zero."""
        self.weights = 0.01 * _randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons), dtype=np.float32)

    def forward(self, inputs: ArrayLike) -> None:
        """Compute `output` from `inputs`, shape (samples, n_inputs)."""
        # A loop's own np.random.randn makes weights and biases float64; the output stays float32.
        self.output = _dot(inputs, self.weights) + self.biases.astype(np.float32, copy=False)


def _dot(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Matrix product, summed in float64 and rounded to float32."""
    product = np.dot(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    return np.asarray(product, dtype=np.float32)


class Activation_ReLU:
    """Rectified linear unit: negative inputs become zero.

    Attributes
    ----------
    output : float32, shape of the inputs
        What the last `forward` computed.

    Examples
    --------
    >>> relu = Activation_ReLU()
    >>> relu.forward(np.array([[-1, 2]], dtype=np.float32))
    >>> print(relu.output)
    [[0. 2.]]
    """

    output: FloatArray

    def forward(self, inputs: FloatArray) -> None:
        """Compute `output` from `inputs`, of any shape."""
        self.output = np.maximum(0, inputs)


class Activation_Softmax:
    """Softmax: each row of inputs becomes a probability distribution.

    Attributes
    ----------
    output : float32, shape (samples, classes)
        What the last `forward` computed. Every row sums to 1.

    Examples
    --------
    >>> softmax = Activation_Softmax()
    >>> softmax.forward(np.array([[7, 7]], dtype=np.float32))
    >>> print(softmax.output)
    [[0.5 0.5]]
    """

    output: FloatArray

    def forward(self, inputs: FloatArray) -> None:
        """Compute `output` from `inputs`, shape (samples, classes)."""
        # Without the largest input of a row, exp cannot overflow.
        exp_values = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = exp_values / np.sum(exp_values, axis=1, keepdims=True)


# --- Loss -----------------------------------------------------------------------------------------


class Loss(ABC):
    """What every loss has in common: the mean over the samples.

    A loss of your own is a subclass with a `forward`.
    """

    @abstractmethod
    def forward(self, y_pred: FloatArray, y_true: Targets) -> FloatArray:
        """Compute the loss of each sample, shape (samples,)."""

    def calculate(self, output: FloatArray, y: Targets) -> np.float32:
        """Compute the mean of the samples' losses.

        Parameters
        ----------
        output
            The network's output, shape (samples, classes).
        y
            The true classes, in a form that `forward` takes.
        """
        return np.mean(self.forward(output, y))


class Loss_CategoricalCrossentropy(Loss):
    """Categorical cross-entropy: minus the log of the true class's probability.

    Examples
    --------
    >>> probabilities = np.array([[0.5, 0.5], [1, 0]], dtype=np.float32)
    >>> print(Loss_CategoricalCrossentropy().forward(probabilities, np.array([0, 1])).round(3))
    [ 0.693 16.118]
    """

    def forward(self, y_pred: FloatArray, y_true: Targets) -> FloatArray:
        """Compute the loss of each sample.

        Parameters
        ----------
        y_pred
            Probabilities, float32, shape (samples, classes). They are clipped to
            1e-7 ... 1 - 1e-7, so that no loss is infinite.
        y_true
            Class indices, shape (samples,), or one-hot rows, shape (samples, classes).

        Returns
        -------
        float32, shape (samples,)

        Raises
        ------
        InputError
            If `y_true` has neither one nor two dimensions.
        """
        samples = len(y_pred)
        # Both sides are clipped to not drag the mean towards any value.
        y_pred_clipped = np.clip(y_pred, 1e-7, 1 - 1e-7)

        if len(y_true.shape) == 1:
            correct_confidences = y_pred_clipped[range(samples), y_true]
        elif len(y_true.shape) == 2:
            correct_confidences = np.sum(y_pred_clipped * y_true, axis=1, dtype=y_pred.dtype)
        else:
            raise InputError(
                f"y_true has shape {y_true.shape}, expected (samples,) or (samples, classes); "
                "pass class indices or one-hot rows"
            )
        return -np.log(correct_confidences)


# --- The two searches -----------------------------------------------------------------------------


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
    return _search(lambda best: 0.05 * _randn(*best.shape), data, iterations, seed, report)


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
    return _search(lambda best: best + 0.05 * _randn(*best.shape), data, iterations, seed, report)


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


# --- Input checks ---------------------------------------------------------------------------------


def check(data: str, iterations: int, seed: int) -> None:
    """Raise `InputError` unless a search can be run with these."""
    _data_set(data)
    _require_whole_number("iterations", iterations, 1)
    _require_whole_number("seed", seed, 0, 2**32 - 1)


def _data_set(name: object) -> Callable[[int, int], tuple[FloatArray, NDArray[np.uint8]]]:
    """The data set's function, or an error that names those there are."""
    known = {"spiral": spiral_data, "vertical": vertical_data}
    if not isinstance(name, str):
        name = type(name).__name__
    if name not in known:
        raise unknown_name("data set", name, known)
    return known[name]


def _require_whole_number(name: str, given: int, lowest: int, highest: int | None = None) -> None:
    """Raise `InputError` unless ``lowest <= given <= highest``."""
    bounds = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
    whole = isinstance(given, int | np.integer)
    if not whole or given < lowest or (highest is not None and given > highest):
        raise InputError(
            f"{name} is {given!r}, expected a whole number {bounds}; "
            f"pass for example {name}={max(lowest, 3)}"
        )
