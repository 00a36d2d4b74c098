"""Intervals that know whether cases are independent: by formula where each is a patient, else by drawing patients."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.intervals import (
    Interval,
    auroc_difference_interval,
    auroc_interval,
    clustered_intervals,
    not_defined,
)
from radiolens.evaluation.weighted import Floats, Statistic, weighted_auroc, weighted_difference
from radiolens.validation.plan import Plan
from radiolens.validation.questions import FEWEST

__all__ = ["Discrimination", "grouped_discrimination", "grouped_means"]

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True)
class Discrimination:
    """The AUROC of one kind of scores, and how much it is above that of the scores they are compared with."""

    auroc: Interval
    change: Interval


def grouped_means(values: Mapping[str, Floats], groups: NDArray[np.intp], plan: Plan) -> dict[str, Interval]:
    """Return the means of several values (n,), with a bootstrap over groups on the same draws; nan of nothing."""
    if not groups.size:
        return {name: not_defined("no cases") for name in values}
    statistics = {name: _weighted_mean(each) for name, each in values.items()}
    return clustered_intervals(statistics, groups, np.random.default_rng(plan.seed), plan.resamples)


def grouped_discrimination(
    truth: NDArray[np.bool_],
    scores: Mapping[_Name, Floats],
    before: Floats,
    groups: NDArray[np.intp],
    plan: Plan,
) -> dict[_Name, Discrimination]:
    """Return the AUROC of each of several scores (n,) of the same cases, and its change against the scores `before`.

    The intervals are DeLong's if all groups are different, else those of a bootstrap over groups; nan with too few
    cases of a class.
    """
    if min(np.count_nonzero(truth), np.count_nonzero(~truth)) < FEWEST:
        nothing = not_defined("too few cases")
        return dict.fromkeys(scores, Discrimination(nothing, nothing))
    if len(np.unique(groups)) == groups.size:
        return {
            name: Discrimination(auroc_interval(truth, each), auroc_difference_interval(truth, each, before))
            for name, each in scores.items()
        }
    statistics: dict[str, Statistic] = {}
    for name, each in scores.items():
        statistics[f"auroc {name}"] = weighted_auroc(truth, each)
        statistics[f"change {name}"] = weighted_difference(weighted_auroc(truth, each), weighted_auroc(truth, before))
    found = clustered_intervals(statistics, groups, np.random.default_rng(plan.seed), plan.resamples)
    return {name: Discrimination(found[f"auroc {name}"], found[f"change {name}"]) for name in scores}


def _weighted_mean(values: Floats) -> Statistic:
    # A draw has at least one case of weight, since it draws as many groups as there are.
    return lambda weights: np.asarray(weights @ values / weights.sum(axis=1), np.float64)
