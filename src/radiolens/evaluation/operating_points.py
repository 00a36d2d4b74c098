"""Sensitivity at a specificity that is asked for, and the reverse: two readings of the ROC curve.

Both take the best threshold that reaches what is asked for on these very cases, without interpolation, so they say what
the scores allow and not what a threshold chosen beforehand will give.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.discrimination import REACHED, binary, roc_curve
from radiolens.evaluation.intervals import Interval

__all__ = ["REQUIRED", "OperatingPoint", "sensitivity_at_specificity", "specificity_at_sensitivity"]

REQUIRED = (0.80, 0.90, 0.95)
"""The specificities and sensitivities usually asked for; 0.90 is the WHO's triage target for tuberculosis."""


@dataclass(frozen=True)
class OperatingPoint:
    """The best of one share where the other is at least `required`, both 0 to 1."""

    required: float
    interval: Interval


def sensitivity_at_specificity(labels: ArrayLike, scores: ArrayLike, specificity: float) -> float:
    """Return the highest sensitivity of all thresholds with at least this specificity; each 0 to 1, higher is better.

    A threshold that calls nothing positive counts, so it is 0 at worst. nan if a class is missing.
    """
    false_alarms, hits = _curve(labels, scores)
    return float(hits[1.0 - false_alarms >= specificity - REACHED].max()) if hits.size else nan


def specificity_at_sensitivity(labels: ArrayLike, scores: ArrayLike, sensitivity: float) -> float:
    """Return the highest specificity of all thresholds with at least this sensitivity; each 0 to 1, higher is better.

    A threshold that calls everything positive counts, so it is 0 at worst. nan if a class is missing.
    """
    false_alarms, hits = _curve(labels, scores)
    return float(1.0 - false_alarms[hits >= sensitivity - REACHED].min()) if hits.size else nan


def _curve(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    positive, values = binary(labels, scores)
    if positive.all() or not positive.any():
        return np.empty(0), np.empty(0)
    return roc_curve(positive, values)
