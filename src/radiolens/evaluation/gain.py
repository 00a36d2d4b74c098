"""How much better one network tells a label than another, on the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radiolens.evaluation.intervals import (
    LEVEL,
    Interval,
    auroc_difference_interval,
    auroc_interval,
    clustered_intervals,
)
from radiolens.evaluation.weighted import weighted_auroc, weighted_difference

__all__ = ["AurocGain", "auroc_gain"]


@dataclass(frozen=True)
class AurocGain:
    """The AUROC of the first of two networks, 0 to 1, and that of the second less it, -1 to 1."""

    first: Interval
    gain: Interval


def auroc_gain(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike,
    random: np.random.Generator,
    resamples: int = 1000,
    level: float = LEVEL,
) -> AurocGain:
    """Return what the scores `second` (n,) gain over the scores `first` (n,); `groups` (n,) is the patient of each.

    The intervals are DeLong's where each image is of another patient, else of a bootstrap over patients. Where `first`
    separates the classes every draw does, too; the other end is then that of Wilson's interval of the patients of the
    smaller class.
    """
    truth, scores, patients = np.asarray(labels), np.asarray(first), np.asarray(groups)
    _, one_each = np.unique(patients, return_index=True)
    if one_each.size == patients.size:
        return AurocGain(auroc_interval(truth, scores, level), auroc_difference_interval(truth, second, scores, level))
    before, after = weighted_auroc(truth, scores), weighted_auroc(truth, second)
    statistics = {"first": before, "gain": weighted_difference(after, before)}
    found = clustered_intervals(statistics, patients, random, resamples, level)
    separated = found["first"].estimate in (0.0, 1.0)
    return AurocGain(
        auroc_interval(truth[one_each], scores[one_each], level) if separated else found["first"], found["gain"]
    )
