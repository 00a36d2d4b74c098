"""How well scores tell cases apart. Not annotated cases are left out by the caller, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["Confusion", "auroc", "confusion", "macro_f1"]

Truth = NDArray[np.bool_]
Scores = NDArray[np.floating]


@dataclass(frozen=True)
class Confusion:
    """Counts of one decision; a ratio without a denominator is not a number (nan)."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def sensitivity(self) -> float:
        """Return the share of the diseased that is called positive, 0 to 1."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> float:
        """Return the share of the healthy that is called negative, 0 to 1."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def ppv(self) -> float:
        """Return the share of positive calls that is right, at the prevalence of these cases."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def npv(self) -> float:
        """Return the share of negative calls that is right, at the prevalence of these cases."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_negatives)

    @property
    def balanced_accuracy(self) -> float:
        """Return the mean of sensitivity and specificity; 0.5 is chance."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def f1(self) -> float:
        """Return the harmonic mean of sensitivity and PPV, 0 to 1."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)


def confusion(truth: Truth, positive: Truth) -> Confusion:
    """Return the counts of truth (n,) against calls (n,)."""
    counts = (truth & positive, ~truth & positive, ~truth & ~positive, truth & ~positive)
    return Confusion(*(int(np.count_nonzero(count)) for count in counts))


def auroc(truth: Truth, scores: Scores) -> float:
    """Return the area under the ROC curve: 0.5 chance, 1 perfect; nan unless both classes are there.

    It is the probability that a positive case scores above a negative one, ties counting half (Hanley & McNeil 1982).
    """
    positives, negatives = np.count_nonzero(truth), np.count_nonzero(~truth)
    if not positives or not negatives:
        return float("nan")
    rank_sum = rankdata(scores)[truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def macro_f1(truth: NDArray[np.integer], calls: NDArray[np.integer], classes: int) -> float:
    """Return the unweighted mean of the F1 of each class 0 to classes - 1; classes without any case are left out."""
    present = [label for label in range(classes) if (truth == label).any()]
    return float(np.mean([confusion(truth == label, calls == label).f1 for label in present]))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
