"""One network for each fold, trained on all others, and its answers to the fold: what a cross-validation is made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import check_no_leakage
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import network_input
from radiolens.inference.session import open_session
from radiolens.training.config import Experiment
from radiolens.training.onnx_export import export_onnx
from radiolens.training.pipeline import cached_grey_levels
from radiolens.training.train import Watcher, train

__all__ = ["Fold", "fold_numbers", "judge_fold"]

_EXPORTED = "model.onnx"
_ANSWERS = "answers.npz"
_SILENT = Watcher()


@dataclass(frozen=True, eq=False)
class Fold:
    """The cases of one fold with the answers of the network that was trained without them, row by row.

    `logits` (n, labels) are of the stored network, as serving would compute them; `grey` is uint8 (n, rows, columns).
    `sha256` is that of the stored network.
    """

    number: int
    cases: tuple[Case, ...]
    logits: NDArray[np.float32]
    grey: NDArray[np.uint8]
    sha256: str


def fold_numbers(manifest: Manifest) -> tuple[int, ...]:
    """Return the folds of a manifest in order; raise DatasetError for fewer than two, PatientLeakage if one leaks."""
    folds = sorted({case.fold for case in manifest.cases if case.fold is not None and case.split != "external"})
    if len(folds) < 2:
        raise DatasetError(
            f"{manifest.file}: {len(folds)} folds, and a cross-validation needs at least two. Let it cut some by "
            "patient with --folds 5, or write them into the manifest with `radiolens data split --folds 5`."
        )
    check_no_leakage(_holding_out(manifest, folds[0]).cases)
    return tuple(folds)


def judge_fold(experiment: Experiment, manifest: Manifest, number: int, runs: Path, watcher: Watcher = _SILENT) -> Fold:
    """Train the network that has not seen a fold, or go on with it, and return its answers to that fold.

    All other folds are trained on, those of a test split too; cases without a fold and external ones take no part. The
    schedule is fixed (`patience` 0), since an epoch chosen on the fold would know it. A kill costs at most an epoch.
    Raises what `train` raises.
    """
    cut = _holding_out(manifest, number)
    run = runs / f"{experiment.name}-without-fold{number}"
    trained = train(replace(experiment, patience=0), cut, run, runs / "cache", watcher)
    used = experiment.part(cut)
    cases = tuple(case for case in used.cases if case.split == "validation")
    grey = cached_grey_levels(used, cases, experiment.preprocessing, runs / "cache")

    def progress(done: int, total: int) -> None:
        watcher.progress(f"answering fold {number}", done, total)

    sha256, logits = _answers(trained, experiment, grey, progress)
    return Fold(number, cases, logits, grey, sha256)


def _holding_out(manifest: Manifest, fold: int) -> Manifest:
    """Return the cases that have a fold, with this one as validation split and the others as training split."""
    cases = (case for case in manifest.cases if case.fold is not None and case.split != "external")
    cut = (replace(case, split="validation" if case.fold == fold else "train") for case in cases)
    return replace(manifest, cases=tuple(cut))


def _answers(
    trained: Path, experiment: Experiment, grey: NDArray[np.uint8], progress: Callable[[int, int], None]
) -> tuple[str, NDArray[np.float32]]:
    """Return the SHA-256 of the stored network and its logits (n, labels) of grey levels (n, rows, columns).

    They are kept beside the trained network, from which the stored one is exported once.
    """
    file = trained.with_name(_ANSWERS)
    key = f"{_sha256(trained.read_bytes())} {_sha256(grey.tobytes())}"
    if file.exists():
        with np.load(file, allow_pickle=False) as kept:
            if str(kept["key"]) == key:
                return str(kept["network"]), kept["logits"]
    network = trained.with_name(_EXPORTED)
    export_onnx(keras.saving.load_model(trained), network)
    session = open_session(network)
    logits = []
    for row in range(len(grey)):
        image = network_input(grey[row : row + 1], experiment.preprocessing)
        logits.append(session.run(["logits"], {"image": image})[0])
        progress(row + 1, len(grey))
    found, sha256 = np.concatenate(logits), _sha256(network.read_bytes())
    partial = trained.with_name(f"partial-{_ANSWERS}")
    with partial.open("wb") as stream:
        np.savez_compressed(stream, key=np.asarray(key), network=np.asarray(sha256), logits=found)
    os.replace(partial, file)
    return sha256, found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
