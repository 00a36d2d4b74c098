"""The end of a stranger's network: which logits give the probabilities it answers, and whether it has a feature map.

A bundle's network answers logits: probabilities are their softmax, if the labels exclude each other, or their sigmoid.
So the last activation is taken off. Where that is not possible, the logits are computed from the probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import onnx
from numpy.typing import NDArray

from radiolens.errors import BundleError
from radiolens.training.imported.keras_file import StoredLayer
from radiolens.training.imported.keras_onnx import Floats, Graph, network_graph

__all__ = ["Answers", "Ending", "Head", "Network", "answers", "stated_probabilities"]

_SMALLEST = 1e-7
"""Where logits come from probabilities: float32 knows none that is closer to one than 6e-8."""
_DROPOUTS = ("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout")


class Ending(StrEnum):
    """What a network's outputs are."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    LOGITS = "logits"
    """A layer without activation: its outputs are taken for logits."""
    PROBABILITIES = "probabilities"
    """Something else, whose values must be probabilities."""


@dataclass(frozen=True, eq=False)
class Head:
    """The dense layer behind a pooled feature map: kernel (channels, labels), bias (labels,)."""

    kernel: Floats
    bias: Floats


@dataclass(frozen=True, eq=False)
class Answers:
    """A network with the output `logits` (n, labels), and `features` (n, h, w, channels) where there is a `head`."""

    model: onnx.ModelProto
    head: Head | None
    ending: Ending


@dataclass(frozen=True)
class Network:
    """A network's layers, the one it ends in, and by layer the output's shape (without images) and the weights."""

    layers: Sequence[StoredLayer]
    output: str
    shapes: Mapping[str, tuple[int, ...]]
    weights: Mapping[str, Sequence[Floats]]


def answers(network: Network, outputs: Sequence[str | None], *, exclusive: bool) -> Answers:
    """Return the network that answers the logits of the labels in `outputs`; None stands for an output without a label.

    Raises BundleError if it has another number of outputs, or ends in another activation than the labels need.
    """
    _check_count(network.shapes[network.output], outputs)
    known = {layer.name: layer for layer in network.layers}
    ending = _ending(known[network.output])
    _check_fits(ending, outputs, exclusive=exclusive)
    chosen = _matrix(outputs, ending, exclusive=exclusive)
    dense = None if ending is Ending.PROBABILITIES else _last_dense(known, network.output)
    if chosen is not None and dense is not None:
        return _with_head(network, known, dense, chosen, ending)
    graph, values = network_graph(_without_activation(network, ending), network.shapes, network.weights)
    logits = values[network.output].name
    if ending is Ending.PROBABILITIES:
        logits = _from_probabilities(graph, logits, exclusive=exclusive)
    elif chosen is None:
        logits = _against_others(graph, logits, outputs)
    if chosen is not None:
        logits = graph.add("MatMul", [logits, graph.constant(chosen)])
    labels = (sum(name is not None for name in outputs),)
    return Answers(graph.model(network.shapes["image"], {"logits": (logits, labels)}), None, ending)


def stated_probabilities(
    values: Floats, outputs: Sequence[str | None], ending: Ending, *, exclusive: bool
) -> NDArray[np.float64]:
    """Return the probabilities (n, labels) that a Keras network's own outputs (n, outputs) state for the labels.

    Raises BundleError for values that are none, where only they can tell.
    """
    stated = values.astype(np.float64)
    if ending is Ending.LOGITS:
        powers = np.exp(stated - stated.max(axis=1, keepdims=True))
        stated = powers / powers.sum(axis=1, keepdims=True) if exclusive else 0.5 * (1.0 + np.tanh(0.5 * stated))
    in_range = np.isfinite(stated).all() and stated.min() >= 0.0 and stated.max() <= 1.0
    if not in_range or (exclusive and np.abs(stated.sum(axis=1) - 1.0).max() > 1e-3):
        raise BundleError(
            f"It answers values from {values.min():.3g} to {values.max():.3g}, which are no probabilities"
            f"{' that sum to one' if exclusive else ''}. Only classifiers with a softmax or sigmoid are imported."
        )
    return stated[:, [index for index, name in enumerate(outputs) if name is not None]]


def _check_count(shape: tuple[int, ...], outputs: Sequence[str | None]) -> None:
    if shape != (len(outputs),):
        found = f"{shape[0]} numbers" if len(shape) == 1 else f"an array of {' x '.join(map(str, shape))}"
        raise BundleError(
            f"It answers {found} for an image, but {len(outputs)} labels were named "
            f"({', '.join(name or '-' for name in outputs)}). Name one for each of its outputs, in the network's "
            "own order, with --labels, and '-' for an output that is no label of the task, such as normal."
        )


