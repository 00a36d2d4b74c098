"""One network for each fold, trained on all others, and its answers: what a cross-validation is made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import check_no_leakage, without_fold
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import network_input
from radiolens.inference.session import open_session
from radiolens.training.calibrate import check_both_sides
from radiolens.training.checkpoints import load_network
from radiolens.training.config import Experiment
from radiolens.training.onnx_export import export_onnx
from radiolens.training.pipeline import cached_grey_levels
from radiolens.training.train import Watcher, train

__all__ = [
    "ANSWERS",
    "STORED",
    "Answers",
    "Fold",
    "calibrates",
    "calibration_answers",
    "check_calibrates",
    "check_fold",
    "finished_folds",
    "fold_numbers",
    "fold_run",
    "judge_fold",
]

STORED = "model.onnx"
"""The file of the network that answers, beside the trained one."""

ANSWERS = "answers.npz"
"""The file of what it answered."""

_SILENT = Watcher()


@dataclass(frozen=True, eq=False)
class Answers:
    """Cases with what a network says of them, row by row.

    `logits` (n, labels) are of the stored network, as serving would compute them; `grey` is uint8 (n, rows, columns).
    """

    cases: tuple[Case, ...]
    logits: NDArray[np.float32]
    grey: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Fold:
    """The answers of the network that was trained without one fold.

    `own` are the cases of that fold; `others` those without a fold that no network is trained on: of the splits
    validation, test and external. `sha256` is that of the stored network.
    """

    number: int
    own: Answers
    others: Answers
    sha256: str


def fold_numbers(manifest: Manifest) -> tuple[int, ...]:
    """Return the folds of a manifest in order; raise DatasetError for fewer than two, PatientLeakage if one leaks."""
    folds = sorted({case.fold for case in manifest.cases if case.fold is not None and case.split != "external"})
    if len(folds) < 2:
        raise DatasetError(
            f"{manifest.file}: {len(folds)} folds, and a cross-validation needs at least two. Let it cut some by "
            "patient with --folds 5, or write them into the manifest with `radiolens data split --folds 5`."
        )
    check_no_leakage(without_fold(manifest, folds[0]).cases)
    return tuple(folds)


def check_fold(manifest: Manifest, number: int) -> None:
    """Raise DatasetError, which names the folds that there are, if this is none of them."""
    numbers = fold_numbers(manifest)
    if number not in numbers:
        raise DatasetError(f"{manifest.file}: no fold {number}. Choose of {', '.join(map(str, numbers))}.")


def fold_run(experiment: Experiment, runs: Path, number: int) -> Path:
    """Return the folder of the run that leaves a fold out."""
    return runs / f"{experiment.name}-without-fold{number}"


def judge_fold(experiment: Experiment, manifest: Manifest, number: int, runs: Path, watcher: Watcher = _SILENT) -> Fold:
    """Train the network that has not seen a fold, or go on with it, and return its answers.

    Trained on are all other folds, those of a test split too, and the training split of cases without a fold
    (`without_fold`). The schedule is fixed (`patience` 0), since an epoch chosen on the fold would know it. A kill
    costs at most an epoch. Raises what `train` raises.
    """
    cut = without_fold(manifest, number)
    trained = train(experiment.with_fixed_schedule(), cut, fold_run(experiment, runs, number), runs / "cache", watcher)
    own, others = _own(experiment, cut, number), _others(experiment, cut)
    grey = [_grey(experiment, cut, cases, runs / "cache") for cases in (own, others)]

    def progress(done: int, total: int) -> None:
        watcher.progress(f"answering without fold {number}", done, total)

    sha256, logits = _answers(trained, experiment, grey, progress)
    return Fold(number, Answers(own, logits[: len(own)], grey[0]), Answers(others, logits[len(own) :], grey[1]), sha256)


def finished_folds(experiment: Experiment, manifest: Manifest, runs: Path) -> list[Fold]:
    """Return all folds of a cross-validation that is done; raise DatasetError if one of them is not."""
    numbers = fold_numbers(manifest)
    missing = [number for number in numbers if not (fold_run(experiment, runs, number) / ANSWERS).is_file()]
    if missing:
        raise DatasetError(
            f"{runs}: no answers of {experiment.name!r} without fold {', '.join(map(str, missing))}. "
            "Let `radiolens crossvalidate` finish first."
        )
    return [judge_fold(experiment, manifest, number, runs) for number in numbers]


def check_calibrates(experiment: Experiment, manifest: Manifest) -> None:
    """Raise DatasetError if a fold's network could not be calibrated: on the cases of `calibration_answers`."""
    numbers = fold_numbers(manifest)
    cuts = {number: without_fold(manifest, number) for number in numbers}
    own = {number: _own(experiment, cut, number) for number, cut in cuts.items()}
    unfolded = [case for case in _others(experiment, cuts[numbers[0]]) if calibrates(case)]
    for number in numbers:
        cases = [*(case for other in numbers if other != number for case in own[other]), *unfolded]
        told = f"all but fold {number}, by which its network is calibrated,"
        check_both_sides(experiment.part(manifest).task, cases, told)


