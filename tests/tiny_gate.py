"""A real gate bundle of a few kilobytes, for tests that need a gate network and know what it will see.

The network looks at the mean grey level of the four quarters of a picture: its heads are given as weights on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from radiolens.evaluation.link import probabilities
from radiolens.imaging.preprocess import Fit, Preprocessing, network_input
from radiolens.inference.gate_bundle import DEFECTS, GateBundle, write_gate
from radiolens.safety.sight import Kind

SIDE = 32
VERSION = "0.0.1"
QUARTERS = 4
KINDS = tuple(Kind)

_REFUSE_FROM = {"kind": 0.5, "rotated": 0.5, "inverted": 0.5, "cropped": 0.5, "distance": 0.99}


def make_gate(
    folder: Path,
    kernel: NDArray[np.float32] | None = None,
    bias: NDArray[np.float32] | None = None,
    version: str = VERSION,
    **changes: Any,  # noqa: ANN401  any field of the bundle
) -> Path:
    """Write a gate bundle to `folder`/gate/<version> and return that folder.

    `kernel` (4, 8) and `bias` (8,) make the logits of the quarters' means, -1 to 1: upper left, upper right, lower
    left, lower right. Without them every picture is an upright, whole chest film.
    """
    place = folder / "gate" / version
    place.mkdir(parents=True)
    if bias is None:
        bias = np.array([8.0, 0, 0, 0, 0, -8, -8, -8], np.float32)
    if kernel is None:
        kernel = np.zeros((QUARTERS, len(bias)), np.float32)
    onnx.save(_network(kernel, bias), place / "model.onnx")
    np.savez(
        place / "reference.npz",
        projection=np.ones((1, 1), np.float32),
        offset=np.zeros(1, np.float32),
        centres=np.zeros((1, 1), np.float32),
        distances=np.linspace(0, 0.99, 100, dtype=np.float32),
    )
    fields: dict[str, Any] = {
        "version": version,
        "kinds": KINDS,
        "defects": DEFECTS,
        "preprocessing": Preprocessing(SIDE, SIDE, fit=Fit.PAD),
        "temperature": dict.fromkeys(("kind", *DEFECTS), 1.0),
        "refuse_from": _REFUSE_FROM,
        "threshold_evidence": "one half",
        "limits": ("It knows quarters only.",),
        "provenance": {"created": "2026-01-01"},
    }
    bundle = GateBundle(**fields | changes)
    grey = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE), np.uint8)
    logits = quarters(grey, bundle.preprocessing) @ kernel + bias
    kinds = probabilities(logits[:, : len(KINDS)], bundle.temperature["kind"], exclusive=True)
    told = [bundle.temperature[name] for name in DEFECTS]
    answers = np.concatenate([kinds, probabilities(logits[:, len(KINDS) :], told, exclusive=False)], axis=1)
    np.savez(place / "golden.npz", grey=grey, probabilities=answers)
    return write_gate(bundle, place).folder


def quarters(grey: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return the means (n, 4) that the network sees of grey levels (n, rows, columns)."""
    image = network_input(grey, preprocessing)[..., 0]
    half = SIDE // 2
    return np.asarray(image.reshape(len(image), 2, half, 2, half).mean(axis=(2, 4)).reshape(-1, QUARTERS), np.float32)


def _network(kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> onnx.ModelProto:
    """Return a network whose feature map is the quarters' means (n, 2, 2, 1)."""
    half = SIDE // 2
    nodes = [
        helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["first"], ["means"], kernel_shape=[half, half], strides=[half, half]),
        helper.make_node("Transpose", ["means"], ["features"], perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Gemm", ["flat", "kernel", "bias"], ["logits"]),
    ]
    values = {"image": ["n", SIDE, SIDE, 1], "logits": ["n", len(bias)], "features": ["n", 2, 2, 1]}
    declared = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()}
    graph = helper.make_graph(
        nodes,
        "tiny-gate",
        [declared["image"]],
        [declared["logits"], declared["features"]],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    return model
