"""Activation maps of networks with shuffled weights: one that hardly changes shows the picture, not what was learnt.

Adebayo et al. 2018, Sanity checks for saliency maps, arXiv:1810.03292, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from radiolens.evaluation.intervals import Interval
from radiolens.explain.activation_map import class_activation_maps
from radiolens.imaging.preprocess import network_input
from radiolens.inference.engine import Engine
from radiolens.inference.session import open_session
from radiolens.validation.explanations.map_likeness import rank_correlation, structural_similarity
from radiolens.validation.grouped_intervals import grouped_means
from radiolens.validation.pieces import digest, kept
from radiolens.validation.plan import Plan

__all__ = ["ALL_WEIGHTS", "Randomisation", "Shown", "layer_count", "randomisation", "shuffled"]

ALL_WEIGHTS = "all layers"

_STAGES = (
    ("head", 0.0),
    ("head and last quarter", 0.25),
    ("head and last half", 0.5),
    ("head and last three quarters", 0.75),
    (ALL_WEIGHTS, 1.0),
)
"""Name, and share of the layers below the head whose weights are shuffled with it."""

_DRAWS = 3
"""Shuffled networks of each stage: one alone may by chance keep an order of places."""

_WEIGHTED = ("Conv", "Gemm", "MatMul")
"""Operators that make a layer, if weights go into them; scales and biases behind belong to it."""


@dataclass(frozen=True)
class Randomisation:
    """How alike activation maps stay when weights are shuffled within each tensor, from the head down.

    `stage` says which, and `layers` how many layers that are. `rank_correlation` (Spearman, over the cells of a map, -1
    to 1) and `similarity` (SSIM of maps scaled to their maximum, up to 1) compare the map with that of the trained
    network; means over `cases`, each the mean of three shuffled networks. A map that hangs on what was learnt gets near
    0 in both.
    """

    stage: str
    layers: int
    cases: int
    rank_correlation: Interval
    similarity: Interval


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures with the maps that are shown for them, row by row.

    `grey` is uint8 (n, rows, columns), `columns` (n,) the place of each case's label in the bundle, `maps` (n, h, w)
    that label's map, `groups` (n,) the patients as numbers.
    """

    grey: NDArray[np.uint8]
    columns: NDArray[np.intp]
    maps: NDArray[np.float32]
    groups: NDArray[np.intp]


def randomisation(
    engine: Engine,
    shown: Shown,
    cache: Path,
    plan: Plan,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> tuple[Randomisation, ...]:
    """Return how alike activation maps stay at each stage; the maps of each shuffled network are kept in `cache`."""
    model = onnx.load(engine.installed.folder / "model.onnx")
    below = layer_count(model) - 1
    key = [engine.installed.sha256, digest(shown.grey), shown.columns.tolist(), plan.seed]
    stages = []
    for number, (name, share) in enumerate(_STAGES):
        layers = 1 + round(below * share)
        drawn = []
        for draw in range(_DRAWS):
            make = partial(_shuffled_maps, engine, model, layers, shown, np.random.default_rng((plan.seed, draw)))
            drawn.append(kept(cache, ["shuffled", layers, draw, *key], make))
            progress("Shuffling weights", number * _DRAWS + draw + 1, len(_STAGES) * _DRAWS)
        stages.append(_compared(name, layers, shown, drawn, plan))
    return tuple(stages)


def shuffled(model: onnx.ModelProto, layers: int, random: np.random.Generator) -> bytes:
    """Return the network with the weights of its last `layers` layers shuffled, each tensor within itself.

    So every tensor keeps its values, and activations their size. Weights that an earlier layer uses too stay.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    names = _weights_of_last(changed.graph, layers)
    for tensor in changed.graph.initializer:
        if tensor.name in names:
            values = numpy_helper.to_array(tensor)
            drawn = random.permutation(values.ravel()).reshape(values.shape)
            tensor.CopyFrom(numpy_helper.from_array(drawn, tensor.name))
    content: bytes = changed.SerializeToString()
    return content


def layer_count(model: onnx.ModelProto) -> int:
    """Return the number of layers with weights; the head is one of them."""
    nodes, stored = _working(model.graph)
    return len(_layer_places(nodes, stored))


def _shuffled_maps(
    engine: Engine, model: onnx.ModelProto, layers: int, shown: Shown, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return the map (n, h, w) of each case's label that the shuffled network gives."""
    session = open_session(shuffled(model, layers, random))
    kernel = random.permutation(engine.head_kernel.ravel()).reshape(engine.head_kernel.shape)
    maps = []
    for grey, column in zip(shown.grey, shown.columns, strict=True):
        image = network_input(grey[np.newaxis], engine.bundle.preprocessing)
        (features,) = session.run(["features"], {"image": image})
        maps.append(class_activation_maps(features[0], kernel)[column])
    return np.stack(maps)


def _compared(name: str, layers: int, shown: Shown, drawn: Sequence[NDArray[np.float32]], plan: Plan) -> Randomisation:
    measures = {"rank_correlation": rank_correlation, "similarity": structural_similarity}
    values = {
        measure: np.mean([[like(*pair) for pair in zip(shown.maps, maps, strict=True)] for maps in drawn], axis=0)
        for measure, like in measures.items()
    }
    return Randomisation(name, layers, len(shown.maps), **grouped_means(values, shown.groups, plan))


def _weights_of_last(graph: onnx.GraphProto, layers: int) -> set[str]:
    nodes, stored = _working(graph)
    cut = _layer_places(nodes, stored)[-layers]
    above, below = (
        {stored[name] for node in part for name in node.input if name in stored} for part in (nodes[cut:], nodes[:cut])
    )
    return above - below


def _working(graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], dict[str, str]]:
    """Return the nodes that compute, and of each name that stands for weights the tensor that holds them.

    Bundles store weights as half floats and cast them, so a weight has two names.
    """
    stored = {
        tensor.name: tensor.name
        for tensor in graph.initializer
        if len(tensor.dims) and np.issubdtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type), np.floating)
    }
    nodes = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
        else:
            nodes.append(node)
    return nodes, stored


def _layer_places(nodes: Sequence[onnx.NodeProto], stored: dict[str, str]) -> list[int]:
    return [
        place
        for place, node in enumerate(nodes)
        if node.op_type in _WEIGHTED and any(name in stored for name in node.input)
    ]
