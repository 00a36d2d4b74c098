"""A recipe judged by patients it has not seen: each fold is answered by the network that was trained without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Manifest
from radiolens.evaluation.conformal import ConformalSets
from radiolens.task import Task
from radiolens.training.calibrate import OperatingPoint, operating_point
from radiolens.training.config import Experiment
from radiolens.training.folds import (
    Answers,
    Fold,
    calibrates,
    calibration_answers,
    check_calibrates,
    fold_numbers,
    judge_fold,
)
from radiolens.training.train import Watcher
from radiolens.validation.questions import Scored

__all__ = ["OutOfFold", "cross_validate", "pooled"]

_SILENT = Watcher()


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """The cases of all folds with their pooled answers, and those that every network answered.

    `task` holds the labels of the experiment. `others` are the test and external cases without a fold: each stands in
    it once for every network, which its `fold` names, and all of them in one group. `points` are what each network was
    calibrated to, and `networks` the SHA-256 of the stored networks, both by fold.
    """

    task: Task
    scored: Scored
    others: Scored
    points: Mapping[int, OperatingPoint]
    networks: Mapping[int, str]

    @property
    def thresholds(self) -> Mapping[str, NDArray[np.float64]]:
        """Return for each label the threshold of each case (n,) in `scored`: each fold has its own."""
        return self.thresholds_of(self.scored)

    @property
    def sets(self) -> tuple[ConformalSets, ...]:
        """Return what makes the prediction set of each case (n,) in `scored`: that of the network of its fold."""
        return self.sets_of(self.scored)

    def thresholds_of(self, scored: Scored) -> Mapping[str, NDArray[np.float64]]:
        """Return for each label the threshold of each case (n,), which is that of the network that its fold names."""
        points = [self.points[case.fold or 0] for case in scored.cases]
        return {
            name: np.asarray([point.thresholds[name] for point in points], np.float64) for name in self.task.label_names
        }

    def sets_of(self, scored: Scored) -> tuple[ConformalSets, ...]:
        """Return what makes the prediction set of each case (n,), by the network that its fold names."""
        return tuple(self.points[case.fold or 0].sets for case in scored.cases)


def cross_validate(experiment: Experiment, manifest: Manifest, runs: Path, watcher: Watcher = _SILENT) -> OutOfFold:
    """Train a network for each fold in `runs`, or go on with them, and pool their answers to the cases held out.

    Raises DatasetError, before anything is trained, for a manifest without folds or one by which a network could not be
    calibrated; and what training raises.
    """
    check_calibrates(experiment, manifest)
    folds = [judge_fold(experiment, manifest, number, runs, watcher) for number in fold_numbers(manifest)]
    return pooled(experiment.part(manifest).task, folds, experiment.set_confidence)


def pooled(task: Task, folds: Sequence[Fold], set_confidence: float = 0.0) -> OutOfFold:
    """Return the pooled answers of folds, each calibrated by `calibration_answers`: without an answer to its own cases.

    So nothing that a case is judged by was chosen on it (cross-fitting). `set_confidence` is that of `Experiment`.
    """
    points = {
        fold.number: operating_point(task, *calibration_answers(folds, fold.number), set_confidence=set_confidence)
        for fold in folds
    }
    return OutOfFold(
        task=task,
        scored=_joined([_calibrated(fold.own, points[fold.number]) for fold in folds]),
        others=_joined([_calibrated(_never_used(fold), points[fold.number]) for fold in folds]),
        points=points,
        networks={fold.number: fold.sha256 for fold in folds},
    )


def _never_used(fold: Fold) -> Answers:
    """Return the answers to cases without a fold that chose nothing, each named by the fold of the network.

    An image that names neither patient nor duplicates gets a group of its own, so that its answers count as one.
    """
    rows = [row for row, case in enumerate(fold.others.cases) if not calibrates(case)]
    kept = (fold.others.cases[row] for row in rows)
    cases = tuple(
        replace(case, fold=fold.number, duplicate_group=case.duplicate_group or ("" if case.patient_id else case.path))
        for case in kept
    )
    return Answers(cases, fold.others.logits[rows], fold.others.grey[rows])


def _calibrated(answers: Answers, point: OperatingPoint) -> Scored:
    return Scored(answers.cases, point.probabilities(answers.logits), answers.grey)


def _joined(parts: Sequence[Scored]) -> Scored:
    return Scored(
        tuple(case for part in parts for case in part.cases),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.grey for part in parts]),
    )
