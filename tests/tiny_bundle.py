"""A real bundle of a few kilobytes, for tests that need a network but not a good one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from radiolens.bundle import OCCLUSION_MAP, Bundle, write_bundle
from radiolens.evaluation.conformal import ConformalSets
from radiolens.evaluation.link import probabilities
from radiolens.imaging.preprocess import Preprocessing, network_input
from radiolens.inference.set_file import set_arrays
from radiolens.task import Task
from radiolens.tasks import get_task

SIDE = 32
CHANNELS = 8
VERSION = "0.0.1"

_IR_VERSION = 10  # ONNX 1.16, so that every supported runtime reads it
_OPSET = 17

Weights = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def make_bundle(
    folder: Path,
    task: str = "chest-xray",
    seed: int = 0,
    version: str = VERSION,
    weights: Weights | None = None,
    sets: ConformalSets | None = None,
    **changes: Any,  # noqa: ANN401  any field of the bundle
) -> Path:
    """Write a bundle of random weights, or of the given ones, to `folder`/<task>/<version> and return that folder.

    With `sets` it gives prediction sets of that coverage and confidence.
    """
    place = folder / task / version
    place.mkdir(parents=True)
    asked = get_task(task)
    kernel, head_kernel, head_bias = weights or _weights(len(asked.labels), np.random.default_rng(seed))
    onnx.save(_network(kernel, head_kernel, head_bias), place / "model.onnx")
    columns = set_arrays(sets) if sets else {}
    np.savez(place / "reference.npz", head_kernel=head_kernel, head_bias=head_bias, **columns)
    promise = {"coverage": sets.coverage, "coverage_confidence": sets.confidence} if sets else {}
    bundle = replace(_bundle(asked, version), **promise, **changes)
    grey = np.random.default_rng(seed).integers(0, 256, (2, SIDE, SIDE), np.uint8)
    logits = tiny_logits(grey, (kernel, head_kernel, head_bias), bundle.preprocessing)
    bias = [bundle.bias.get(label, 0.0) for label in bundle.labels]
    golden = probabilities(logits, list(bundle.temperature.values()), bias, exclusive=bundle.exclusive)
    np.savez(place / "golden.npz", grey=grey, probabilities=golden.astype(np.float32))
    return write_bundle(bundle, place).folder


def make_imported(
    folder: Path,
    name: str = "braintumor",
    task: str = "brain-mri",
    labels: Sequence[str] = ("glioma", "meningioma", "no_tumour", "pituitary"),
    shape: tuple[int, int, int] = (SIDE, SIDE, 3),
    seed: int = 0,
    version: str = VERSION,
    **changes: Any,  # noqa: ANN401  any field of the bundle
) -> Path:
    """Write a bundle as the import of a Keras file makes one to `folder`/<name>/<version> and return that folder.

    Its network is one dense layer on the pixels, so it has no feature map; `shape` is (rows, columns, channels).
    """
    place = folder / name / version
    place.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 4 / np.sqrt(np.prod(shape)), (int(np.prod(shape)), len(labels))).astype(np.float32)
    onnx.save(dense_network(shape, weights), place / "model.onnx")
    np.savez(place / "reference.npz")
    fields: dict[str, Any] = {
        "name": name,
        "version": version,
        "task": task,
        "labels": tuple(labels),
        "exclusive": get_task(task).exclusive,
        "preprocessing": Preprocessing(*shape, offset=0.0, scale=255.0),
        "temperature": dict.fromkeys(labels, 1.0),
        "thresholds": dict.fromkeys(labels, 0.5),
        "threshold_evidence": "one half",
        "limits": ("It was trained elsewhere.",),
        "explanation": OCCLUSION_MAP,
        "provenance": {"file": f"{name}.h5", "sha256": "ab" * 32},
        "calibrated": False,
    }
    bundle = Bundle(**fields | changes)
    grey = rng.integers(0, 256, (2, *shape[:2]), np.uint8)
    logits = network_input(grey, bundle.preprocessing).reshape(2, -1) @ weights
    golden = probabilities(logits, list(bundle.temperature.values()), exclusive=bundle.exclusive)
    np.savez(place / "golden.npz", grey=grey, probabilities=golden.astype(np.float32))
    return write_bundle(bundle, place).folder


def dense_network(shape: tuple[int, int, int], weights: NDArray[np.float32]) -> onnx.ModelProto:
    """Return a network of one dense layer, weights (rows * columns * channels, labels), without a feature map."""
    return _model(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        ],
        {"image": ["n", *shape]},
        {"logits": ["n", weights.shape[1]]},
        {"weights": weights},
    )


def tiny_logits(grey: NDArray[np.uint8], weights: Weights, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return what the tiny network answers, in numpy: a 4 x 4 convolution of stride 4, ReLU, mean, one dense head."""
    kernel, head_kernel, head_bias = weights
    image = network_input(grey, preprocessing)[..., 0]
    steps = SIDE // 4
    patches = image.reshape(len(image), steps, 4, steps, 4).transpose(0, 1, 3, 2, 4).reshape(-1, steps, steps, 16)
    features = np.maximum(patches @ kernel.reshape(CHANNELS, 16).T, 0)
    logits: NDArray[np.float32] = features.mean(axis=(1, 2)) @ head_kernel + head_bias
    return logits


def _weights(labels: int, rng: np.random.Generator) -> Weights:
    kernel = rng.normal(0, 0.5, (CHANNELS, 1, 4, 4)).astype(np.float32)
    head = rng.normal(0, 1, (CHANNELS, labels)).astype(np.float32)
    return kernel, head, rng.normal(0, 0.5, labels).astype(np.float32)


def _bundle(task: Task, version: str) -> Bundle:
    return Bundle(
        name=task.name,
        version=version,
        task=task.name,
        labels=task.label_names,
        exclusive=task.exclusive,
        preprocessing=Preprocessing(SIDE, SIDE),
        temperature=dict.fromkeys(task.label_names, 1.5),
        thresholds=dict.fromkeys(task.label_names, 0.5),
        threshold_evidence="one half",
        limits=("The weights are random: the answers mean nothing.",),
        explanation="class-activation-map",
        provenance={"sources": {}, "created": "2026-01-01"},
    )


def _network(
    kernel: NDArray[np.float32], head_kernel: NDArray[np.float32], head_bias: NDArray[np.float32]
) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "kernel"], ["convolved"], strides=[4, 4]),
        helper.make_node("Relu", ["convolved"], ["rectified"]),
        helper.make_node("Transpose", ["rectified"], ["features"], perm=[0, 2, 3, 1]),
        helper.make_node("ReduceMean", ["features"], ["pooled"], axes=[1, 2], keepdims=0),
        helper.make_node("Gemm", ["pooled", "head_kernel", "head_bias"], ["logits"]),
    ]
    return _model(
        nodes,
        {"image": ["n", SIDE, SIDE, 1]},
        {"logits": ["n", len(head_bias)], "features": ["n", SIDE // 4, SIDE // 4, CHANNELS]},
        {"kernel": kernel, "head_kernel": head_kernel, "head_bias": head_bias},
    )


def _model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[str | int]],
    outputs: dict[str, list[str | int]],
    weights: dict[str, NDArray[np.float32]],
) -> onnx.ModelProto:
    def declared(values: dict[str, list[str | int]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()]

    stored = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", declared(inputs), declared(outputs), stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return model
