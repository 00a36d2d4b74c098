"""Is acting on a score better than treating everybody or nobody? Net benefit over thresholds.

Vickers & Elkin 2006 (doi:10.1177/0272989X06295361). The threshold probability says how many unneeded treatments one
needed treatment is worth: at 0.1, nine. A curve holds at the prevalence of its cases, which in a set put together for
research is not that of a ward, and for probabilities that are calibrated there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike

from radiolens.evaluation.calibration import checked_probabilities
from radiolens.evaluation.discrimination import confusion

__all__ = ["CURVE_THRESHOLDS", "NetBenefit", "decision_curve", "net_benefit", "net_benefit_of_all"]

CURVE_THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 50))
"""49 thresholds from 0.02 to 0.98: close enough for a smooth curve in a file that stays small."""


@dataclass(frozen=True)
class NetBenefit:
    """One point of a decision curve, in true positives per case.

    `net_benefit` is that of the score called positive from `threshold` on, `treat_all` that of calling every case
    positive; that of calling none is 0 everywhere.
    """

    threshold: float
    net_benefit: float
    treat_all: float


def net_benefit(labels: ArrayLike, probability: ArrayLike, threshold: float) -> float:
    """Return true positives less false positives times threshold / (1 - threshold), per case; higher is better.

    At most the prevalence, without lower bound; 0 is as good as treating nobody. nan of nothing. Raises ValueError
    unless the threshold is between 0 and 1, ends left out.
    """
    positive, predicted = checked_probabilities(labels, probability)
    weight = _odds(threshold)
    counts = confusion(positive, predicted >= threshold)
    return (counts.true_positives - counts.false_positives * weight) / positive.size if positive.size else nan


def net_benefit_of_all(prevalence: float, threshold: float) -> float:
    """Return the net benefit of calling every case positive, at a prevalence (0 to 1)."""
    return prevalence - (1.0 - prevalence) * _odds(threshold)


def decision_curve(
    labels: ArrayLike, probability: ArrayLike, thresholds: Sequence[float] = CURVE_THRESHOLDS
) -> tuple[NetBenefit, ...]:
    """Return the net benefit at each threshold, beside that of treating all; empty of nothing."""
    positive, predicted = checked_probabilities(labels, probability)
    if not positive.size:
        return ()
    prevalence = float(np.mean(positive))
    return tuple(
        NetBenefit(threshold, net_benefit(positive, predicted, threshold), net_benefit_of_all(prevalence, threshold))
        for threshold in thresholds
    )


def _odds(threshold: float) -> float:
    if not 0.0 < threshold < 1.0:
        raise ValueError(f"a threshold probability lies between 0 and 1, found {threshold:g}")
    return threshold / (1.0 - threshold)
