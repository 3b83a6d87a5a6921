"""How is a network written as ONNX? With what makes its inputs of a table's columns inside.

It computes as ``gradless predict``: in double precision, from inputs rounded to float32, to outputs
rounded to float32. Elementwise operators are those that runtimes have for double precision.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradless._core.errors import InputError
from gradless.data.preprocessing import MISSING
from gradless.data.unscaled import Block
from gradless.runs.exported.content import Exported

# Of 2022: runtimes that are older than that are rare.
_OPSET, _ML_OPSET, _IR = 17, 3, 8
_FLOAT, _DOUBLE, _INT64, _STRING = 1, 11, 7, 8  # as the format numbers types


def onnx_file(exported: Exported) -> bytes:
    """An ONNX model.

    Inputs are ``numbers``, float64 (rows, columns), with NaN where one is missing, and
    ``categories``, strings (rows, columns), with an empty one where it is missing; the metadata
    entry ``columns`` names the columns of both. Outputs are ``prediction``, strings or float64
    (rows,), and for classes ``probabilities``, float64 (rows, classes).

    Raises
    ------
    InputError
        If onnx is not installed.
    """
    try:
        onnx = importlib.import_module("onnx")
    except ImportError as error:
        raise InputError(
            '--to onnx needs onnx. Install it from a checkout with: pip install ".[onnx]"'
        ) from error
    graph = _Graph(onnx)
    columns = columns_of(exported)
    given = [
        onnx.helper.make_tensor_value_info(name, type_, ["rows", len(columns[name])])
        for name, type_ in (("numbers", _DOUBLE), ("categories", _STRING))
        if columns[name]
    ]
    outputs = _network(graph, _inputs(graph, exported), exported)
    _answers(graph, outputs, exported)
    answer = _DOUBLE if exported.classes is None else _STRING
    said: list[tuple[Any, ...]] = [("prediction", answer, ["rows"])]
    if exported.classes is not None:
        said.append(("probabilities", _DOUBLE, ["rows", len(exported.classes)]))
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "gradless",
            given,
            [onnx.helper.make_tensor_value_info(*one) for one in said],
            graph.constants,
        ),
        producer_name="gradless",
        opset_imports=[
            onnx.helper.make_opsetid("", _OPSET), onnx.helper.make_opsetid("ai.onnx.ml", _ML_OPSET),
        ],
        ir_version=_IR,
    )  # fmt: skip
    about = {"columns": json.dumps(columns), "network": exported.text}
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def columns_of(exported: Exported) -> dict[str, list[str]]:
    """Names of the columns that each input of the model takes."""
    pairs = list(zip(exported.columns, exported.kinds, strict=True))
    return {
        "numbers": [name for name, kind in pairs if kind == "number"],
        "categories": [name for name, kind in pairs if kind == "category"],
    }


class _Graph:
    """Nodes and constants, as they are added."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        """The name of an array."""
        name, array = f"c{len(self.constants)}", np.asarray(value)
        if array.dtype.kind in "UO":
            made = self._onnx.helper.make_tensor(
                name, _STRING, array.shape, [str(text).encode() for text in array.ravel()]
            )
        else:
            made = self._onnx.numpy_helper.from_array(array, name)
        self.constants.append(made)
        return name

    def add(self, operator: str, *given: Any, name: str = "", domain: str = "", **told: Any) -> str:
        """The name of what an operator makes of values, by name or as numbers."""
        names = [one if isinstance(one, str) else self.constant(one) for one in given]
        name = name or f"v{len(self.nodes)}"
        self.nodes.append(
            self._onnx.helper.make_node(operator, names, [name], domain=domain, **told)
        )
        return name


def _inputs(graph: _Graph, exported: Exported) -> str:
    """What the network sees of the columns."""
    made = [name for block in exported.blocks for name in _block(graph, block, exported.kinds)]
    joined = graph.add("Concat", *made, axis=1)
    scales = exported.scales
    centred = graph.add("Sub", joined, scales["mean"])
    scaled = graph.add("Div", centred, scales["scale"])
    return graph.add("Cast", graph.add("Cast", scaled, to=_FLOAT), to=_DOUBLE)


def _block(graph: _Graph, block: Block, kinds: Sequence[str]) -> Sequence[str]:
    """Inputs, not yet scaled, of one way."""
    # Of the columns before it, those that are given beside it.
    places = [kinds[:column].count(kinds[column]) for column in block.columns]
    if block.way != "categories":
        values = graph.add("Gather", "numbers", np.array(places, np.int64), axis=1)
        missing = graph.add("IsNaN", values)
        if block.way == "gaps":
            return [graph.add("Cast", missing, to=_DOUBLE)]
        return [graph.add("Where", missing, block.fill, values)]
    made = []
    for place, (names, rows) in zip(places, block.tables, strict=True):
        texts = graph.add("Gather", "categories", np.array(place, np.int64), axis=1)
        keys, values_of = list(names), list(range(len(names)))
        if MISSING in names and "" not in names:
            keys, values_of = [*keys, ""], [*values_of, names.index(MISSING)]
        index = graph.add(
            "LabelEncoder", texts, domain="ai.onnx.ml", keys_strings=keys,
            values_int64s=values_of, default_int64=len(names),
        )  # fmt: skip
        made.append(graph.add("Gather", rows, index, axis=0))
    return made


def _network(graph: _Graph, values: str, exported: Exported) -> str:
    """Outputs of all layers, as float32 knows them."""
    for index, (weights, biases) in enumerate(zip(exported.weights, exported.biases, strict=True)):
        if index:
            values = _activated(graph, values, exported.activation)
        kept, added = (
            graph.add("Cast", graph.constant(array), to=_DOUBLE) for array in (weights, biases)
        )
        values = graph.add("Add", graph.add("MatMul", values, kept), added)
    return graph.add("Cast", values, to=_FLOAT)


def _answers(graph: _Graph, outputs: str, exported: Exported) -> None:
    """Predictions and probabilities."""
    numbers = graph.add("Cast", outputs, to=_DOUBLE)
    if exported.classes is None:
        scaled = graph.add("Mul", numbers, exported.output_scale)
        shifted = graph.add("Add", scaled, exported.output_shift)
        graph.add("Squeeze", shifted, np.array([1]), name="prediction")
        return
    largest = graph.add("ArgMax", outputs, axis=1, keepdims=0)
    graph.add("Gather", np.array(exported.classes, object), largest, name="prediction")
    graph.add("Softmax", numbers, axis=1, name="probabilities")


def _activated(graph: _Graph, x: str, activation: str) -> str:
    """The activation of values, as ``models.numpy_forward`` has it."""
    add = graph.add
    zero, one = np.array(0.0), np.array(1.0)
    simple = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "sine": "Sin", "sign": "Sign"}
    if activation in simple:
        return add(simple[activation], x)
    if activation == "identity":
        return x
    if activation == "step":
        return add("Cast", add("Greater", x, zero), to=_DOUBLE)
    if activation == "leaky_relu":
        return add("Where", add("Less", x, zero), add("Mul", x, np.array(0.01)), x)
    if activation == "elu":
        below = add("Sub", add("Exp", add("Min", x, zero)), one)
        return add("Where", add("Greater", x, zero), x, below)
    if activation == "silu":
        return add("Mul", x, add("Sigmoid", x))
    if activation == "softplus":
        powers = add("Exp", add("Neg", add("Abs", x)))
        return add("Add", add("Max", x, zero), add("Log", add("Add", powers, one)))
    assert activation == "gelu"  # in its form by tanh
    cubed = add("Mul", add("Mul", add("Mul", x, x), x), np.array(0.044715))
    inner = add("Mul", add("Add", x, cubed), np.array(np.sqrt(2 / np.pi)))
    return add("Mul", add("Mul", x, np.array(0.5)), add("Add", add("Tanh", inner), one))
