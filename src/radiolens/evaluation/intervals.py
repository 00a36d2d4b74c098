"""Intervals around a measure: DeLong for the AUROC, Wilson for a share, a clustered bootstrap for anything.

Images of one patient are not independent. What takes `groups` (n,), the patient of each case, allows for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import binomtest, norm, rankdata, t

from radiolens.evaluation.discrimination import binary
from radiolens.evaluation.resampling import bootstrap_ends, drawn_weights, left_out_weights
from radiolens.evaluation.weighted import Floats, Statistic, weighted_metric

__all__ = [
    "LEVEL",
    "Interval",
    "auroc_difference_interval",
    "auroc_difference_p_value",
    "auroc_interval",
    "clustered_bootstrap_interval",
    "clustered_intervals",
    "clustered_share_interval",
    "not_defined",
    "share_interval",
]

LEVEL = 0.95
"""The usual level of reports, for STARD and TRIPOD readers."""

_ROUNDING = 1e-12
"""A variance that is 0 comes out as a sum of rounding errors below this."""


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
    """Return the AUROC with DeLong's variance and an interval on the logit scale, 0 to 1.

    DeLong et al. 1988 (doi:10.2307/2531595), by midranks as Sun & Xu 2014 (doi:10.1109/LSP.2014.2337313), in
    O(n log n). On the scale of the AUROC itself the interval holds the truth far too seldom near 1: an AUROC of 0.99 in
    80 instead of 95 of 100 samples of 40 positives and 60 negatives, on the logit scale in 93 (docs/evaluation.md;
    Kottas et al. 2014, doi:10.1186/1471-2288-14-26, find the same). Cases count as independent. nan with fewer than two
    of a class.

    With perfect separation the variance is estimated as 0; the other end is then that of Wilson's interval of a share
    that is all of the smaller class.
    """
    positive, values = binary(labels, scores)
    estimates, covariance = _delong(positive, values[np.newaxis])
    estimate, variance = float(estimates[0]), float(covariance[0, 0])
    if estimate in (0.0, 1.0):
        smaller = int(min(positive.sum(), (~positive).sum()))
        ends = share_interval(round(estimate) * smaller, smaller, level)
        return Interval(estimate, ends.low, ends.high, level, "DeLong, logit")
    # d logit(a) = da / (a (1 - a))
    low, high = expit(_normal_interval(logit(estimate), variance / (estimate * (1 - estimate)) ** 2, level))
    return Interval(estimate, float(low), float(high), level, "DeLong, logit")


def auroc_difference_interval(labels: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = LEVEL) -> Interval:
    """Return AUROC(first) - AUROC(second) on the same cases with the paired DeLong interval, from -1 to 1.

    The two differ at the level's risk of error if 0 lies outside. nan with fewer than two cases of a class.
    """
    difference, variance = _difference(labels, first, second)
    low, high = _normal_interval(difference, variance, level)
    return Interval(difference, max(low, -1.0), min(high, 1.0), level, "paired DeLong")


def auroc_difference_p_value(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> float:
    """Return the two-sided p value (0 to 1) of DeLong's paired test that both AUROCs are equal.

    1 where they are and the variance is estimated as 0, as it is for a score and itself. nan as the interval is.
    """
    difference, variance = _difference(labels, first, second)
    if np.isnan(difference):
        return nan
    # Rounding leaves a variance of equal scores, and a difference, of this order.
    if variance < _ROUNDING:
        return 1.0 if abs(difference) < _ROUNDING else 0.0
    return float(2 * norm.sf(abs(difference) / np.sqrt(variance)))


def share_interval(successes: int, total: int, level: float = LEVEL) -> Interval:
    """Return a share, 0 to 1, with Wilson's interval (1927, doi:10.1080/01621459.1927.10502953); nan of nothing.

    It covers well for shares near 0 and 1, too (Newcombe 1998). Cases count as independent.
    """
    if not total:
        return Interval(nan, nan, nan, level, "Wilson")
    found = binomtest(successes, total).proportion_ci(level, "wilson")
    return Interval(successes / total, float(found.low), float(found.high), level, "Wilson")


def clustered_share_interval(hits: ArrayLike, groups: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the share of `hits` (n,) of 0 and 1 with Wilson's interval for images of patients; nan of nothing.

    The number of images is divided by the design effect 1 + (m - 1) r, with m the mean number of images of the patient
    of an image and r the correlation within patients, estimated by analysis of variance and cut to 0 and 1 (after
    Saha et al. 2016, doi:10.1515/ijb-2015-0024), and Student's t stands for the normal quantile. Where all or none are
    hits r cannot be estimated and counts as 1, so that only patients count. One image of each patient gives Wilson's
    interval itself.
    """
    found, _ = binary(hits, np.zeros(np.shape(hits)))
    numbers = _numbers(groups)
    sizes, sums = np.bincount(numbers), np.asarray(np.bincount(numbers, found), np.float64)
    if sizes.size == found.size:
        return share_interval(int(found.sum()), found.size, level)
    count = found.size / _design_effect(sizes, sums)
    # Of a single patient there is no quantile, and the interval says nothing.
    z = float(t.ppf((1 + level) / 2, sizes.size - 1)) if sizes.size > 1 else nan
    share = float(found.mean())
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z**2 / count)
    low, high = (0.0 if share == 0 else centre - reach), (1.0 if share == 1 else centre + reach)
    return Interval(share, float(low), float(high), level, "Wilson, images of a patient taken together")


