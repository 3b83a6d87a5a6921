"""Which lines load an exported file? For people to copy, and for tests to run."""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradless.runs.exported.content import Exported
from gradless.runs.exported.onnx_file import columns_of

NUMPY = {
    "relu": "np.where(h < 0, 0, h)",
    "leaky_relu": "np.where(h < 0, 0.01 * h, h)",
    "elu": "np.where(h > 0, h, np.expm1(np.minimum(h, 0)))",
    "gelu": "h / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))",
    "silu": "h * (0.5 + np.tanh(h / 2) / 2)",
    "softplus": "np.logaddexp(h, 0)",
    "tanh": "np.tanh(h)",
    "sigmoid": "0.5 + np.tanh(h / 2) / 2",
    "sine": "np.sin(h)",
    "sign": "np.sign(h)",
    "step": "1.0 * (h > 0)",
    "identity": "h",
}
"""Activations by name, as NumPy has them."""

TORCH = {
    "relu": "nn.ReLU()",
    "leaky_relu": "nn.LeakyReLU(0.01)",
    "elu": "nn.ELU()",
    "gelu": 'nn.GELU("tanh")',
    "silu": "nn.SiLU()",
    "softplus": "nn.Softplus()",
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
    "identity": "nn.Identity()",
}
"""Activations by name that PyTorch has as modules."""

_TORCH_FUNCTIONS = {"sine": "x.sin()", "sign": "x.sign()", "step": "(x > 0).to(x)"}

FLAX = {
    "relu": "nn.relu(x)",
    "leaky_relu": "nn.leaky_relu(x)",
    "elu": "nn.elu(x)",
    "gelu": "nn.gelu(x)",
    "silu": "nn.silu(x)",
    "softplus": "nn.softplus(x)",
    "tanh": "nn.tanh(x)",
    "sigmoid": "nn.sigmoid(x)",
    "sine": "jnp.sin(x)",
    "sign": "jnp.sign(x)",
    "step": "1.0 * (x > 0)",
    "identity": "x",
}
"""Activations by name, as Flax and JAX have them."""

_NAMED = 6


def recipe(kind: str, exported: Exported, path: Path, run: Path) -> str:
    """Lines of Python that load a file and predict.

    Parameters
    ----------
    kind
        ``"numpy"``, ``"torch"``, ``"onnx"`` or ``"flax"``.
    exported
        What is in the file.
    path, run
        The file, and the run that it is of.

    Returns
    -------
    str
        All but those for ONNX need ``X``, a float64 array (rows, inputs), and say so.
    """
    lines = {"numpy": _numpy, "torch": _torch, "flax": _flax, "onnx": _onnx}[kind](exported, path)
    about = (_about_columns if kind == "onnx" else _about_inputs)(exported, run)
    return "\n".join([*about, *lines])


def _about_inputs(exported: Exported, run: Path) -> Iterator[str]:
    """What X is."""
    text = f"X: float64, a row for each of the table; columns: {_listed(exported.inputs)}."
    yield from _comment(text)
    yield f'# This makes it: X = gradless.load_run({_quoted(run)}).inputs("NEW.csv")'


def _about_columns(exported: Exported, run: Path) -> Iterator[str]:
    """Which columns the table needs that a file does not have."""
    if exported.derived:
        yield from _comment(
            "In the table, dates and texts are columns of the numbers that stand for them: "
            f"{_listed(exported.derived)}. These are inputs of the same names of:"
        )
        yield f'#    gradless.load_run({_quoted(run)}).inputs("NEW.csv")'


def _listed(names: Sequence[str]) -> str:
    """The first of some names."""
    more = len(names) - _NAMED
    last = [f"and {more:,} more"] if more > 0 else []
    return "; ".join([*map(_short, names[:_NAMED]), *last])


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 88, initial_indent="# ", subsequent_indent="#    ")


def _short(name: str) -> str:
    """A name of one line and limited length."""
    name = " ".join(name.split())
    return name if len(name) <= 40 else f"{name[:39]}…"


def _quoted(text: str | Path) -> str:
    """A text as Python has it, in double quotes."""
    return json.dumps(str(text), ensure_ascii=False)


def _numpy(exported: Exported, path: Path) -> Iterator[str]:
    yield "import numpy as np"
    yield ""
    yield f"f = np.load({_quoted(path)})"
    yield 'h = (np.where(np.isnan(X), f["fill"], X) - f["mean"]) / f["scale"]'
    yield 'h = h.astype("f4").astype("f8") @ f["weights_0"] + f["biases_0"]'
    count = len(exported.weights)
    if count > 1:
        yield f"for i in range(1, {count}):"
        yield f"    h = {NUMPY[exported.activation]}"
        yield '    h = h @ f[f"weights_{i}"] + f[f"biases_{i}"]'
    yield 'h = h.astype("f4").astype("f8")'
    if exported.classes is None:
        yield 'prediction = h[:, 0] * f["output_scale"] + f["output_shift"]'
        return
    yield "p = np.exp(h - h.max(1, keepdims=True))"
    yield "probabilities = p / p.sum(1, keepdims=True)"
    yield 'prediction = f["classes"][h.argmax(1)]'


