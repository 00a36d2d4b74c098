"""The limited process that builds a stranger's network: `python -m radiolens.training.imported.import_child FOLDER`.

FOLDER holds `request.json` (what was found in the file, the labels, the limits), `source` (a copy of the file) and
`pictures.npy` (grey levels). The child bounds itself before it opens `source`, and writes `model.onnx`,
`network.keras`, `reference.npz`, `answers.npy` (what Keras answers for the pictures) and `told.json`. It prints the
stage it is in.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx

from radiolens.imaging.preprocess import Fit, Preprocessing, network_input
from radiolens.training.imported.confined import answer
from radiolens.training.imported.keras_config import INPUT
from radiolens.training.imported.keras_ending import Network, answers, stated_probabilities
from radiolens.training.imported.keras_file import StoredLayer, stored_layers
from radiolens.training.imported.keras_rebuild import rebuild

__all__ = ["build", "stored_network"]


def build(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Build the network of `source`, write it as ONNX and as a Keras archive, and return what the parent asks."""
    _stage("building the network")
    facts, outputs, exclusive = request["facts"], request["outputs"], request["exclusive"]
    model = rebuild(folder / "source", facts)
    answering = answers(stored_network(model, facts), outputs, exclusive=exclusive)
    _stage("asking Keras about the pictures")
    fit = Fit(request["preprocessing"]["fit"])
    preprocessing = Preprocessing(**{**request["preprocessing"], "fit": fit})
    images = network_input(np.load(folder / "pictures.npy", allow_pickle=False), preprocessing)
    stated = np.concatenate([np.asarray(model(image[np.newaxis], training=False)) for image in images])
    np.save(folder / "answers.npy", stated_probabilities(stated, outputs, answering.ending, exclusive=exclusive))
    _stage("writing the network")
    onnx.checker.check_model(answering.model)
    onnx.save(answering.model, folder / "model.onnx")
    head = answering.head
    arrays: dict[str, Any] = {"head_kernel": head.kernel, "head_bias": head.bias} if head else {}
    np.savez(folder / "reference.npz", **arrays)
    model.save(folder / "network.keras")
    return {"ending": answering.ending, "features": head is not None, "weights": model.count_params()}


def stored_network(model: keras.Model, facts: Mapping[str, Any]) -> Network:
    """Return the layers of a rebuilt network with the shapes and weights that Keras found."""
    layers = stored_layers(facts)
    by_name = {layer.name: model.get_layer(layer.name) for layer in layers}
    shapes = {name: tuple(layer.output.shape[1:]) for name, layer in by_name.items()}
    weights = {layer.name: _weights(by_name[layer.name], layer) for layer in layers}
    return Network(layers, facts["output"], {INPUT: tuple(facts["shape"]), **shapes}, weights)


def _weights(built: keras.layers.Layer, layer: StoredLayer) -> list[np.ndarray]:
    """Return the weights of a layer in its kind's order; Keras's own order puts those that are trained first."""
    if layer.kind == "Normalization" and layer.weights:
        return [np.ravel(built.input_mean), np.ravel(built.input_variance)]
    return built.get_weights() if layer.weights else []


def _stage(name: str) -> None:
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    keras.utils.disable_interactive_logging()
    answer(Path(sys.argv[1]), build)
