"""A Keras network built anew from an inspected file: known layers with known settings, and the weights of the file.

Keras's own loader is not asked, for two reasons. It does not load most networks of Keras 2 that were made by transfer
learning. And what it does with a stranger's description is more than to build layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.errors import BundleError
from radiolens.training.imported.keras_config import INPUT
from radiolens.training.imported.keras_file import StoredLayer, open_weights, stored_layers

__all__ = ["MOST_ACTIVATIONS", "rebuild"]

MOST_ACTIVATIONS = 300_000_000
"""Numbers in all feature maps of one image: VGG16 at 1024 x 1024 has 280 million."""


def rebuild(file: Path, facts: Mapping[str, Any]) -> keras.Model:
    """Return the network of an inspected file (`facts` of `inspect_file`), which takes (n, rows, columns, channels).

    Raises BundleError if its layers do not fit together or to the weights; that is found out before memory is taken.
    """
    layers = stored_layers(facts)
    with file.open("rb") as stream, open_weights(stream, facts["start"], facts["size"]) as weights:
        with keras.StatelessScope(initialize_variables=False):  # shapes alone, without memory for the weights
            _check_sizes(_network(layers, facts, weights), layers)
        model = _network(layers, facts, weights)
        for layer in layers:
            if layer.kind != "Normalization":
                model.get_layer(layer.name).set_weights([_array(weights, path) for path in layer.weights])
    return model


def _network(layers: Sequence[StoredLayer], facts: Mapping[str, Any], weights: h5py.File) -> keras.Model:
    known = {INPUT: keras.Input(tuple(facts["shape"]), name=INPUT)}
    activations = 0
    for layer in layers:
        inputs = [known[name] for name in layer.inputs]
        try:
            known[layer.name] = _instance(layer, weights)(inputs if len(inputs) > 1 else inputs[0])
        except (TypeError, ValueError) as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise BundleError(
                f"Its layer {layer.name!r} ({layer.kind}) cannot be built: {first[:200]} Save it again with model.save."
            ) from error
        activations = _with_activations(activations, layer, known[layer.name])
    return keras.Model(known[INPUT], known[facts["output"]], name="imported")


def _instance(layer: StoredLayer, weights: h5py.File) -> keras.layers.Layer:
    arguments = {key: _plain(value) for key, value in layer.arguments.items()}
    if layer.kind == "Normalization" and layer.weights:  # learnt with `adapt`: mean, variance, and a count nobody needs
        mean, variance = (_array(weights, path) for path in layer.weights[:2])
        arguments = {**arguments, "mean": mean.tolist(), "variance": variance.tolist()}
    return getattr(keras.layers, layer.kind)(**arguments, name=layer.name)


def _plain(value: Any) -> Any:  # noqa: ANN401  JSON
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _array(weights: h5py.File, path: str) -> NDArray[np.float32]:
    return np.asarray(weights[path][()], np.float32)


def _with_activations(before: int, layer: StoredLayer, output: keras.KerasTensor) -> int:
    """Return how many numbers one image makes up to this layer; raise BundleError if they are too many or unknown."""
    sides = output.shape[1:]
    total = before + (0 if None in sides else int(np.prod(sides, dtype=object)))
    if None in sides or total > MOST_ACTIVATIONS:
        raise BundleError(
            f"Up to its layer {layer.name!r} one image makes {total / 1e6:.0f} million numbers, or an unknown "
            f"number of them; at most {MOST_ACTIVATIONS / 1e6:.0f} million are imported. Use a smaller network."
        )
    return total


def _check_sizes(model: keras.Model, layers: Sequence[StoredLayer]) -> None:
    """Raise BundleError if a layer would take other weights than the file holds; None has memory yet."""
    for layer in layers:
        needed = [tuple(weight.shape) for weight in model.get_layer(layer.name).weights if "seed" not in weight.path]
        if layer.kind != "Normalization" and needed != list(layer.shapes):
            raise BundleError(
                f"Its layer {layer.name!r} ({layer.kind}) needs weights of the shapes {str(needed)[:120]}, but the "
                f"file holds {str(list(layer.shapes))[:120]}. It is damaged, or its description was changed."
            )