def _torch(exported: Exported, path: Path) -> Iterator[str]:
    yield "import torch"
    yield "from safetensors.torch import load_file"
    yield "from torch import nn"
    yield ""
    layer = TORCH.get(exported.activation)
    if layer is None:
        name = exported.activation.title()
        yield f"class {name}(nn.Module):"
        yield f"    forward = lambda self, x: {_TORCH_FUNCTIONS[exported.activation]}"
        yield ""
        layer = f"{name}()"
    dense = [f"nn.Linear({i}, {o})" for i, o in itertools.pairwise(exported.sizes)]
    yield f"f = load_file({_quoted(path)})"
    yield from _wrapped("net = nn.Sequential(", f", {layer}, ".join(dense), ").double()")
    yield "net.load_state_dict({name: f[name] for name in net.state_dict()})"
    yield "x = torch.as_tensor(X)"
    yield 'x = (torch.where(x.isnan(), f["fill"], x) - f["mean"]) / f["scale"]'
    yield "outputs = net(x.float().double()).detach().float().double()"
    if exported.classes is None:
        yield 'prediction = outputs[:, 0] * f["output_scale"] + f["output_shift"]'
        return
    yield "probabilities = outputs.softmax(1)"
    yield from _classes(exported.classes)


def _flax(exported: Exported, path: Path) -> Iterator[str]:
    yield "import jax.numpy as jnp, numpy as np"
    yield "from flax import linen as nn, traverse_util"
    yield "from safetensors.numpy import load_file"
    yield ""
    yield "class Net(nn.Module):"
    yield "    @nn.compact"
    yield "    def __call__(self, x):"
    if hidden := exported.sizes[1:-1]:
        yield f"        for width in {list(hidden)}:"
        yield "            x = nn.Dense(width)(x)"
        yield f"            x = {FLAX[exported.activation]}"
    yield f"        return nn.Dense({exported.sizes[-1]})(x)"
    yield ""
    yield f"f = load_file({_quoted(path)})"
    yield 'layers = {name: f[name] for name in f if name.startswith("Dense_")}'
    yield 'params = {"params": traverse_util.unflatten_dict(layers, sep=".")}'
    yield 'x = (np.where(np.isnan(X), f["fill"], X) - f["mean"]) / f["scale"]'
    yield "outputs = Net().apply(params, jnp.float32(x))"
    if exported.classes is None:
        yield 'prediction = np.float64(outputs[:, 0]) * f["output_scale"] + f["output_shift"]'
        return
    yield "probabilities = nn.softmax(outputs)"
    yield from _classes(exported.classes)


def _onnx(exported: Exported, path: Path) -> Iterator[str]:
    columns = columns_of(exported)
    yield "import json, onnxruntime, pandas"
    yield ""
    yield f"session = onnxruntime.InferenceSession({_quoted(path)})"
    yield 'columns = json.loads(session.get_modelmeta().custom_metadata_map["columns"])'
    given = []
    if columns["numbers"]:
        given.append('"numbers": table[columns["numbers"]].to_numpy(float)')
    if columns["categories"]:
        yield 'texts = dict.fromkeys(columns["categories"], str)'
        yield 'table = pandas.read_csv("NEW.csv", dtype=texts)'
        given.append('"categories": table[columns["categories"]].fillna("").to_numpy(object)')
    else:
        yield 'table = pandas.read_csv("NEW.csv")'
    yield "given = {"
    yield from (f"    {one}," for one in given)
    yield "}"
    answers = "(prediction,)" if exported.classes is None else "prediction, probabilities"
    yield f"{answers} = session.run(None, given)"


def _classes(classes: Sequence[str]) -> Iterator[str]:
    """The names of the classes that are predicted."""
    yield from _wrapped("classes = [", ", ".join(map(_quoted, classes)), "]")
    yield "prediction = [classes[k] for k in outputs.argmax(1)]"


def _wrapped(begin: str, inside: str, end: str) -> Iterator[str]:
    """Code in one line if it is short, otherwise with what is between brackets in lines."""
    line = begin + inside + end
    if len(line) <= 88:
        yield line
        return
    yield begin
    yield from textwrap.wrap(
        inside, 84, initial_indent="    ", subsequent_indent="    ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    yield end
