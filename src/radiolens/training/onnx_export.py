"""A Keras classifier as ONNX: logits and last feature map, weights stored as float16 and computed in float32."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import numpy_helper

__all__ = ["export_onnx", "head_weights", "with_features"]

_SMALLEST_STORED_AS_HALF = 20_000
"""Elements. Smaller tensors (stem, depthwise kernels, biases, head) stay float32. That costs a Lite0 0.4 of 7.2 MB, but
as halves they moved a probability of the chest network by up to 0.022; the large ones move it by 0.0007."""


def export_onnx(model: keras.Model, file: Path, *, half: bool = True) -> None:
    """Write a classifier as ONNX with the input `image` and the outputs `logits` and `features`.

    With `half` each large weight is stored as float16 and cast to float32 when the network is loaded.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        with_features(model).export(raw, format="onnx", verbose=False)
        graph = onnx.load(raw)
    _rename(graph, ["image"], [entry.name for entry in graph.graph.input])
    _rename(graph, ["logits", "features"], [entry.name for entry in graph.graph.output])
    if half:
        _store_as_half(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, file)


def with_features(model: keras.Model) -> keras.Model:
    """Return the classifier with its last feature map (n, h, w, channels) as second output, ready to be exported."""
    both = keras.Model(model.input, [model.get_layer("head").output, model.get_layer("features").output])
    both(np.zeros((1, *model.input_shape[1:]), np.float32))  # export works only on a model that was called
    return both


def head_weights(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Return the dense head's kernel (channels, labels) and bias (labels,) as they are stored: float16 if large."""
    kernel, bias = model.get_layer("head").get_weights()
    rounded = kernel.astype(np.float16).astype(np.float32) if kernel.size >= _SMALLEST_STORED_AS_HALF else kernel
    return rounded, bias


def _rename(graph: onnx.ModelProto, names: list[str], old: list[str]) -> None:
    new = dict(zip(old, names, strict=True))
    for entry in (*graph.graph.input, *graph.graph.output):
        entry.name = new.get(entry.name, entry.name)
    for node in graph.graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]


def _store_as_half(graph: onnx.ModelProto) -> None:
    casts = []
    for weight in graph.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _SMALLEST_STORED_AS_HALF:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
