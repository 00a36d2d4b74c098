"""AUROC of scores that several fits gave out of fold: pairs are compared within a fold, and patients are the units.

Scores of different fits are on different scales, and a fit that saw fewer positives scores lower just where more of
them are held out. Pooled over folds, worthless scores therefore fall below 0.5 (Parker et al. 2007,
doi:10.1186/1471-2105-8-326); compared within folds, they do not.
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, t

from radiolens.evaluation.intervals import LEVEL, Interval

__all__ = ["auroc_difference_within_folds", "auroc_within_folds", "mean_interval"]

_METHOD = "within folds, clustered DeLong"


def auroc_within_folds(
    truth: NDArray[np.bool_],
    scores: NDArray[np.float64],
    folds: ArrayLike,
    groups: ArrayLike,
    level: float = LEVEL,
) -> Interval:
    """Return the AUROC over all pairs of a positive and a negative of the same fold, cut to 0 and 1.

    `truth` and `scores` are (n,), or (n, k) of k labels: then it is the mean over the labels that have such pairs.
    `folds` and `groups` (n,) number the fold and the patient of each case. The interval is DeLong's with the shares of
    a patient's cases added up (Obuchowski 1997, doi:10.2307/2533958) and Student's t for the number of patients. It
    speaks of the fits that were made, not of fits to other patients (LeDell et al. 2015, doi:10.1214/15-EJS1035). nan
    if there is no pair, or only one patient.
    """
    estimate, influence = _influence(truth, scores, np.asarray(folds))
    return _interval(estimate, influence, groups, level, (0.0, 1.0), _METHOD)


def auroc_difference_within_folds(
    truth: NDArray[np.bool_],
    first: tuple[NDArray[np.float64], ArrayLike],
    second: tuple[NDArray[np.float64], ArrayLike],
    groups: ArrayLike,
    level: float = LEVEL,
) -> Interval:
    """Return AUROC(first) - AUROC(second), each given as scores and folds of the same cases, from -1 to 1.

    The paired form of `auroc_within_folds`.
    """
    estimates, influences = zip(
        *(_influence(truth, scores, np.asarray(folds)) for scores, folds in (first, second)), strict=True
    )
    difference = influences[0] - influences[1]
    return _interval(estimates[0] - estimates[1], difference, groups, level, (-1.0, 1.0), f"paired, {_METHOD}")


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean of independent values with Student's t interval; the ends are nan of fewer than two values."""
    found = np.asarray(values, np.float64)
    method = f"Student's t over {found.size} shuffles"
    if found.size < 2:
        return Interval(float(found.mean()) if found.size else nan, nan, nan, level, method)
    reach = float(t.ppf((1 + level) / 2, found.size - 1) * found.std(ddof=1) / np.sqrt(found.size))
    return Interval(float(found.mean()), float(found.mean()) - reach, float(found.mean()) + reach, level, method)


def _interval(
    estimate: float,
    influence: NDArray[np.float64],
    groups: ArrayLike,
    level: float,
    limits: tuple[float, float],
    method: str,
) -> Interval:
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(numbers.max(initial=-1)) + 1
    if not np.isfinite(estimate) or count < 2:
        return Interval(estimate, nan, nan, level, method)
    sums = np.bincount(numbers, influence)
    variance = float((sums**2).sum()) * count / (count - 1)
    reach = float(t.ppf((1 + level) / 2, count - 1) * np.sqrt(variance))
    return Interval(estimate, max(estimate - reach, limits[0]), min(estimate + reach, limits[1]), level, method)


def _influence(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], folds: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    """Return the AUROC and what each case (n,) adds to its error; the mean over the columns that have pairs."""
    if truth.shape != scores.shape or len(truth) != len(folds):
        raise ValueError(f"truth, scores and folds must fit, found {truth.shape}, {scores.shape} and {folds.shape}")
    columns = [
        _of_label(*column, folds) for column in zip(np.atleast_2d(truth.T), np.atleast_2d(scores.T), strict=True)
    ]
    defined = [(estimate, influence) for estimate, influence in columns if np.isfinite(estimate)]
    if not defined:
        return nan, np.full(len(folds), nan)
    return float(np.mean([column[0] for column in defined])), np.mean([column[1] for column in defined], axis=0)


def _of_label(
    positive: NDArray[np.bool_], scores: NDArray[np.float64], folds: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    pairs = np.asarray([float(positive[rows].sum()) * float((~positive[rows]).sum()) for rows in parts])
    influence = np.zeros(len(scores))
    if not pairs.sum():
        return nan, influence
    weights, estimate = pairs / pairs.sum(), 0.0
    for rows, weight in zip(parts, weights, strict=True):
        if weight:
            own, influence[rows] = _of_fold(positive[rows], scores[rows])
            estimate += weight * own
            influence[rows] *= weight
    return estimate, influence


def _of_fold(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the AUROC of one fold and, of each case, how far its share of beaten pairs moves it from that."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    beaten = np.empty(len(scores))
    # Sun & Xu 2014, eq. 5 and 6, as in `intervals`: the share of the other class that each case beats.
    beaten[positive] = (ranks[positive] - rankdata(scores[positive])) / negatives
    beaten[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / positives
    auroc = float(beaten[positive].mean())
    return auroc, (beaten - auroc) / np.where(positive, positives, negatives)
