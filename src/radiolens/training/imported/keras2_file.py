"""A network as an `.h5` that both Keras 2 and Keras 3 open: the settings that both know, and one flat list of layers.

What Keras 3 writes into an `.h5`, Keras 2 does not open, and most that Keras 2 writes, Keras 3 does not. Written with
h5py alone, from what `keras_file.inspect_file` found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from radiolens.training.imported.keras_config import INPUT
from radiolens.training.imported.keras_file import StoredLayer, open_weights, stored_layers

__all__ = ["write_h5"]

_VERSION = "2.15.0"  # the last Keras 2; it tells loaders which dialect this is
_LONGEST_ATTRIBUTE = 64_000  # bytes: HDF5's limit is 64 KiB, header included
_OLD_NAMES = {"LeakyReLU": {"negative_slope": "alpha"}}
"""Arguments that Keras 3 renamed and still takes under the old name."""
_ROLES: Mapping[str, tuple[str, ...]] = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "LayerNormalization": ("gamma", "beta"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "DepthwiseConv2D": ("depthwise_kernel", "bias"),
    "PReLU": ("alpha",),
}
"""What Keras calls the weights of a layer, where it is not (kernel, bias)."""


def write_h5(source: Path, facts: Mapping[str, Any], file: Path) -> None:
    """Write the network of an inspected file (`facts` of `inspect_file`) as `.h5`, its weights as float32."""
    layers = stored_layers(facts)
    with source.open("rb") as stream, open_weights(stream, facts["start"], facts["size"]) as weights:
        learnt = {layer.name: _learnt(layer, weights) for layer in layers}
        with h5py.File(file, "w") as made:
            made.attrs["backend"] = "tensorflow"
            made.attrs["keras_version"] = _VERSION
            made.attrs["model_config"] = json.dumps(_model(layers, learnt, facts))
            group = made.create_group("model_weights")
            group.attrs["backend"] = "tensorflow"
            group.attrs["keras_version"] = _VERSION
            _write_names(group, "layer_names", [INPUT, *(layer.name for layer in layers)])
            _write_names(group.create_group(INPUT), "weight_names", [])
            for layer in layers:
                _write_weights(group.create_group(layer.name), layer, weights)


def _learnt(layer: StoredLayer, weights: h5py.File) -> dict[str, Any]:
    """Return the arguments of a Normalization that learnt mean and variance, which then are no weights of its."""
    if layer.kind != "Normalization" or not layer.weights:
        return {}
    mean, variance = (np.ravel(weights[path][()]).astype(float).tolist() for path in layer.weights[:2])
    return {"mean": mean, "variance": variance}


def _model(layers: Sequence[StoredLayer], learnt: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any]) -> object:
    shape = {"batch_input_shape": [None, *facts["shape"]], "dtype": "float32", "sparse": False, "ragged": False}
    image = {"class_name": "InputLayer", "config": {**shape, "name": INPUT}, "name": INPUT, "inbound_nodes": []}
    config = {
        "name": "network",
        "trainable": True,
        "layers": [image, *(_layer(layer, learnt[layer.name]) for layer in layers)],
        "input_layers": [[INPUT, 0, 0]],
        "output_layers": [[facts["output"], 0, 0]],
    }
    return {"class_name": "Functional", "config": config}


def _layer(layer: StoredLayer, learnt: Mapping[str, Any]) -> object:
    old = _OLD_NAMES.get(layer.kind, {})
    arguments = {old.get(key, key): value for key, value in {**layer.arguments, **learnt}.items()}
    return {
        "class_name": layer.kind,
        "config": {"name": layer.name, "trainable": True, "dtype": "float32", **arguments},
        "name": layer.name,
        "inbound_nodes": [[[name, 0, 0, {}] for name in layer.inputs]],
    }


def _write_weights(group: h5py.Group, layer: StoredLayer, weights: h5py.File) -> None:
    paths = () if layer.kind == "Normalization" else layer.weights
    names = [f"{layer.name}/{role}:0" for role in _roles(layer, len(paths))]
    _write_names(group, "weight_names", names)
    for name, path in zip(names, paths, strict=True):
        group.create_dataset(name, data=np.asarray(weights[path][()], np.float32))


def _roles(layer: StoredLayer, count: int) -> list[str]:
    roles = list(_ROLES.get(layer.kind, ("kernel", "bias")))
    for argument, role in (("scale", "gamma"), ("center", "beta")):
        if role in roles and not layer.arguments.get(argument, True):
            roles.remove(role)
    return roles[:count]


def _write_names(group: h5py.Group, attribute: str, names: Sequence[str]) -> None:
    """Write a list of names as Keras does: in pieces `name0`, `name1`, ... if it is too long for one attribute."""
    array = np.asarray([name.encode() for name in names])
    pieces = -(-array.nbytes // _LONGEST_ATTRIBUTE)
    if pieces <= 1:
        group.attrs[attribute] = array
        return
    for index, piece in enumerate(np.array_split(array, pieces)):
        group.attrs[f"{attribute}{index}"] = piece
