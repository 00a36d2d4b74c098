"""What a threshold is worth on patients it was not chosen on.

A threshold that is chosen and judged on the same cases looks better than it is, the more so the fewer there are
(Leeflang et al. 2008, doi:10.1373/clinchem.2007.096032; Ewald 2006, doi:10.1016/j.jclinepi.2005.11.025).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.cut_offs import CutOffs, Practice
from radiolens.evaluation.discrimination import binary
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.thresholds import Rule, choose
from radiolens.evaluation.wilson import wilson_bounds

__all__ = ["Corrected", "corrected"]

_FEWEST_DEFINED = 0.9
"""Of the samples: if the rule cannot be followed in more of the others, what is left of them is no fair picture."""

_METHOD = "bootstrap over patients, corrected for optimism, Wilson of the effective size"


@dataclass(frozen=True)
class Corrected:
    """What a rule's threshold gives on new patients, estimated by bootstrap; nan where that could not be done.

    `threshold_low` and `threshold_high` hold 95 % of the thresholds that the rule chose on samples of the patients: how
    far the threshold itself depends on who happened to be there.
    """

    sensitivity: Interval
    specificity: Interval
    threshold_low: float
    threshold_high: float


def corrected(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    rule: Rule,
    practice: Practice,
    random: np.random.Generator,
    callable_rows: ArrayLike | None = None,
    resamples: int = 1000,
) -> Corrected:
    """Return sensitivity and specificity of the threshold that the rule chooses, less their optimism.

    Patients, `groups` (n,), are drawn with all their cases; on each sample the rule chooses, and its shares there less
    those of the same threshold on all cases are one draw of the error. Their mean is the optimism (Harrell et al. 1996,
    doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4). The interval is Wilson's of as many cases as
    have the variance of the error, so that choice and images of one patient widen it. nan with fewer than two patients
    of a class, or if the rule cannot reach its target in a tenth of the samples.
    """
    ranked = _Ranked(labels, scores, callable_rows)
    members = np.unique(np.asarray(groups), return_inverse=True)[1][ranked.order]
    apparent = ranked.chosen(np.ones(members.shape, np.intp), rule, practice)
    enough = min(len(np.unique(members[side])) for side in (ranked.positive, ~ranked.positive)) > 1
    errors, thresholds = [], []
    for _ in range(resamples if enough and apparent is not None else 0):
        patients = np.bincount(random.integers(members.max() + 1, size=members.max() + 1), minlength=members.max() + 1)
        threshold = ranked.chosen(patients[members], rule, practice)
        if threshold is not None:
            thresholds.append(threshold)
            errors.append(ranked.shares(threshold, patients[members]) - ranked.shares(threshold))
    if apparent is None or len(errors) <= _FEWEST_DEFINED * resamples:
        nothing = Interval(nan, nan, nan, rule.level, _METHOD)
        return Corrected(nothing, nothing, nan, nan)
    found = ranked.shares(apparent) - np.mean(errors, axis=0)
    spread, sizes = np.var(errors, axis=0), (ranked.positive.sum(), (~ranked.positive).sum())
    sensitivity, specificity = (
        _interval(float(share), float(variance), int(size), rule.level)
        for share, variance, size in zip(np.clip(found, 0.0, 1.0), spread, sizes, strict=True)
    )
    low, high = np.quantile(thresholds, (0.025, 0.975))
    return Corrected(sensitivity, specificity, float(low), float(high))


class _Ranked:
    """Cases in ascending order of their scores, so that a sample of them needs no sorting."""

    def __init__(self, labels: ArrayLike, scores: ArrayLike, callable_rows: ArrayLike | None) -> None:
        positive, values = binary(labels, scores)
        possible = np.ones(values.shape, bool) if callable_rows is None else np.asarray(callable_rows, bool)
        self.order = np.argsort(values, kind="stable")
        self.positive, self.values, self.possible = positive[self.order], values[self.order], possible[self.order]

    def chosen(self, times: NDArray[np.intp], rule: Rule, practice: Practice) -> float | None:
        """Return the threshold that the rule chooses if each case (n,) is there so many times; None if it cannot."""
        positives, negatives = int(times[self.positive].sum()), int(times[~self.positive].sum())
        present = self.possible & (times > 0)
        if not (positives and negatives and present.any()):
            return None
        values, weights, ill = self.values[present], times[present], self.positive[present]
        first = np.flatnonzero(np.diff(values, prepend=-np.inf))
        distinct = values[first]
        thresholds = np.concatenate([distinct[:1], (distinct[:-1] + distinct[1:]) / 2])
        points = CutOffs(
            thresholds, _from_on(weights * ill, first), _from_on(weights * ~ill, first), positives, negatives
        )
        place = choose(points, rule, practice)
        return None if place is None else float(thresholds[place])

    def shares(self, threshold: float, times: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """Return (sensitivity, specificity) of a threshold, each case being there so many times."""
        weights: NDArray[Any] = np.ones(self.values.shape) if times is None else times
        called = self.possible & (self.values >= threshold)
        hits, rejected = weights[called & self.positive].sum(), weights[~called & ~self.positive].sum()
        return np.asarray([hits / weights[self.positive].sum(), rejected / weights[~self.positive].sum()])


def _from_on(counts: NDArray[np.intp], first: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the sum of the counts from each of the places on."""
    sums: NDArray[np.intp] = np.cumsum(counts[::-1])[::-1][first]
    return sums


def _interval(share: float, variance: float, size: int, level: float) -> Interval:
    # A share of 0 or 1 has no variance to compare with: half a case stands for what was not seen.
    near = min(max(share, 0.5 / size), 1 - 0.5 / size)
    effective = min(near * (1 - near) / variance, size) if variance > 0 else size
    low, high = wilson_bounds(share * effective, effective, level)
    return Interval(share, float(low), float(high), level, _METHOD)
