"""Intervals around a measure: DeLong for the AUROC, Wilson for a share, a clustered bootstrap for anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, norm, rankdata

from radiolens.evaluation.discrimination import binary

__all__ = [
    "LEVEL",
    "Interval",
    "auroc_difference_interval",
    "auroc_interval",
    "clustered_bootstrap_interval",
    "not_defined",
    "share_interval",
]

LEVEL = 0.95
"""The usual level of reports, for STARD and TRIPOD readers."""


@dataclass(frozen=True)
class Interval:
    """A measure with its confidence interval; all nan where the data do not define it."""

    estimate: float
    low: float
    high: float
    level: float
    method: str


def not_defined(method: str) -> Interval:
    """Return the interval, all nan, of a measure that the data do not define; `method` may tell why."""
    return Interval(nan, nan, nan, nan, method)


def auroc_interval(labels: ArrayLike, scores: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the AUROC with DeLong's interval, cut to 0 and 1.

    DeLong et al. 1988 (doi:10.2307/2531595), by midranks as Sun & Xu 2014 (doi:10.1109/LSP.2014.2337313), in
    O(n log n). Cases count as independent. nan with fewer than two cases of a class. With perfect separation the
    estimated variance is 0 and the interval a point, which says too much: state the counts beside it.
    """
    positive, values = binary(labels, scores)
    estimate, covariance = _delong(positive, values[np.newaxis])
    low, high = _normal_interval(estimate[0], covariance[0, 0], level)
    return Interval(float(estimate[0]), max(low, 0.0), min(high, 1.0), level, "DeLong")


def auroc_difference_interval(labels: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = LEVEL) -> Interval:
    """Return AUROC(first) - AUROC(second) on the same cases with the paired DeLong interval, from -1 to 1.

    The two differ at the level's risk of error if 0 lies outside. nan with fewer than two cases of a class.
    """
    positive, values = binary(labels, first)
    _, others = binary(labels, second)
    estimate, covariance = _delong(positive, np.stack([values, others]))
    difference = float(estimate[0] - estimate[1])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    low, high = _normal_interval(difference, variance, level)
    return Interval(difference, max(low, -1.0), min(high, 1.0), level, "paired DeLong")


def share_interval(successes: int, total: int, level: float = LEVEL) -> Interval:
    """Return a share, 0 to 1, with Wilson's interval (1927, doi:10.1080/01621459.1927.10502953); nan of nothing.

    It covers well for shares near 0 and 1, too (Newcombe 1998). Cases count as independent.
    """
    if not total:
        return Interval(nan, nan, nan, level, "Wilson")
    found = binomtest(successes, total).proportion_ci(level, "wilson")
    return Interval(successes / total, float(found.low), float(found.high), level, "Wilson")


def clustered_bootstrap_interval(
    metric: Callable[..., float],
    arrays: Sequence[NDArray[Any]],
    groups: ArrayLike,
    random: np.random.Generator,
    resamples: int = 1000,
    level: float = LEVEL,
) -> Interval:
    """Return `metric(*arrays)` with the percentile interval of a bootstrap that draws whole groups.

    Each array holds one row per case, `groups` (n,) the patient of each. Images of one patient are not independent, so
    patients are drawn (Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x). Draws in which the metric is nan are
    left out; the ends are nan if it always is, or if there are fewer than two groups.
    """
    members = _members(np.asarray(groups))
    estimate = metric(*arrays)
    replicates = np.full(resamples, nan)
    for number in range(resamples if len(members) > 1 else 0):
        drawn = np.concatenate([members[group] for group in random.integers(len(members), size=len(members))])
        replicates[number] = metric(*(array[drawn] for array in arrays))
    low, high = _percentiles(replicates, level)
    return Interval(float(estimate), low, high, level, f"bootstrap over groups, {resamples} resamples")


def _delong(
    positive: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the AUROC (k,) of k rows of scores (k, n) and their covariance (k, k)."""
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        return np.full(len(scores), nan), np.full((len(scores), len(scores)), nan)
    cases, controls = scores[:, positive], scores[:, ~positive]
    ranks = rankdata(np.concatenate([cases, controls], axis=1), axis=1)
    estimate = (ranks[:, :m].sum(axis=1) - m * (m + 1) / 2) / (m * n)
    # Sun & Xu, eq. 5 and 6: the share of the other class that each case beats.
    by_case = (ranks[:, :m] - rankdata(cases, axis=1)) / n
    by_control = 1 - (ranks[:, m:] - rankdata(controls, axis=1)) / m
    return estimate, np.atleast_2d(np.cov(by_case)) / m + np.atleast_2d(np.cov(by_control)) / n


def _normal_interval(estimate: float, variance: float, level: float) -> tuple[float, float]:
    # Rounding can leave the variance of a difference of equal scores just below 0.
    reach = float(norm.ppf((1 + level) / 2) * np.sqrt(np.maximum(variance, 0.0)))
    return float(estimate) - reach, float(estimate) + reach


def _members(groups: NDArray[Any]) -> list[NDArray[np.intp]]:
    numbers = np.unique(groups, return_inverse=True)[1]
    ends = np.cumsum(np.bincount(numbers))[:-1]
    return np.split(np.argsort(numbers, kind="stable"), ends)


def _percentiles(replicates: NDArray[np.float64], level: float) -> tuple[float, float]:
    defined = replicates[np.isfinite(replicates)]
    if not defined.size:
        return nan, nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
