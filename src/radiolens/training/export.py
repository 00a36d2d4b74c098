"""From a trained network to a bundle: what is calibrated is the stored network, not the one in training."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import Bundle, InstalledBundle, write_bundle
from radiolens.data.manifest import Manifest
from radiolens.inference.engine import Engine
from radiolens.training.calibrate import EXCLUSIVE_THRESHOLD, operating_point
from radiolens.training.config import Experiment
from radiolens.training.onnx_export import export_onnx, head_weights
from radiolens.training.pipeline import cached_grey_levels
from radiolens.training.run_folder import environment

__all__ = ["export_bundle"]


def export_bundle(
    experiment: Experiment, manifest: Manifest, network: Path, folder: Path, version: str, cache: Path
) -> InstalledBundle:
    """Write the bundle of a trained network: ONNX, then temperature, thresholds and golden pair of the stored network.

    The temperature and thresholds are chosen on the validation split, of the experiment's sources only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = keras.saving.load_model(network)
    export_onnx(model, folder / "model.onnx")
    kernel, bias = head_weights(model)
    part = [case for case in manifest.cases if case.source in experiment.sources and case.split == "validation"]
    grey = np.asarray(cached_grey_levels(manifest, part, experiment.preprocessing, cache))
    np.savez_compressed(folder / "reference.npz", head_kernel=kernel, head_bias=bias)
    bundle = _bundle(experiment, manifest, version)
    logits = _stored_logits(bundle, folder, grey)
    chosen = operating_point(manifest.task, part, logits)
    calibrated = replace(
        bundle,
        temperature=chosen.temperature,
        thresholds=chosen.thresholds,
        threshold_evidence=chosen.evidence,
    )
    _write_golden(calibrated, folder)
    return write_bundle(calibrated, folder)


def _bundle(experiment: Experiment, manifest: Manifest, version: str) -> Bundle:
    task = manifest.task
    used = [case for case in manifest.cases if case.source in experiment.sources]
    sources = {
        source: sorted({case.licence for case in used if case.source == source}) for source in experiment.sources
    }
    return Bundle(
        name=task.name,
        version=version,
        task=task.name,
        labels=task.label_names,
        exclusive=task.exclusive,
        preprocessing=experiment.preprocessing,
        temperature=dict.fromkeys(task.label_names, 1.0),
        thresholds=dict.fromkeys(task.label_names, EXCLUSIVE_THRESHOLD),
        threshold_evidence="not chosen yet",
        limits=task.limits,
        explanation="class-activation-map",
        provenance={
            "experiment": experiment.name,
            "sources": sources,
            "environment": environment(),
            "created": datetime.now(UTC).date().isoformat(),
        },
    )


def _stored_logits(bundle: Bundle, folder: Path, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the logits (n, labels) of the network as it was stored, with a provisional golden pair to open it."""
    _write_provisional(bundle, folder)
    engine = Engine.open(folder)
    return np.concatenate([engine.run(grey[start : start + 32])[0] for start in range(0, len(grey), 32)])


def _write_provisional(bundle: Bundle, folder: Path) -> None:
    """Write a bundle whose golden pair is of no image, which any network reproduces."""
    none = np.zeros((0, bundle.preprocessing.rows, bundle.preprocessing.columns), np.uint8)
    np.savez_compressed(folder / "golden.npz", grey=none, probabilities=np.zeros((0, len(bundle.labels))))
    write_bundle(bundle, folder)


def _write_golden(bundle: Bundle, folder: Path) -> None:
    """Store two generated pictures with the answers of the stored network: smooth shapes, and noise."""
    write_bundle(bundle, folder)
    rows, columns = bundle.preprocessing.rows, bundle.preprocessing.columns
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    smooth = np.rint(127.5 + 127.5 * np.sin(9 * x) * np.cos(7 * y)).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (rows, columns), np.uint8)
    grey = np.stack([smooth, noise])
    engine = Engine.open(folder)
    answers = engine.probabilities(engine.run(grey)[0])
    np.savez_compressed(folder / "golden.npz", grey=grey, probabilities=answers)
