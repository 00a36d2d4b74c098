"""Known Keras layers written as ONNX, directly.

tf2onnx, which Keras's own export uses, holds some 70 copies of the weights (7 GB for a ResNet50) and takes a minute.
A stranger's file is converted in a process of limited memory, so its few kinds of layer are written here. Nobody has to
trust this file: every import compares what the ONNX network answers with what Keras does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from radiolens.errors import BundleError
from radiolens.training.imported.keras_config import INPUT
from radiolens.training.imported.keras_file import StoredLayer

__all__ = ["Floats", "Graph", "Value", "Writer", "network_graph"]

_OPSET = 17  # LayerNormalization; every ONNX Runtime that radiolens allows reads it
_IR_VERSION = 10
_FIRST, _LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # permutations that bring the channels first, and last

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Value:
    """A tensor: its name, its shape without the images' axis and with the channels last, and which way it lies."""

    name: str
    shape: tuple[int, ...]
    channels_first: bool = False


class Graph:
    """An ONNX graph that grows node by node."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._turned: dict[tuple[str, tuple[int, ...]], str] = {}

    def add(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:  # noqa: ANN401  as ONNX has them
        """Add a node and return the name of its output."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any) -> str:  # noqa: ANN401  anything numpy makes an array of
        """Add a constant of float32 and return its name."""
        return self._store(np.asarray(values, np.float32))

    def whole(self, values: Sequence[int]) -> str:
        """Add a constant of whole numbers (axes, sizes) and return its name."""
        return self._store(np.asarray(values, np.int64))

    def _store(self, array: NDArray[Any]) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def first(self, value: Value) -> str:
        """Return the tensor (n, channels, rows, columns) of a value."""
        return value.name if value.channels_first else self._turn(value.name, _FIRST)

    def last(self, value: Value) -> str:
        """Return the tensor of a value with its channels last."""
        return self._turn(value.name, _LAST) if value.channels_first else value.name

    def _turn(self, name: str, order: tuple[int, ...]) -> str:
        key = name, order
        if key not in self._turned:
            self._turned[key] = self.add("Transpose", [name], perm=list(order))
        return self._turned[key]

    def model(self, shape: tuple[int, ...], outputs: Mapping[str, tuple[str, tuple[int, ...]]]) -> onnx.ModelProto:
        """Return the network from `image` (n, *shape) to the outputs: name, and (tensor, its shape without images)."""
        for name, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        graph = helper.make_graph(
            self._nodes,
            "imported",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", *shape])],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", *sides]) for n, (_, sides) in outputs.items()],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        model.producer_name = "radiolens"
        return model


Writer = Callable[[Graph, StoredLayer, Sequence[Value], Sequence[Floats]], Value]


def network_graph(
    layers: Sequence[StoredLayer],
    shapes: Mapping[str, tuple[int, ...]],
    weights: Mapping[str, Sequence[Floats]],
) -> tuple[Graph, dict[str, Value]]:
    """Return the graph of a network and the value of each layer, and of `image`.

    `shapes` are those of the layers' outputs (and of `image`) without the images' axis; `weights` are by layer. Raises
    BundleError for a setting that cannot be written.
    """
    graph = Graph()
    values = {INPUT: Value(INPUT, shapes[INPUT])}
    for layer in layers:
        inputs = [values[name] for name in layer.inputs]
        made = _WRITERS[layer.kind](graph, layer, inputs, weights[layer.name])
        activated = _activated(graph, made, str(layer.arguments.get("activation", "linear")))
        values[layer.name] = replace(activated, shape=shapes[layer.name])
    return graph, values


def _refuse(layer: StoredLayer, what: str) -> BundleError:
    return BundleError(f"Its layer {layer.name!r} ({layer.kind}) has {what}, which is not imported. Change it there.")


# Convolutions


