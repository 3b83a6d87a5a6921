"""What does the chapter's network compute? Its layers, and the loss of what comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradless._core.errors import InputError
from gradless.book.data import FloatArray, randn

Targets = NDArray[np.integer | np.floating]


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
        self.weights = 0.01 * randn(n_inputs, n_neurons)
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
