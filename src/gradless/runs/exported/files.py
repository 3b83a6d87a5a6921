"""How is a network written for NumPy, PyTorch and Flax? Arrays by name, without code."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from gradless.runs.exported.content import Exported


def numpy_file(exported: Exported) -> bytes:
    """An ``.npz``: scales, ``weights_0``, ``biases_0`` and so on, and names as texts."""
    arrays: dict[str, npt.NDArray[np.generic]] = dict(exported.scales)
    for index, (weights, biases) in enumerate(zip(exported.weights, exported.biases, strict=True)):
        arrays |= {f"weights_{index}": weights, f"biases_{index}": biases}
    arrays["inputs"] = np.array(exported.inputs, str)
    arrays["activation"] = np.array(exported.activation)
    if exported.classes is not None:
        arrays["classes"] = np.array(exported.classes, str)
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    return data.getvalue()


def torch_file(exported: Exported) -> bytes:
    """A safetensors file: the ``state_dict`` of an ``nn.Sequential``, beside the scales."""
    layers: dict[str, npt.NDArray[np.generic]] = {}
    for index, (weights, biases) in enumerate(zip(exported.weights, exported.biases, strict=True)):
        # Between two layers is an activation.
        layers[f"{2 * index}.weight"] = np.ascontiguousarray(weights.T)
        layers[f"{2 * index}.bias"] = biases
    return _safetensors(exported, layers)


def flax_file(exported: Exported) -> bytes:
    """A safetensors file: the parameters of ``nn.Dense`` layers, beside the scales."""
    layers: dict[str, npt.NDArray[np.generic]] = {}
    for index, (weights, biases) in enumerate(zip(exported.weights, exported.biases, strict=True)):
        layers |= {f"Dense_{index}.kernel": weights, f"Dense_{index}.bias": biases}
    return _safetensors(exported, layers)


def _safetensors(exported: Exported, layers: dict[str, npt.NDArray[np.generic]]) -> bytes:
    arrays = {**exported.scales, **layers}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # One entry: the library writes several in any order.
    return bytes(save(arrays, {"gradless": exported.text}))
