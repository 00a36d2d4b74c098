"""Prints how far the ways from image to answer differ: Keras, ONNX in float32, ONNX as stored, training, serving, CAM.

Command: python benchmarks/parity.py runs/chest_xray/network.keras chest_xray ../shared/data/chest-xray
Needs the extra [train]. Takes 200 images of the test split, spread evenly over source and label.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import tensorflow as tf
from numpy.typing import NDArray

from radiolens.cli.collection import open_collection
from radiolens.data.manifest import Case, Manifest
from radiolens.evaluation.link import probabilities
from radiolens.explain.activation_map import class_activation_maps
from radiolens.imaging.preprocess import Preprocessing, grey_levels, network_input
from radiolens.imaging.untrusted import read_untrusted
from radiolens.prediction import decide
from radiolens.training.calibrate import operating_point
from radiolens.training.config import source_and_label
from radiolens.training.configs import load_experiment
from radiolens.training.onnx_export import export_onnx, head_weights
from radiolens.training.pipeline import draw_indices, read_grey_levels

IMAGES = 200
SERVED = 50
"""Of these the arrays of training and serving are compared: each costs a child process."""


@dataclass(frozen=True)
class Parity:
    """What was found; differences are the largest over all images and labels, of calibrated probabilities.

    The limit on maps holds for one and the same network, so for its export in float32; rounding the weights to float16
    moves a map as it moves an answer, and that is told beside it.
    """

    images: int
    keras_to_single: float
    single_to_stored: float
    changed_decisions: int
    arrays_compared: int
    different_arrays: int
    maps_compared: int
    lowest_map_correlation: float
    lowest_stored_map_correlation: float


LIMITS = {
    "keras_to_single": "at most 1e-4",
    "single_to_stored": "at most 1e-2",
    "changed_decisions": "0",
    "different_arrays": "0",
    "lowest_map_correlation": "at least 0.999",
}


def measure(model: keras.Model, manifest: Manifest, preprocessing: Preprocessing) -> Parity:
    """Compare all ways on cases of the test split; the operating point is chosen on the validation split."""
    cases, chosen_on = spread(manifest, "test"), spread(manifest, "validation")
    images, of_validation = (_images(manifest, preprocessing, part) for part in (cases, chosen_on))
    exported = {half: _onnx_session(model, half=half) for half in (False, True)}
    stored, stored_features = _onnx_answers(exported[True], images)
    single, single_features = _onnx_answers(exported[False], images)
    logits = {
        "keras": _keras_logits(model, images),
        "single": single,
        "stored": stored,
    }
    point = operating_point(manifest.task, chosen_on, _onnx_answers(exported[True], of_validation)[0])
    temperature = [point.temperature[name] for name in manifest.task.label_names]
    answers = {way: probabilities(each, temperature, exclusive=manifest.task.exclusive) for way, each in logits.items()}
    decided = {way: _decisions(manifest, answer, point.thresholds) for way, answer in answers.items()}
    trained, served = zip(*(_both_arrays(manifest.path(case), preprocessing) for case in cases[:SERVED]), strict=True)
    correlations = _map_correlations(model, images, single_features)
    return Parity(
        images=len(cases),
        keras_to_single=float(np.abs(answers["keras"] - answers["single"]).max()),
        single_to_stored=float(np.abs(answers["single"] - answers["stored"]).max()),
        changed_decisions=sum(one != other for one, other in zip(decided["single"], decided["stored"], strict=True)),
        arrays_compared=len(served),
        different_arrays=sum(not np.array_equal(own, other) for own, other in zip(trained, served, strict=True)),
        maps_compared=len(correlations),
        lowest_map_correlation=min(correlations),
        lowest_stored_map_correlation=min(_map_correlations(model, images, stored_features)),
    )


def spread(manifest: Manifest, split: str, count: int = IMAGES) -> list[Case]:
    """Return up to `count` cases of a split in which sources and labels stand as equally often as they can."""
    cases = [case for case in manifest.cases if case.split == split]
    drawn = draw_indices(cases, source_and_label, min(count, len(cases)), np.random.default_rng(0))
    left = np.setdiff1d(np.random.default_rng(0).permutation(len(cases)), drawn)
    chosen = [*dict.fromkeys(drawn.tolist()), *left.tolist()]
    return [cases[index] for index in chosen[:count]]


def _images(manifest: Manifest, preprocessing: Preprocessing, cases: Sequence[Case]) -> NDArray[np.float32]:
    grey = np.stack([read_grey_levels(manifest.path(case), preprocessing) for case in cases])
    return network_input(grey, preprocessing)


def _onnx_session(model: keras.Model, *, half: bool) -> onnxruntime.InferenceSession:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        export_onnx(model, file, half=half)
        return onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])


def _onnx_answers(
    session: onnxruntime.InferenceSession, images: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    parts = [session.run(["logits", "features"], {"image": batch}) for batch in _batches(images)]
    logits, features = (np.concatenate(output) for output in zip(*parts, strict=True))
    return logits, features


def _keras_logits(model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(model.predict_on_batch(batch)) for batch in _batches(images)])


def _batches(images: NDArray[np.float32], size: int = 25) -> Iterator[NDArray[np.float32]]:
    return (images[start : start + size] for start in range(0, len(images), size))


def _decisions(
    manifest: Manifest, answers: NDArray[np.float64], thresholds: Mapping[str, float]
) -> list[tuple[object, ...]]:
    names = manifest.task.label_names
    return [
        tuple(
            finding.presence
            for finding in decide(
                dict(zip(names, row.tolist(), strict=True)), thresholds, exclusive=manifest.task.exclusive
            )
        )
        for row in answers
    ]


def _both_arrays(file: Path, preprocessing: Preprocessing) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what training and what serving make of a file."""
    image = read_untrusted([file.read_bytes()])
    served = grey_levels(image.pixels[len(image.pixels) // 2], image.unit, preprocessing)
    return read_grey_levels(file, preprocessing), served


def _map_correlations(
    model: keras.Model, images: NDArray[np.float32], exported_features: NDArray[np.float32]
) -> list[float]:
    """Return the correlation of our map, of exported features, with Grad-CAM of each logit on the trained network.

    A constant map has no correlation and is left out.
    """
    kernel, _ = head_weights(model)
    trunk = keras.Model(model.input, model.get_layer("features").output)
    head, pooled = model.get_layer("head"), model.get_layer("pooled")
    correlations = []
    for batch, stored in zip(_batches(images), _batches(exported_features), strict=True):
        with tf.GradientTape(persistent=True) as tape:
            features = trunk(batch)
            tape.watch(features)
            by_label = tf.unstack(head(pooled(features)), axis=1)
        own = np.stack([class_activation_maps(each, kernel) for each in stored], axis=1)
        for maps, logit in zip(own, by_label, strict=True):
            weights = tape.gradient(logit, features).numpy().mean(axis=(1, 2))  # images do not touch one another
            references = np.maximum(np.einsum("nhwc,nc->nhw", features.numpy(), weights), 0.0)
            pairs = [
                (one, other) for one, other in zip(maps, references, strict=True) if one.std() > 0 and other.std() > 0
            ]
            correlations += [float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) for one, other in pairs]
    return correlations


def main(network: str, experiment: str, data: str) -> None:
    """Measure a trained network and print each figure beside its limit."""
    config = load_experiment(experiment)
    manifest = config.part(open_collection(Path(data), config.task))
    model = keras.saving.load_model(network)
    found = measure(model, manifest, config.preprocessing)
    for entry in fields(found):
        print(f"{entry.name:<24} {getattr(found, entry.name):<12.6g} {LIMITS.get(entry.name, '')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