def _convolution(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    kernel, *bias = weights
    groups = layer.arguments.get("groups", 1)
    return _convolved(graph, layer, inputs[0], kernel.transpose(3, 2, 0, 1), bias, groups)


def _depthwise(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    kernel, *bias = weights
    return _convolved(graph, layer, inputs[0], _by_channel(kernel), bias, kernel.shape[2])


def _separable(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    depthwise, pointwise, *bias = weights
    apart = _convolved(graph, layer, inputs[0], _by_channel(depthwise), [], depthwise.shape[2])
    constants = [graph.constant(entry) for entry in (pointwise.transpose(3, 2, 0, 1), *bias)]
    return Value(graph.add("Conv", [apart.name, *constants]), (), channels_first=True)


def _by_channel(kernel: Floats) -> Floats:
    """Return a depthwise kernel (rows, columns, channels, multiplier) as ONNX has it: one filter for each output."""
    rows, columns, channels, multiplier = kernel.shape
    return kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, rows, columns)


def _convolved(
    graph: Graph, layer: StoredLayer, value: Value, kernel: Floats, bias: Sequence[Floats], groups: int
) -> Value:
    sides = kernel.shape[2:]
    steps, spread = _pair(layer.arguments.get("strides", 1)), _pair(layer.arguments.get("dilation_rate", 1))
    reach = [(side - 1) * gap + 1 for side, gap in zip(sides, spread, strict=True)]
    name = graph.add(
        "Conv",
        [graph.first(value), *(graph.constant(entry) for entry in (kernel, *bias))],
        strides=list(steps),
        dilations=list(spread),
        group=groups,
        pads=_pads(layer, value.shape, reach, steps),
    )
    return Value(name, (), channels_first=True)


def _pads(layer: StoredLayer, shape: Sequence[int], reach: Sequence[int], steps: Sequence[int]) -> list[int]:
    """Return what is padded before and after (rows, columns, rows, columns), as TensorFlow does for "same"."""
    padding = str(layer.arguments.get("padding", "valid")).lower()
    if padding == "valid":
        return [0, 0, 0, 0]
    if padding != "same":
        raise _refuse(layer, f"the padding {padding!r}")
    total = [
        max((-(-side // step) - 1) * step + window - side, 0)
        for side, window, step in zip(shape[:2], reach, steps, strict=True)
    ]
    return [entry // 2 for entry in total] + [entry - entry // 2 for entry in total]


def _pair(value: Any) -> tuple[int, int]:  # noqa: ANN401  JSON: one number for both sides, or two
    first, second = value if isinstance(value, list) else (value, value)
    return first, second


# Pooling, padding and shapes


def _pool(operator: str, **attributes: int) -> Writer:
    def write(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
        window = _pair(layer.arguments.get("pool_size", 2))
        steps = _pair(layer.arguments.get("strides") or list(window))
        pads = _pads(layer, inputs[0].shape, window, steps)
        name = graph.add(
            operator, [graph.first(inputs[0])], kernel_shape=list(window), strides=list(steps), pads=pads, **attributes
        )
        return Value(name, (), channels_first=True)

    return write


def _global_pool(operator: str) -> Writer:
    def write(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
        name = graph.add(operator, [graph.first(inputs[0])])
        if layer.arguments.get("keepdims"):
            return Value(name, (), channels_first=True)
        return Value(graph.add("Flatten", [name], axis=1), ())

    return write


def _zero_padding(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    (top, bottom), (left, right) = _margins(layer.arguments.get("padding", 1))
    pads = graph.whole([0, 0, top, left, 0, 0, bottom, right])
    return Value(graph.add("Pad", [graph.first(inputs[0]), pads]), (), channels_first=True)


def _cropping(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    (top, bottom), (left, right) = _margins(layer.arguments.get("cropping", 0))
    rows, columns = inputs[0].shape[:2]
    bounds = ((top, left), (rows - bottom, columns - right), (2, 3))
    places = [graph.whole(entry) for entry in bounds]
    return Value(graph.add("Slice", [graph.first(inputs[0]), *places]), (), channels_first=True)


def _margins(value: Any) -> tuple[tuple[int, int], tuple[int, int]]:  # noqa: ANN401  JSON: one, two or four numbers
    rows, columns = _pair(value)
    return _pair(rows), _pair(columns)


def _flatten(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    return Value(graph.add("Flatten", [graph.last(inputs[0])], axis=1), ())


def _reshape(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    size, target = int(np.prod(inputs[0].shape)), list(layer.arguments["target_shape"])
    known = int(np.prod([side for side in target if side != -1]))
    sides = [size // known if side == -1 else side for side in target]
    return Value(graph.add("Reshape", [graph.last(inputs[0]), graph.whole([-1, *sides])]), ())


def _identity(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    return inputs[0]


# Layers with one number for each channel


def _batch_norm(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    value = inputs[0]
    _check_last_axis(layer, value)
    *scaling, mean, variance = weights
    scale = scaling.pop(0) if layer.arguments.get("scale", True) else np.ones_like(mean)
    centre = scaling.pop(0) if layer.arguments.get("center", True) else np.zeros_like(mean)
    source = graph.first(value) if len(value.shape) == 3 else value.name
    constants = [graph.constant(entry) for entry in (scale, centre, mean, variance)]
    name = graph.add("BatchNormalization", [source, *constants], epsilon=float(layer.arguments.get("epsilon", 1e-3)))
    return Value(name, (), channels_first=len(value.shape) == 3)


def _layer_norm(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    _check_last_axis(layer, inputs[0])
    scaling, channels = list(weights), inputs[0].shape[-1]
    scale = scaling.pop(0) if layer.arguments.get("scale", True) else np.ones(channels, np.float32)
    centre = scaling.pop(0) if layer.arguments.get("center", True) else np.zeros(channels, np.float32)
    epsilon = float(layer.arguments.get("epsilon", 1e-3))
    constants = [graph.constant(entry) for entry in (scale, centre)]
    return Value(graph.add("LayerNormalization", [graph.last(inputs[0]), *constants], axis=-1, epsilon=epsilon), ())


def _normalization(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    _check_last_axis(layer, inputs[0])
    if layer.arguments.get("invert"):
        raise _refuse(layer, "invert")
    mean, variance = weights[:2] or (layer.arguments["mean"], layer.arguments["variance"])
    spread = np.maximum(np.sqrt(np.asarray(variance, np.float32)), np.float32(1e-7))  # Keras's epsilon
    centred = graph.add("Sub", [graph.last(inputs[0]), graph.constant(mean)])
    return Value(graph.add("Div", [centred, graph.constant(spread)]), ())


def _check_last_axis(layer: StoredLayer, value: Value) -> None:
    if layer.arguments.get("axis", -1) not in (-1, len(value.shape)):
        raise _refuse(layer, f"the axis {layer.arguments['axis']}")


def _rescaling(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    scaled = graph.add("Mul", [graph.last(inputs[0]), graph.constant(layer.arguments.get("scale", 1.0))])
    return Value(graph.add("Add", [scaled, graph.constant(layer.arguments.get("offset", 0.0))]), ())


def _dense(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    kernel, *bias = weights
    name = graph.add("MatMul", [graph.last(inputs[0]), graph.constant(kernel)])
    return Value(graph.add("Add", [name, graph.constant(bias[0])]) if bias else name, ())


# Activations


def _activation(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    return inputs[0]  # `network_graph` applies it, as it does for every layer


def _relu(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    slope, most = layer.arguments.get("negative_slope") or 0.0, layer.arguments.get("max_value")
    if layer.arguments.get("threshold"):
        raise _refuse(layer, "a threshold")
    name = graph.add("LeakyRelu", [inputs[0].name], alpha=float(slope))
    name = name if most is None else graph.add("Min", [name, graph.constant(most)])
    return replace(inputs[0], name=name)


def _leaky_relu(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    slope = float(layer.arguments.get("negative_slope", 0.3))
    return replace(inputs[0], name=graph.add("LeakyRelu", [inputs[0].name], alpha=slope))


def _elu(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    return replace(inputs[0], name=graph.add("Elu", [inputs[0].name], alpha=float(layer.arguments.get("alpha", 1.0))))


def _prelu(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    return Value(graph.add("PRelu", [graph.last(inputs[0]), graph.constant(weights[0])]), ())


def _softmax(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    _check_last_axis(layer, inputs[0])
    return Value(graph.add("Softmax", [graph.last(inputs[0])], axis=-1), ())


def _activated(graph: Graph, value: Value, name: str) -> Value:
    """Return a value after an activation of `keras.activations`."""
    x = value.name
    if name == "softmax":
        return Value(graph.add("Softmax", [graph.last(value)], axis=-1), ())
    if name in _PLAIN:
        return replace(value, name=graph.add(_PLAIN[name], [x]))
    made = {
        "linear": lambda: x,
        "relu6": lambda: graph.add("Clip", [x, graph.constant(0.0), graph.constant(6.0)]),
        "silu": lambda: graph.add("Mul", [x, graph.add("Sigmoid", [x])]),
        "swish": lambda: graph.add("Mul", [x, graph.add("Sigmoid", [x])]),
        "mish": lambda: graph.add("Mul", [x, graph.add("Tanh", [graph.add("Softplus", [x])])]),
        "gelu": lambda: _gelu(graph, x),
    }[name]()
    return replace(value, name=made)


_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "elu": "Elu",
        "exponential": "Exp",
        "relu": "Relu",
        "selu": "Selu",
        "sigmoid": "Sigmoid",
        "softplus": "Softplus",
        "softsign": "Softsign",
        "tanh": "Tanh",
    }
)
"""Activations that are one operator."""


def _gelu(graph: Graph, x: str) -> str:
    """Return the exact form, x * (1 + erf(x / sqrt 2)) / 2, which is Keras's default (Hendrycks and Gimpel 2016)."""
    error = graph.add("Erf", [graph.add("Mul", [x, graph.constant(np.sqrt(0.5))])])
    return graph.add(
        "Mul", [graph.add("Mul", [x, graph.constant(0.5)]), graph.add("Add", [error, graph.constant(1.0)])]
    )


# Layers with several inputs


def _merge(operator: str) -> Writer:
    def write(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
        names, channels_first = _same_way(graph, layer, inputs)
        total = names[0]
        for name in names[1:]:
            total = graph.add(operator, [total, name])
        return Value(total, (), channels_first)

    return write


def _average(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    names, channels_first = _same_way(graph, layer, inputs)
    return Value(graph.add("Mean", names), (), channels_first)


def _concatenate(graph: Graph, layer: StoredLayer, inputs: Sequence[Value], weights: Sequence[Floats]) -> Value:
    if layer.arguments.get("axis", -1) not in (-1, len(inputs[0].shape)):
        raise _refuse(layer, f"the axis {layer.arguments['axis']}")
    names, channels_first = _same_way(graph, layer, inputs)
    return Value(graph.add("Concat", names, axis=1 if channels_first else -1), (), channels_first)


def _same_way(graph: Graph, layer: StoredLayer, inputs: Sequence[Value]) -> tuple[list[str], bool]:
    """Return tensors that lie the same way, and whether their channels come first."""
    if any(len(one.shape) != len(other.shape) for one, other in pairwise(inputs)):
        raise _refuse(layer, "inputs of different dimensions")
    spatial = len(inputs[0].shape) == 3
    return [graph.first(value) if spatial else value.name for value in inputs], spatial


_WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        "Dense": _dense,
        "Conv2D": _convolution,
        "DepthwiseConv2D": _depthwise,
        "SeparableConv2D": _separable,
        "BatchNormalization": _batch_norm,
        "LayerNormalization": _layer_norm,
        "Normalization": _normalization,
        "Rescaling": _rescaling,
        "Activation": _activation,
        "ReLU": _relu,
        "LeakyReLU": _leaky_relu,
        "ELU": _elu,
        "PReLU": _prelu,
        "Softmax": _softmax,
        "MaxPooling2D": _pool("MaxPool"),
        "AveragePooling2D": _pool("AveragePool", count_include_pad=0),
        "GlobalAveragePooling2D": _global_pool("GlobalAveragePool"),
        "GlobalMaxPooling2D": _global_pool("GlobalMaxPool"),
        "ZeroPadding2D": _zero_padding,
        "Cropping2D": _cropping,
        "Flatten": _flatten,
        "Reshape": _reshape,
        "Add": _merge("Add"),
        "Subtract": _merge("Sub"),
        "Multiply": _merge("Mul"),
        "Maximum": _merge("Max"),
        "Minimum": _merge("Min"),
        "Average": _average,
        "Concatenate": _concatenate,
        "Dropout": _identity,
        "SpatialDropout2D": _identity,
        "GaussianNoise": _identity,
        "GaussianDropout": _identity,
        "AlphaDropout": _identity,
    }
)
"""How each kind of layer of `keras_layers.KINDS` is written."""
