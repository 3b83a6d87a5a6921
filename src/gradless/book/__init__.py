"""What does the book's chapter on optimisation do, to the digit?

The layers, the loss, the data sets and the two searches of chapter 6 of Kinsley and Kukieła,
"Neural Networks from Scratch in Python" (2020), under the chapter's own names, in plain NumPy.

The book's printed numbers come from single-precision arithmetic: every random draw is rounded to
float32, and so is every matrix product after it was summed in float64. The code below rounds at
those places itself and leaves NumPy's functions as they are. What remains is NumPy's float32
``exp`` and ``log``: their last bit depends on the processor's vector instructions, and with it a
printed loss from its seventh decimal on.
"""

from gradless.book.data import init, spiral_data, vertical_data
from gradless.book.layers import (
    Activation_ReLU,
    Activation_Softmax,
    Layer_Dense,
    Loss,
    Loss_CategoricalCrossentropy,
)
from gradless.book.searches import SearchResult, hill_climb, random_search

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
