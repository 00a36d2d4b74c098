"""Confidence intervals: DeLong for the AUROC, Wilson for proportions, the clustered bootstrap for anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from radiolens.evaluation.discrimination import auroc

__all__ = ["Interval", "clustered_bootstrap", "delong", "wilson"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float
    method: str
    level: float = 0.95


def delong(truth: NDArray[np.bool_], scores: NDArray[np.floating], level: float = 0.95) -> Interval:
    """Return the AUROC with the interval of DeLong et al. 1988, by the midranks of Sun & Xu 2014; cut to 0 to 1."""
    positives, negatives = scores[truth], scores[~truth]
    m, n = len(positives), len(negatives)
    if m < 2 or n < 2:
        return Interval(auroc(truth, scores), float("nan"), float("nan"), "DeLong", level)
    together = rankdata(np.concatenate([positives, negatives]))
    above = (together[:m] - rankdata(positives)) / n
    below = 1 - (together[m:] - rankdata(negatives)) / m
    area = float(above.mean())
    error = np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n) * norm.ppf((1 + level) / 2)
    return Interval(area, max(0.0, area - error), min(1.0, area + error), "DeLong", level)


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Return a proportion with Wilson's score interval (1927)."""
    if not trials:
        return Interval(float("nan"), 0.0, 1.0, "Wilson", level)
    z = float(norm.ppf((1 + level) / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), "Wilson", level)


def clustered_bootstrap(
    statistic: Callable[[NDArray[np.intp]], float],
    clusters: NDArray[np.integer],
    random: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Return a statistic of case indices with a percentile interval over whole clusters (patients) drawn anew.

    Draws in which the statistic is not a number (a class is missing) are left out.
    """
    members = [np.flatnonzero(clusters == cluster) for cluster in np.unique(clusters)]
    values = [
        statistic(np.concatenate([members[index] for index in random.integers(0, len(members), len(members))]))
        for _ in range(draws)
    ]
    low, high = np.nanpercentile(values, [50 * (1 - level), 50 * (1 + level)])
    return Interval(statistic(np.arange(len(clusters))), float(low), float(high), "clustered bootstrap", level)
