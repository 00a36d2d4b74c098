"""Generated hospitals in the names of the real sources, as files, and a network that tells their brightness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from radiolens.data.case import Case, Manifest
from radiolens.tasks import get_task

SIDE = 224
"""Of the plain recipe."""

_CHANNELS = 6


def chest_manifest(folder: Path, each: int = 16) -> Manifest:
    """Return a manifest of `each` films of a source and label, written to `folder`; ill ones have a bright spot."""
    cases = []
    for source, labels in _CHEST:
        for number in range(each):
            split = "external" if source == "tbx11k" else ("train", "train", "validation", "test")[number // 2 % 4]
            ill = any(labels.values())
            path = f"{source}/{'ill' if ill else 'well'}/{number}.png"
            _write(folder / path, ill=ill, seed=len(cases))
            patient = f"{ill}-{number // 2}"  # two films of each
            cases.append(Case(path, source=source, patient_id=patient, split=split, labels=labels))
    return Manifest(folder / "manifest.csv", get_task("chest-xray"), tuple(cases))


_CHEST: tuple[tuple[str, Mapping[str, int | None]], ...] = (
    ("guangzhou", {"pneumonia": 0, "tuberculosis": None}),
    ("guangzhou", {"pneumonia": 1, "tuberculosis": None}),
    ("nih", {"pneumonia": 0, "tuberculosis": None}),
    ("nih", {"pneumonia": 1, "tuberculosis": None}),
    ("tb-collection", {"pneumonia": 0, "tuberculosis": 0}),
    ("tb-collection", {"pneumonia": None, "tuberculosis": 1}),
    ("tbx11k", {"pneumonia": None, "tuberculosis": 1}),
)


def _write(file: Path, *, ill: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    grey = random.integers(20, 120, (48, 40)).astype(np.uint8)
    grey[0, 0], grey[0, 1] = 0, 255  # the same extremes for all, so that min-max leaves the rest
    if ill:
        grey[10:30, 10:30] = 200
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), grey)


def write_network(file: Path, side: int = SIDE) -> None:
    """Write a network from `image` (n, side, side, 1) to `logits` (n, 6): means of powers of the picture."""
    powers = numpy_helper.from_array(np.arange(1, _CHANNELS + 1, dtype=np.float32), "powers")
    axes = numpy_helper.from_array(np.asarray([1, 2], np.int64), "axes")
    nodes = [
        helper.make_node("Abs", ["image"], ["positive"]),
        helper.make_node("Pow", ["positive", "powers"], ["each"]),
        helper.make_node("ReduceMean", ["each", "axes"], ["logits"], keepdims=0),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", side, side, 1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", _CHANNELS])
    graph = helper.make_graph(nodes, "powers", [image], [logits], [powers, axes])
    # ONNX 1.16, so that every supported runtime reads it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    file.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, file)


def slices(sources: Mapping[str, tuple[frozenset[str], ...]], each: int) -> Iterator[Case]:
    """Yield MR slices: for each source and set of possible labels `each`, in folds 1 to 5 of which 5 is the test."""
    for source, labels in sources.items():
        for possible in labels:
            for number in range(each):
                fold = number % 5 + 1
                split = {4: "validation", 5: "test"}.get(fold, "train")
                name = "-".join(sorted(possible))
                yield Case(f"{source}/{name}/{number}.png", source=source, fold=fold, split=split, possible=possible)