def clustered_bootstrap_interval(
    metric: Callable[..., float],
    arrays: Sequence[NDArray[Any]],
    groups: ArrayLike,
    random: np.random.Generator,
    resamples: int = 1000,
    level: float = LEVEL,
) -> Interval:
    """Return `metric(*arrays)` with the interval of a bootstrap over groups; each array holds one row per case.

    It is `clustered_intervals` for a metric that `weighted` does not hold, and slower.
    """
    statistic = weighted_metric(metric, arrays)
    return clustered_intervals({"": statistic}, groups, random, resamples, level)[""]


def clustered_intervals(
    statistics: Mapping[str, Statistic],
    groups: ArrayLike,
    random: np.random.Generator,
    resamples: int = 1000,
    level: float = LEVEL,
    *,
    smooth: bool = True,
) -> dict[str, Interval]:
    """Return each measure with the interval of a bootstrap that draws whole groups, all on the same draws.

    Patients are drawn since their images are not independent (Field & Welsh 2007,
    doi:10.1111/j.1467-9868.2007.00593.x). The ends are bias-corrected and accelerated (BCa, Efron 1987,
    doi:10.1080/01621459.1987.10478410), with a jackknife over groups, and expanded as Student's t is wider than the
    normal distribution (Hesterberg 2015, doi:10.1080/00031305.2015.1089789). For a measure that jumps from one case to
    the next (`smooth` false), as a sensitivity at a fixed specificity, the jackknife does not hold: its ends are the
    expanded percentiles.

    Draws in which a measure is nan are left out; its ends are nan if it always is, or with fewer than two groups.
    """
    numbers = _numbers(groups)
    count = int(numbers.max(initial=-1)) + 1
    whole = np.ones((1, numbers.size))
    drawn = _measured(statistics, drawn_weights(numbers, random, resamples if count > 1 else 0))
    left_out = _measured(statistics, left_out_weights(numbers) if smooth and count > 1 else ())
    found = {}
    for name, statistic in statistics.items():
        estimate = float(statistic(whole)[0])
        ends = bootstrap_ends(estimate, drawn[name], left_out[name], count, level)
        kind = "BCa bootstrap" if smooth else "percentile bootstrap"
        found[name] = Interval(estimate, *ends, level, f"{kind} over patients, expanded, {resamples} resamples")
    return found


def _measured(statistics: Mapping[str, Statistic], blocks: Iterable[Floats]) -> dict[str, Floats]:
    measured: dict[str, list[Floats]] = {name: [] for name in statistics}
    for weights in blocks:
        for name, statistic in statistics.items():
            measured[name].append(statistic(weights))
    return {name: np.concatenate([np.empty(0), *parts]) for name, parts in measured.items()}


def _design_effect(sizes: NDArray[np.intp], sums: NDArray[np.float64]) -> float:
    """Return how many images of patients are worth one image of another patient, from images and hits of each."""
    images, patients = float(sizes.sum()), sizes.size
    mean_size = float((sizes**2).sum()) / images
    shares, share = sums / sizes, float(sums.sum()) / images
    if patients < 2 or share in (0.0, 1.0):
        return mean_size
    between = float((sizes * (shares - share) ** 2).sum()) / (patients - 1)
    within = float((sums * (1 - shares)).sum()) / (images - patients)
    others = (images - mean_size) / (patients - 1) - 1
    correlation = (between - within) / (between + others * within)
    return 1 + (mean_size - 1) * min(max(correlation, 0.0), 1.0)


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


def _difference(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Return AUROC(first) - AUROC(second) and its variance."""
    positive, values = binary(labels, first)
    _, others = binary(labels, second)
    estimate, covariance = _delong(positive, np.stack([values, others]))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(estimate[0] - estimate[1]), float(variance)


def _normal_interval(estimate: float, variance: float, level: float) -> tuple[float, float]:
    # Rounding can leave the variance of a difference of equal scores just below 0.
    reach = float(norm.ppf((1 + level) / 2) * np.sqrt(np.maximum(variance, 0.0)))
    return float(estimate) - reach, float(estimate) + reach


def _numbers(groups: ArrayLike) -> NDArray[np.intp]:
    return np.asarray(np.unique(np.asarray(groups), return_inverse=True)[1], np.intp)
