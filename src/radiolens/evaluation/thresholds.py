"""Thresholds chosen on validation scores; a score is called positive from the threshold on.

They lie midway between two neighbouring scores, so that a rounding error of the runtime changes no decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.cut_offs import CutOffs, Practice, cut_offs, midpoints
from radiolens.evaluation.discrimination import REACHED, binary
from radiolens.evaluation.intervals import LEVEL
from radiolens.evaluation.wilson import lower_bound_reaches

__all__ = [
    "FEWEST_NEGATIVES",
    "Criterion",
    "Rule",
    "choose",
    "threshold_at_specificity",
    "threshold_sensitive",
    "threshold_youden",
]

FEWEST_NEGATIVES = 20
"""Of fewer negatives a specificity of 0.95 is less than one of them."""


class Criterion(StrEnum):
    """By what a threshold is chosen."""

    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"
    YOUDEN = "youden"
    COST = "cost"


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen.

    `target` (above 0, at most 1) is of sensitivity and specificity; with `lower_bound` the lower end of Wilson's
    interval of this `level` must reach it, which takes a share above it.
    """

    criterion: Criterion
    target: float = nan
    lower_bound: bool = False
    level: float = LEVEL

    def __post_init__(self) -> None:
        aimed = self.criterion in (Criterion.SENSITIVITY, Criterion.SPECIFICITY)
        if aimed and not 0.0 < self.target <= 1.0:
            raise ValueError(f"the target {self.criterion} must be above 0 and at most 1, found {self.target:g}")
        if self.lower_bound and not aimed:
            raise ValueError(f"a lower bound is of a target sensitivity or specificity, not of {self.criterion}")


def choose(points: CutOffs, rule: Rule, practice: Practice) -> int | None:
    """Return the place of the cut-off that the rule chooses, None if no cut-off reaches its target.

    For a target sensitivity it is the highest cut-off that reaches it, for a target specificity the lowest: of those
    that reach it, the best in the other. By Youden's index (1950) and by cost it is the best of all; of equally good
    ones the middle, of two the higher. Raises ValueError for a rule by cost without costs.
    """
    if rule.criterion is Criterion.SENSITIVITY:
        reached = _reached(points.true_positives, points.positives, rule)
        return int(reached[-1]) if reached.size else None
    if rule.criterion is Criterion.SPECIFICITY:
        reached = _reached(points.negatives - points.false_positives, points.negatives, rule)
        return int(reached[0]) if reached.size else None
    if rule.criterion is Criterion.YOUDEN:
        return _least(-points.sensitivity - points.specificity)
    if not practice.has_costs:
        raise ValueError("a rule by cost needs the costs of a false negative and of a false positive")
    return _least(points.cost_per_1000(practice))


def threshold_at_specificity(labels: ArrayLike, scores: ArrayLike, specificity: float) -> float:
    """Return the lowest threshold at which at least this share (0 to 1) of the negatives is called negative.

    Of the thresholds that reach the specificity it has the highest sensitivity. It is infinite if none does, since a
    negative has the highest score. Raises ValueError without negatives.
    """
    positive, values = binary(labels, scores)
    _require((~positive).any(), "negatives")
    points = cut_offs(positive, values)
    return float(points.thresholds[points.specificity >= specificity - REACHED].min(initial=np.inf))


def threshold_youden(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the threshold of the largest sensitivity + specificity - 1 (Youden 1950), and so of balanced accuracy.

    With `weights` (n,) sensitivity and specificity are weighted shares, so that, for instance, every hospital counts
    the same however many films it gave. Of equally good thresholds it is the middle, of two the higher. Raises
    ValueError if a class is missing or has no weight.
    """
    positive, values = binary(labels, scores)
    weighing = np.ones(values.shape) if weights is None else _weights(weights, values.shape)
    _require(weighing[positive].any(), "positives")
    _require(weighing[~positive].any(), "negatives")
    candidates = midpoints(values)
    below = _share_below(candidates, values[positive], weighing[positive])
    alarms = 1.0 - _share_below(candidates, values[~positive], weighing[~positive])
    return float(candidates[_least(below + alarms)])


def threshold_sensitive(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None, sources: ArrayLike, specificity: float
) -> float:
    """Return Youden's threshold, or a lower one as long as it leaves every source that `specificity` (0 to 1).

    Where nearly all cases are told many thresholds are as good, and the best is any of them by chance. The lowest finds
    most of the ill of another hospital, whose scores are lower. `sources` (n,) are names; one of fewer than
    FEWEST_NEGATIVES negatives has no say, and without any other Youden's threshold is returned. `weights` and errors
    are those of `threshold_youden`.
    """
    positive, values = binary(labels, scores)
    names = np.asarray(sources, str)
    negatives = [values[~positive & (names == name)] for name in np.unique(names)]
    best = threshold_youden(labels, scores, weights)
    spared = [
        threshold_at_specificity(np.zeros(part.size), part, specificity)
        for part in negatives
        if part.size >= FEWEST_NEGATIVES
    ]
    return min(best, max(spared, default=best))


def _reached(successes: NDArray[np.intp], total: int, rule: Rule) -> NDArray[np.intp]:
    if rule.lower_bound:
        return np.flatnonzero(lower_bound_reaches(successes, total, rule.target, rule.level))
    return np.flatnonzero(successes / max(total, 1) >= rule.target - REACHED)


def _least(losses: NDArray[np.float64]) -> int:
    """Return the place of the smallest loss; of equal ones the middle, of two the later."""
    slack = REACHED * max(1.0, float(np.abs(losses).max()))
    best = np.flatnonzero(losses <= losses.min() + slack)
    return int(best[len(best) // 2])


def _share_below(
    candidates: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    order = np.argsort(values)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    shares: NDArray[np.float64] = cumulative[np.searchsorted(values[order], candidates)] / cumulative[-1]
    return shares


def _weights(weights: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    weighing = np.asarray(weights, np.float64)
    if weighing.shape != shape or not np.isfinite(weighing).all() or (weighing < 0).any():
        raise ValueError(f"weights must be one finite number of at least 0 for each of {shape[0]} scores")
    return weighing


def _require(found: bool | np.bool_, what: str) -> None:
    if not found:
        raise ValueError(f"a threshold needs {what}, and there are none among the scores")
