"""A recipe judged by patients it has not seen: each fold is answered by the network that was trained without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Manifest
from radiolens.evaluation.link import probabilities
from radiolens.task import Task
from radiolens.training.calibrate import OperatingPoint, operating_point
from radiolens.training.config import Experiment
from radiolens.training.folds import Fold, fold_numbers, judge_fold
from radiolens.training.train import Watcher
from radiolens.validation.questions import Scored

__all__ = ["OutOfFold", "cross_validate", "pooled"]

_SILENT = Watcher()


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """The cases of all folds with their pooled answers.

    `task` holds the labels of the experiment. `thresholds` give each label one value per case (n,): each fold has its
    own. `networks` are the SHA-256 of the stored networks by fold.
    """

    task: Task
    scored: Scored
    thresholds: Mapping[str, NDArray[np.float64]]
    networks: Mapping[int, str]


def cross_validate(experiment: Experiment, manifest: Manifest, runs: Path, watcher: Watcher = _SILENT) -> OutOfFold:
    """Train a network for each fold in `runs`, or go on with them, and pool their answers to the cases held out.

    Raises DatasetError for a manifest without folds, and what training raises.
    """
    folds = [judge_fold(experiment, manifest, number, runs, watcher) for number in fold_numbers(manifest)]
    return pooled(experiment.part(manifest).task, folds)


def pooled(task: Task, folds: Sequence[Fold]) -> OutOfFold:
    """Return the pooled answers of folds, each calibrated on all others.

    Temperature and thresholds of a fold are chosen on the out-of-fold answers of the other folds, so that nothing that
    a case is judged by has seen it (cross-fitting).
    """
    points = [_point_of_others(task, folds, fold) for fold in folds]
    return OutOfFold(
        task=task,
        scored=Scored(
            tuple(case for fold in folds for case in fold.cases),
            np.concatenate([_calibrated(task, fold, point) for fold, point in zip(folds, points, strict=True)]),
            np.concatenate([fold.grey for fold in folds]),
        ),
        thresholds={
            name: np.concatenate(
                [np.full(len(fold.cases), point.thresholds[name]) for fold, point in zip(folds, points, strict=True)]
            )
            for name in task.label_names
        },
        networks={fold.number: fold.sha256 for fold in folds},
    )


def _point_of_others(task: Task, folds: Sequence[Fold], fold: Fold) -> OperatingPoint:
    others = [other for other in folds if other.number != fold.number]
    cases = [case for other in others for case in other.cases]
    return operating_point(task, cases, np.concatenate([other.logits for other in others]))


def _calibrated(task: Task, fold: Fold, point: OperatingPoint) -> NDArray[np.float64]:
    temperature = [point.temperature[name] for name in task.label_names]
    return probabilities(fold.logits, temperature, exclusive=task.exclusive)
