"""The network of a cross-validation as a bundle: calibrated on answers that it, or its like, gave to new patients."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from radiolens.data.splits import without_fold
from radiolens.errors import DatasetError
from radiolens.training.calibrate import Calibration
from radiolens.training.export import Exported
from radiolens.training.folds import ANSWERS, STORED, calibration_answers, check_fold, finished_folds, fold_run

__all__ = ["calibrated_out_of_fold"]


def calibrated_out_of_fold(exported: Exported, runs: Path, fold: int) -> Exported:
    """Return what to export of the network that left out `fold` in the finished cross-validation in `runs`.

    It is the very network that answered, calibrated by `calibration_answers`. Its manifest has that fold as test split,
    and as training split what the network was trained on. Raises DatasetError if a network or its answers are missing,
    if there is no such fold, if `exported` names another network, or if the stored one is not that which answered.
    """
    experiment = exported.experiment.with_fixed_schedule()  # as a cross-validation trains
    folds = finished_folds(experiment, exported.manifest, runs)
    check_fold(exported.manifest, fold)
    expected = fold_run(experiment, runs, fold) / "network.keras"
    if not exported.network.samefile(expected):
        raise DatasetError(f"{exported.network} is not the network that left out fold {fold}. Give {expected}.")
    stored = expected.with_name(STORED)
    answered = next(found.sha256 for found in folds if found.number == fold)
    if not stored.is_file() or hashlib.sha256(stored.read_bytes()).hexdigest() != answered:
        raise DatasetError(
            f"{stored} is not the network that gave the answers of fold {fold}. Remove {ANSWERS} beside it; then "
            "`radiolens crossvalidate` stores the network and asks it anew."
        )
    others = ", ".join(str(found.number) for found in folds if found.number != fold)
    on = (
        f"answers out of fold: those to the folds {others}, each by the network that was trained without it, and this "
        "network's to validation cases without a fold"
    )
    return replace(
        exported,
        experiment=experiment,
        manifest=without_fold(exported.manifest, fold, held_out="test"),
        calibration=Calibration(*calibration_answers(folds, fold), on),
        stored=stored,
    )
