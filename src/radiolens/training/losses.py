"""Losses that honour partial labels, on logits.

Targets are float32 (n, labels). Independent findings: 1 present, 0 absent, -1 not annotated. Exclusive labels:
1 for every label that is possible, 0 for the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.task import Task
from radiolens.training.config import Absence, Experiment, Masking

__all__ = [
    "NOT_ANNOTATED",
    "AnnotatedCrossentropy",
    "MapCrossentropy",
    "PossibleSetCrossentropy",
    "annotated",
    "loss_for",
    "targets",
    "training_targets",
]

NOT_ANNOTATED = -1.0


@keras.saving.register_keras_serializable(package="radiolens")
class AnnotatedCrossentropy(keras.losses.Loss):  # type: ignore[misc]  # keras ships no types
    """Binary cross-entropy averaged over the annotated findings of the batch; the others contribute nothing."""

    def __init__(self, label_smoothing: float = 0.0, name: str = "annotated_crossentropy", **options: object) -> None:
        super().__init__(name=name, reduction="sum", **options)
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each finding (n, labels), already divided by the number of annotations."""
        annotated = ops.cast(ops.not_equal(y_true, NOT_ANNOTATED), y_pred.dtype)
        smoothed = y_true * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        each = ops.relu(y_pred) - y_pred * smoothed + ops.softplus(-ops.abs(y_pred))
        return each * annotated / ops.maximum(ops.sum(annotated), 1.0)

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"name": self.name, "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="radiolens")
class PossibleSetCrossentropy(keras.losses.Loss):  # type: ignore[misc]  # keras ships no types
    """Minus the logarithm of the summed probability of the possible labels; smoothing pulls towards uniform."""

    def __init__(
        self, label_smoothing: float = 0.0, name: str = "possible_set_crossentropy", **options: object
    ) -> None:
        super().__init__(name=name, reduction="sum_over_batch_size", **options)
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each case (n,)."""
        log_probability = ops.log_softmax(y_pred)
        impossible = (1.0 - y_true) * -1e9  # as a logit: no probability, and still finite
        known = -ops.logsumexp(log_probability + impossible, axis=-1)
        uniform = -ops.mean(log_probability, axis=-1)
        return (1.0 - self.label_smoothing) * known + self.label_smoothing * uniform

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"name": self.name, "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="radiolens")
class MapCrossentropy(keras.losses.Loss):  # type: ignore[misc]  # keras ships no types
    """Cross-entropy between where a lesion lies and where a class activation map is high.

    Targets (n, h, w, labels) are the shares of a lesion in each place, which sum to 1 over the places of a label, or
    are all 0 where no mask is known: that map costs nothing. The maps (n, h, w, labels) are turned into shares by a
    softmax over the places. The loss is the mean over the maps with a mask in the batch.
    """

    def __init__(self, name: str = "map_crossentropy", **options: object) -> None:
        super().__init__(name=name, reduction="sum", **options)

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each map (n, labels), already divided by the number of maps with a mask."""
        places = y_pred.shape[1] * y_pred.shape[2]
        shares = ops.log_softmax(ops.reshape(y_pred, (-1, places, y_pred.shape[3])), axis=1)
        wanted = ops.reshape(y_true, (-1, places, y_pred.shape[3]))
        known = ops.sum(wanted)  # each map with a mask adds 1
        return -ops.sum(wanted * shares, axis=1) / ops.maximum(known, 1.0)

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"name": self.name}


def loss_for(task: Task, label_smoothing: float = 0.0) -> keras.losses.Loss:
    """Return the loss that fits a task's kind of labels."""
    return PossibleSetCrossentropy(label_smoothing) if task.exclusive else AnnotatedCrossentropy(label_smoothing)


def targets(
    cases: Sequence[Case], task: Task, masked: Sequence[Masking] = (), assumed: Sequence[Absence] = ()
) -> NDArray[np.float32]:
    """Return the targets (n, labels) of cases, in the order of the task's labels.

    What `masked` hides counts as not annotated, what `assumed` covers as absent.
    """
    if task.exclusive:
        rows = [[float(name in case.possible) for name in task.label_names] for case in cases]
    else:
        rows = [[_target(case, name, masked, assumed) for name in task.label_names] for case in cases]
    return np.asarray(rows, np.float32).reshape(len(cases), len(task.labels))


def training_targets(experiment: Experiment, cases: Sequence[Case], task: Task) -> NDArray[np.float32]:
    """Return the targets (n, labels) an experiment trains on: less what it masks, more what it takes as absent."""
    return targets(cases, task, experiment.masked, experiment.assumed_absent)


def annotated(wanted: NDArray[np.float32], *, exclusive: bool) -> NDArray[np.bool_]:
    """Return for each row of targets (n, labels) whether anything in it is annotated."""
    told = wanted > 0 if exclusive else wanted != NOT_ANNOTATED
    return np.asarray(told.any(axis=1), np.bool_)


def _target(case: Case, name: str, masked: Sequence[Masking], assumed: Sequence[Absence]) -> float:
    value = case.labels.get(name)
    if value is None:
        return 0.0 if any(absence.label == name and absence.covers(case) for absence in assumed) else NOT_ANNOTATED
    return NOT_ANNOTATED if any(entry.label == name and entry.hides(case) for entry in masked) else float(value)
