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

__all__ = ["NOT_ANNOTATED", "AnnotatedCrossentropy", "PossibleSetCrossentropy", "annotated", "loss_for", "targets"]

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


def loss_for(task: Task, label_smoothing: float = 0.0) -> keras.losses.Loss:
    """Return the loss that fits a task's kind of labels."""
    return PossibleSetCrossentropy(label_smoothing) if task.exclusive else AnnotatedCrossentropy(label_smoothing)


def targets(cases: Sequence[Case], task: Task, masked: Sequence[tuple[str, str]] = ()) -> NDArray[np.float32]:
    """Return the targets (n, labels) of cases, in the order of the task's labels.

    `masked` (source, label) annotations count as not annotated.
    """
    if task.exclusive:
        rows = [[float(name in case.possible) for name in task.label_names] for case in cases]
    else:
        rows = [[_target(case, name, masked) for name in task.label_names] for case in cases]
    return np.asarray(rows, np.float32).reshape(len(cases), len(task.labels))


def annotated(wanted: NDArray[np.float32], *, exclusive: bool) -> NDArray[np.bool_]:
    """Return for each row of targets (n, labels) whether anything in it is annotated."""
    told = wanted > 0 if exclusive else wanted != NOT_ANNOTATED
    return np.asarray(told.any(axis=1), np.bool_)


def _target(case: Case, name: str, masked: Sequence[tuple[str, str]]) -> float:
    value = case.labels.get(name)
    return NOT_ANNOTATED if value is None or (case.source, name) in masked else float(value)