def calibrates(case: Case) -> bool:
    """Say whether a case without a fold may choose temperature and thresholds; what is measured may not."""
    return case.split == "validation"


def calibration_answers(folds: Sequence[Fold], number: int) -> tuple[tuple[Case, ...], NDArray[np.float32]]:
    """Return cases and logits (n, labels) by which the network without one fold is calibrated.

    They are what it says of validation cases without a fold, and the answers to the other folds, each by the network of
    its own: the same recipe on patients that are new to it. No answer to a case of the fold itself is among them.
    """
    (own,) = (fold for fold in folds if fold.number == number)
    rows = [row for row, case in enumerate(own.others.cases) if calibrates(case)]
    others = [fold.own for fold in folds if fold.number != number]
    cases = (*(case for part in others for case in part.cases), *(own.others.cases[row] for row in rows))
    return cases, np.concatenate([*(part.logits for part in others), own.others.logits[rows]])


def _own(experiment: Experiment, cut: Manifest, number: int) -> tuple[Case, ...]:
    return tuple(case for case in experiment.part(cut).cases if case.fold == number)


def _others(experiment: Experiment, cut: Manifest) -> tuple[Case, ...]:
    """Return the cases without a fold that every network may answer, test and external ones of any source."""
    used = {case.path for case in experiment.part(cut).cases}
    return tuple(
        case
        for case in cut.cases
        if case.fold is None
        and (case.split in ("test", "external") or (case.split == "validation" and case.path in used))
    )


def _grey(experiment: Experiment, cut: Manifest, cases: Sequence[Case], cache: Path) -> NDArray[np.uint8]:
    size = experiment.preprocessing
    if not cases:
        return np.zeros((0, size.rows, size.columns), np.uint8)  # there is no memory map of nothing
    return cached_grey_levels(cut, cases, size, cache)


def _answers(
    trained: Path, experiment: Experiment, grey: Sequence[NDArray[np.uint8]], progress: Callable[[int, int], None]
) -> tuple[str, NDArray[np.float32]]:
    """Return the SHA-256 of the stored network and its logits (n, labels) of all grey levels, one part after another.

    They are kept beside the trained network, from which the stored one is exported once.
    """
    file = trained.with_name(ANSWERS)
    key = " ".join(_sha256(content) for content in (trained.read_bytes(), *(part.tobytes() for part in grey)))
    if file.exists():
        with np.load(file, allow_pickle=False) as kept:
            if str(kept["key"]) == key:
                return str(kept["network"]), kept["logits"]
    network = trained.with_name(STORED)
    export_onnx(load_network(trained), network)
    session = open_session(network)
    pictures = [part[row : row + 1] for part in grey for row in range(len(part))]
    logits = []
    for number, picture in enumerate(pictures, 1):
        logits.append(session.run(["logits"], {"image": network_input(picture, experiment.preprocessing)})[0])
        progress(number, len(pictures))
    found, sha256 = np.concatenate(logits), _sha256(network.read_bytes())
    partial = trained.with_name(f"partial-{ANSWERS}")
    with partial.open("wb") as stream:
        np.savez_compressed(stream, key=np.asarray(key), network=np.asarray(sha256), logits=found)
    os.replace(partial, file)
    return sha256, found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
