"""Intervals that know whether cases are independent: by formula where each is a patient, else by drawing patients."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.discrimination import auroc
from radiolens.evaluation.intervals import (
    LEVEL,
    Interval,
    auroc_difference_interval,
    auroc_interval,
    clustered_bootstrap_interval,
    share_interval,
)
from radiolens.validation.plan import Plan
from radiolens.validation.questions import FEWEST

__all__ = ["grouped_auroc", "grouped_auroc_difference", "grouped_mean", "grouped_share"]


def grouped_share(hits: NDArray[np.bool_], groups: NDArray[np.intp], plan: Plan) -> Interval:
    """Return the share of true values (n,): Wilson's interval if `groups` (n,) are all different, else a bootstrap."""
    if _independent(groups):
        return share_interval(int(np.count_nonzero(hits)), hits.size)
    return grouped_mean(hits.astype(np.float64), groups, plan)


def grouped_mean(values: NDArray[np.float64], groups: NDArray[np.intp], plan: Plan) -> Interval:
    """Return the mean of values (n,) with a bootstrap over groups; nan of nothing."""
    if not values.size:
        return Interval(nan, nan, nan, LEVEL, "no cases")
    random = np.random.default_rng(plan.seed)
    return clustered_bootstrap_interval(lambda drawn: float(drawn.mean()), [values], groups, random, plan.resamples)


def grouped_auroc(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], groups: NDArray[np.intp], plan: Plan
) -> Interval:
    """Return the AUROC: DeLong's interval if all groups are different, else a bootstrap; nan of too few of a class."""
    if not _judgeable(truth):
        return Interval(nan, nan, nan, LEVEL, "too few cases")
    if _independent(groups):
        return auroc_interval(truth, scores)
    random = np.random.default_rng(plan.seed)
    return clustered_bootstrap_interval(auroc, [truth, scores], groups, random, plan.resamples)


def grouped_auroc_difference(
    truth: NDArray[np.bool_],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: NDArray[np.intp],
    plan: Plan,
) -> Interval:
    """Return AUROC(first) - AUROC(second) on the same cases, paired, as `grouped_auroc` does."""
    if not _judgeable(truth):
        return Interval(nan, nan, nan, LEVEL, "too few cases")
    if _independent(groups):
        return auroc_difference_interval(truth, first, second)
    random = np.random.default_rng(plan.seed)
    return clustered_bootstrap_interval(_auroc_difference, [truth, first, second], groups, random, plan.resamples)


def _auroc_difference(truth: NDArray[np.bool_], first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return auroc(truth, first) - auroc(truth, second)


def _judgeable(truth: NDArray[np.bool_]) -> bool:
    return bool(min(np.count_nonzero(truth), np.count_nonzero(~truth)) >= FEWEST)


def _independent(groups: NDArray[np.intp]) -> bool:
    return len(np.unique(groups)) == groups.size
