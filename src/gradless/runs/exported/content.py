"""What is written to every format? Layers, scales and names, in NumPy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from gradless.data.columns import is_several
from gradless.data.unscaled import Block, blocks
from gradless.runs.network import Network

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Exported:
    """A network as files of other programs have it.

    Attributes
    ----------
    inputs
        Names of the inputs, in their order.
    blocks
        How they are made of columns.
    columns, kinds
        Of the table, where a date is the numbers that stand for it: names, and whether each is a
        ``"number"`` or a ``"category"``.
    derived
        Those of the columns that are made of dates and free text.
    weights, biases
        Float32, (inputs, outputs) and (outputs,) of each layer; weights of eight bits are rounded.
    activation
        Name in ``models.ACTIVATIONS``, after all layers but the last.
    output_scale, output_shift
        Numbers are outputs times scale, plus shift, each float64 of the shape (outputs,).
    classes
        Names of the classes; None for numbers.
    target
        Name of the column that is predicted.
    """

    inputs: tuple[str, ...]
    blocks: tuple[Block, ...]
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    derived: tuple[str, ...]
    weights: tuple[npt.NDArray[np.float32], ...]
    biases: tuple[npt.NDArray[np.float32], ...]
    activation: str
    output_scale: Array
    output_shift: Array
    classes: tuple[str, ...] | None
    target: str | None

    @classmethod
    def of(cls, network: Network) -> Exported:
        """What there is of a trained network."""
        layers = jax.tree.map(np.asarray, network.model.used(network.params))
        made, outputs = network.preprocessing, network.model.sizes[-1]
        names = network.feature_names if made is None else made.input_names
        columns = names if made is None else made.flat.feature_names
        kinds = network.kinds or ("number",) * len(network.feature_names)
        given = {
            name for name, kind in zip(network.feature_names, kinds, strict=True)
            if not is_several(kind)
        }  # fmt: skip
        return cls(
            names,
            tuple(blocks(made, len(names))),
            columns,
            kinds if made is None else made.flat.kinds,
            tuple(name for name in columns if name not in given),
            tuple(np.asarray(layer[0], np.float32) for layer in layers),
            tuple(np.asarray(layer[1], np.float32) for layer in layers),
            network.model.activation,
            np.ones(outputs) if network.scale is None else network.scale.scale,
            np.zeros(outputs) if network.scale is None else network.scale.shift,
            network.class_names,
            network.target,
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, neurons of each hidden layer, outputs."""
        return (len(self.inputs), *(len(biases) for biases in self.biases))

    @property
    def scales(self) -> dict[str, Array]:
        """What is missing and how inputs and outputs are scaled, by name in files."""
        found = {
            name: np.concatenate([getattr(block, name) for block in self.blocks])
            for name in ("fill", "mean", "scale")
        }
        if self.classes is None:
            found |= {"output_scale": self.output_scale, "output_shift": self.output_shift}
        return found

    @property
    def about(self) -> dict[str, Any]:
        """The names, as JSON can hold them."""
        return {
            "inputs": list(self.inputs),
            "classes": None if self.classes is None else list(self.classes),
            "target": self.target,
            "activation": self.activation,
            "sizes": list(self.sizes),
        }

    @property
    def text(self) -> str:
        """The names as JSON."""
        return json.dumps(self.about)
