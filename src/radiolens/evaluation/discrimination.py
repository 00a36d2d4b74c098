"""How well scores tell the two sides of a label apart, and what a decision got right.

Rows that are not annotated are left out by the caller. One rule holds for every measure of this package: wrong input
(shapes, labels other than 0 and 1, scores that are not finite) raises ValueError; a measure that the data do not
define, such as the AUROC of one class or the PPV where nothing was called positive, is nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

__all__ = [
    "REACHED",
    "Confusion",
    "auprc",
    "auroc",
    "binary",
    "confusion",
    "confusion_matrix",
    "macro_f1",
    "precision_recall_curve",
    "roc_curve",
]


REACHED = 1e-12
"""Shares are sums of 1/n in binary: 0.9 of ten cases must count as reached."""


@dataclass(frozen=True)
class Confusion:
    """Counts of a decision on one label, and the measures that follow from them; each 0 to 1, higher is better."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def positives(self) -> int:
        """Return the number of cases that have the label."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """Return the number of cases that do not have the label."""
        return self.true_negatives + self.false_positives

    @property
    def sensitivity(self) -> float:
        """Return the share of positives that were called positive."""
        return _ratio(self.true_positives, self.positives)

    @property
    def specificity(self) -> float:
        """Return the share of negatives that were called negative."""
        return _ratio(self.true_negatives, self.negatives)

    @property
    def ppv(self) -> float:
        """Return the share of the called positives that are positive; it depends on the prevalence."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def npv(self) -> float:
        """Return the share of the called negatives that are negative; it depends on the prevalence."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of sensitivity and PPV."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def balanced_accuracy(self) -> float:
        """Return the mean of sensitivity and specificity; 0.5 is chance."""
        return (self.sensitivity + self.specificity) / 2


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve, 0 to 1; 0.5 is chance.

    It is the chance that a positive has a higher score than a negative, ties counting half (Hanley & McNeil 1982,
    doi:10.1148/radiology.143.1.7063747).
    """
    positive, values = binary(labels, scores)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    rank_sum = float(rankdata(values)[positive].sum()) - positives * (positives + 1) / 2
    return _ratio(rank_sum, positives * negatives)


def auprc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the average precision: precision weighted by the steps of recall, 0 to 1; the prevalence is chance.

    No interpolation, which would be optimistic (Davis & Goadrich 2006, doi:10.1145/1143844.1143874).
    """
    positive, values = binary(labels, scores)
    if positive.all() or not positive.any():
        return nan
    recall, precision = precision_recall_curve(positive, values)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (false positive rates, true positive rates) at every distinct score, from (0, 0) to (1, 1).

    Raises ValueError if a class is missing, since there is no curve then.
    """
    positive, values = binary(labels, scores)
    if positive.all() or not positive.any():
        raise ValueError(f"a ROC curve needs both classes, found {positive.sum()} positives of {positive.size}")
    hits, called = _cumulative(positive, values)
    false_alarms = called - hits
    return np.insert(false_alarms / (~positive).sum(), 0, 0.0), np.insert(hits / positive.sum(), 0, 0.0)


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (recall, precision) at every distinct score, highest score first; the last precision is the prevalence.

    Drawn as steps that keep the precision of the higher recall, the area below it is the AUPRC. Raises ValueError if a
    class is missing.
    """
    positive, values = binary(labels, scores)
    if positive.all() or not positive.any():
        raise ValueError(
            f"a precision-recall curve needs both classes, found {positive.sum()} positives of {positive.size}"
        )
    hits, called = _cumulative(positive, values)
    return hits / positive.sum(), hits / called


def confusion(labels: ArrayLike, called: ArrayLike) -> Confusion:
    """Return the counts of a decision `called` (n,) of booleans, against labels (n,) of 0 and 1."""
    truth, _ = binary(labels, np.zeros(np.shape(labels)))
    positive, _ = binary(called, np.zeros(truth.shape))
    return Confusion(
        true_positives=int((truth & positive).sum()),
        false_positives=int((~truth & positive).sum()),
        false_negatives=int((truth & ~positive).sum()),
        true_negatives=int((~truth & ~positive).sum()),
    )


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, count: int) -> NDArray[np.intp]:
    """Return the cases (true label, predicted label) of `count` exclusive labels, given as numbers from 0."""
    truth, called = np.asarray(labels, np.intp), np.asarray(predicted, np.intp)
    if truth.shape != called.shape or truth.ndim != 1:
        raise ValueError(f"labels and predicted must be two rows of one length, found {truth.shape} and {called.shape}")
    matrix = np.zeros((count, count), np.intp)
    np.add.at(matrix, (truth, called), 1)
    return matrix


def macro_f1(labels: ArrayLike, predicted: ArrayLike, classes: Sequence[int]) -> float:
    """Return the mean F1 over `classes`, 0 to 1; cases predicted as any other class count as missed.

    A class that neither occurs nor is predicted has no F1, and neither has the mean then (nan).
    """
    truth, called = np.asarray(labels, np.intp), np.asarray(predicted, np.intp)
    return float(np.mean([confusion(truth == number, called == number).f1 for number in classes]))


def binary(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return labels as booleans and scores as float64, both (n,).

    Raises ValueError if they differ in length, a label is neither 0 nor 1, or a score is not finite.
    """
    truth, values = np.asarray(labels), np.asarray(scores, np.float64)
    if truth.shape != values.shape or truth.ndim != 1:
        raise ValueError(f"labels and scores must be two rows of one length, found {truth.shape} and {values.shape}")
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("labels must be 0 or 1; leave out the rows that are not annotated")
    if not np.isfinite(values).all():
        raise ValueError(f"{(~np.isfinite(values)).sum()} scores are not finite")
    return truth.astype(bool), values


def _cumulative(positive: NDArray[np.bool_], values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (true positives, called positives) at each distinct score taken as threshold, highest first."""
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
    return np.cumsum(positive[order])[last_of_tie], last_of_tie + 1


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else nan
