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

from radiolens.evaluation.cut_offs import Practice, cut_offs
from radiolens.evaluation.discrimination import binary
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.thresholds import Rule, choose
from radiolens.evaluation.wilson import wilson_bounds

__all__ = ["HeldOut", "held_out"]

_FOLDS = 10
_REPEATS = 10
"""The estimate of one cut into folds depends on chance; the mean of ten hardly does."""


@dataclass(frozen=True)
class HeldOut:
    """What a rule gives on patients that it did not see, by cross-validation; nan where it could not be made.

    `threshold_low` and `threshold_high` hold 95 % of the thresholds that it chose on the way: how far the threshold
    itself depends on a tenth of the cases.
    """

    sensitivity: Interval
    specificity: Interval
    threshold_low: float
    threshold_high: float
    folds: int
    repeats: int


def held_out(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    rule: Rule,
    practice: Practice,
    random: np.random.Generator,
    callable_rows: ArrayLike | None = None,
) -> HeldOut:
    """Return sensitivity and specificity of the rule by ten times ten-fold cross-validation.

    `groups` (n,) is the patient of each case: a patient's cases are in one fold. In each fold the rule chooses on the
    others; the decisions on all folds are pooled, and the ten repetitions averaged. The interval is Wilson's around
    that share of all cases. Fewer folds where a class has fewer patients; nan with fewer than two, or if the rule
    cannot reach its target on some of the folds.
    """
    positive, values = binary(labels, scores)
    possible = np.ones(values.shape, bool) if callable_rows is None else np.asarray(callable_rows, bool)
    members = np.unique(np.asarray(groups), return_inverse=True)[1]
    folds = min(_FOLDS, len(np.unique(members[positive])), len(np.unique(members[~positive])))
    thresholds, called = [], np.zeros(values.shape)
    for _ in range(_REPEATS if folds > 1 else 0):
        part = _folds(members, positive, folds, random)
        for number in range(folds):
            rest, out = part != number, part == number
            threshold = _chosen(positive[rest], values[rest], possible[rest], rule, practice)
            thresholds.append(threshold)
            called[out] += possible[out] & (values[out] >= threshold)
    share = called / _REPEATS if thresholds and np.isfinite(thresholds).all() else np.full(values.shape, nan)
    low, high = np.quantile(thresholds, (0.025, 0.975)) if np.isfinite(share).all() else (nan, nan)
    level, method = rule.level, f"{_REPEATS} x {folds}-fold cross-validation by patient, Wilson"
    return HeldOut(
        _interval(share[positive], level, method),
        _interval(1 - share[~positive], level, method),
        float(low),
        float(high),
        folds,
        _REPEATS,
    )


def _chosen(
    positive: NDArray[np.bool_],
    values: NDArray[np.float64],
    possible: NDArray[np.bool_],
    rule: Rule,
    practice: Practice,
) -> float:
    if not possible.any():
        return nan
    points = cut_offs(positive, values, possible)
    place = choose(points, rule, practice)
    return nan if place is None else float(points.thresholds[place])


def _folds(
    members: NDArray[Any], positive: NDArray[np.bool_], folds: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Return the fold of each case; patients with a positive, and those without, are dealt out one by one."""
    count = int(members.max()) + 1
    ill = np.bincount(members, positive, count) > 0
    fold = np.zeros(count, np.intp)
    for patients in (np.flatnonzero(ill), np.flatnonzero(~ill)):
        fold[random.permutation(patients)] = (np.arange(len(patients)) + random.integers(folds)) % folds
    of_case: NDArray[np.intp] = fold[members]
    return of_case


def _interval(shares: NDArray[np.float64], level: float, method: str) -> Interval:
    low, high = wilson_bounds(shares.sum(), len(shares), level)
    return Interval(float(shares.mean()) if len(shares) else nan, float(low), float(high), level, method)