def _ending(layer: StoredLayer) -> Ending:
    """Return what the outputs of the last layer are."""
    if layer.kind == "Softmax":
        return Ending.SOFTMAX
    names = {"softmax": Ending.SOFTMAX, "sigmoid": Ending.SIGMOID, "linear": Ending.LOGITS}
    if layer.kind in ("Dense", "Activation"):
        return names.get(str(layer.arguments.get("activation", "linear")), Ending.PROBABILITIES)
    return Ending.PROBABILITIES


def _last_dense(known: Mapping[str, StoredLayer], output: str) -> StoredLayer | None:
    """Return the dense layer whose product the last activation is applied to, None if something stands between."""
    last = known[output]
    if last.kind == "Dense":
        return last
    before = known.get(last.inputs[0])
    return before if before is not None and before.kind == "Dense" and _ending(before) is Ending.LOGITS else None


def _without_activation(network: Network, ending: Ending) -> list[StoredLayer]:
    *before, last = sorted(network.layers, key=lambda layer: layer.name == network.output)
    if ending is Ending.PROBABILITIES:
        return [*before, last]
    kind = "Activation" if last.kind == "Softmax" else last.kind
    return [*before, replace(last, kind=kind, arguments={**last.arguments, "activation": "linear"})]


def _check_fits(ending: Ending, outputs: Sequence[str | None], *, exclusive: bool) -> None:
    if exclusive and (ending is Ending.SIGMOID or None in outputs or len(outputs) == 1):
        raise BundleError(
            f"It ends in {ending} over {len(outputs)} outputs, but the labels of the task exclude each other: they "
            "need a softmax over two labels of the task or more, each output one label."
        )
    if ending is Ending.SOFTMAX and len(outputs) == 1:
        raise BundleError("It ends in a softmax over one output, which always answers 1. Such a network says nothing.")
    if not any(outputs):
        raise BundleError("None of its outputs is a label of the task. Name at least one with --labels.")


def _matrix(outputs: Sequence[str | None], ending: Ending, *, exclusive: bool) -> Floats | None:
    """Return the matrix (outputs, labels) from raw outputs to logits; None if they are no linear function of them.

    A softmax over two is the sigmoid of their difference, so one of them alone is an independent finding.
    """
    chosen = np.eye(len(outputs), dtype=np.float32)[:, [name is not None for name in outputs]]
    if exclusive or ending is not Ending.SOFTMAX:
        return chosen
    return 2.0 * chosen - 1.0 if len(outputs) == 2 else None


def _with_head(
    network: Network, known: Mapping[str, StoredLayer], dense: StoredLayer, chosen: Floats, ending: Ending
) -> Answers:
    """Return the network with one dense layer at its end that answers the labels, and the feature map before it."""
    kernel, *bias = network.weights[dense.name]
    head = Head(kernel @ chosen, bias[0] @ chosen if bias else np.zeros(chosen.shape[1], np.float32))
    before = [layer for layer in network.layers if layer.name not in (dense.name, network.output)]
    graph, values = network_graph(before, network.shapes, network.weights)
    product = graph.add("MatMul", [values[dense.inputs[0]].name, graph.constant(head.kernel)])
    logits = graph.add("Add", [product, graph.constant(head.bias)])
    outputs: dict[str, tuple[str, tuple[int, ...]]] = {"logits": (logits, (chosen.shape[1],))}
    pooled = known.get(dense.inputs[0])
    while pooled is not None and pooled.kind in _DROPOUTS:
        pooled = known.get(pooled.inputs[0])
    if pooled is None or pooled.kind != "GlobalAveragePooling2D" or pooled.arguments.get("keepdims"):
        return Answers(graph.model(network.shapes["image"], outputs), None, ending)
    features = values[pooled.inputs[0]]
    outputs["features"] = graph.last(features), features.shape
    return Answers(graph.model(network.shapes["image"], outputs), head, ending)


def _against_others(graph: Graph, raw: str, outputs: Sequence[str | None]) -> str:
    """Return the logit of each label of a softmax against all other outputs: log(p / (1 - p)), without its rounding."""
    logits = []
    for index, name in enumerate(outputs):
        if name is None:
            continue
        own, others = graph.whole([index]), [i for i in range(len(outputs)) if i != index]
        rest = graph.add("Gather", [raw, graph.whole(others)], axis=1)
        against = graph.add("ReduceLogSumExp", [rest], axes=[1], keepdims=1)
        logits.append(graph.add("Sub", [graph.add("Gather", [raw, own], axis=1), against]))
    return graph.add("Concat", logits, axis=1)


def _from_probabilities(graph: Graph, values: str, *, exclusive: bool) -> str:
    safe = graph.add("Clip", [values, graph.constant(_SMALLEST), graph.constant(1.0 - _SMALLEST)])
    log = graph.add("Log", [safe])
    if exclusive:
        return log
    return graph.add("Sub", [log, graph.add("Log", [graph.add("Sub", [graph.constant(1.0), safe])])])
