"""What is a trained network that anyone can use? Layers, preprocessing, names and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from gradless._core.probabilities import softmax
from gradless._core.tree import Params
from gradless.data.columns import Columns, Kind
from gradless.data.files import UNTOLD, Reading
from gradless.data.preprocessing import Preprocessing
from gradless.models import numpy_forward
from gradless.models.mlp import MLP
from gradless.problems.supervised import OutputScale

_NUMBERS_AT_ONCE = 2**25


@dataclass(frozen=True)
class Network:
    """A trained network with all that it takes to use it on a table."""

    model: MLP
    params: Params
    preprocessing: Preprocessing | None
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] | None
    target: str | None
    scale: OutputScale | None = None  # None where outputs are in the units of the target
    missing: tuple[str, ...] | None = None  # what cells are, as for `read_table`
    how: Reading = UNTOLD  # how the file of training is written, as far as that was said
    # Of the numbers of each column in training, lowest and highest; None if that is not known.
    ranges: tuple[tuple[float, float] | None, ...] | None = None

    @property
    def kinds(self) -> tuple[Kind, ...] | None:
        """What the columns of features hold; None for numbers without gaps."""
        return None if self.preprocessing is None else self.preprocessing.kinds

    def outputs(self, columns: Columns) -> npt.NDArray[Any]:
        """Outputs (samples, outputs) for the columns of features as they are in a file."""
        if self.preprocessing is None:
            return self.outputs_of_inputs(columns.features)
        return self.outputs_of_inputs(self.preprocessing.transform(columns))

    def outputs_of_inputs(self, features: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
        """Outputs (samples, outputs) for inputs that are preprocessed as in training.

        They are float32, or float64 where they were brought into the units of the target. Computed
        in double precision, they are the same whatever other samples there are.
        """
        layers = jax.tree.map(np.asarray, self.model.used(self.params))
        weights, biases = ([layer[part] for layer in layers] for part in (0, 1))
        # In pieces, so that a wide network's activations fit into memory.
        rows = max(1, _NUMBERS_AT_ONCE // max(self.model.sizes))
        found = np.empty((len(features), self.model.sizes[-1]), np.float32)
        for i in range(0, len(features), rows):
            # What the network saw in training is float32.
            inputs = np.asarray(features[i : i + rows], np.float32).astype(np.float64)
            with np.errstate(over="ignore", invalid="ignore"):  # is infinite, or NaN
                piece = numpy_forward.outputs(inputs, weights, biases, self.model.activation)
                found[i : i + rows] = piece
        return found if self.scale is None else self.scale.applied(found)

    def probabilities(self, features: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
        """Class probabilities (samples, classes) for inputs preprocessed as in training."""
        return softmax(self.outputs_of_inputs(features))
