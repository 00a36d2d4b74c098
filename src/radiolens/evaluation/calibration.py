"""How far probabilities can be taken at their word, and the temperature that mends them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from radiolens.evaluation.link import probabilities

__all__ = ["brier_score", "expected_calibration_error", "fit_temperature"]

_LOG_BOUNDS = (np.log(0.05), np.log(20.0))  # beyond it a network is broken, not miscalibrated


def brier_score(truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Return the mean squared difference of probability (n,) and truth (n,): 0 best, 0.25 for a constant one half."""
    return float(np.mean((scores - truth) ** 2))


def expected_calibration_error(truth: NDArray[np.bool_], scores: NDArray[np.floating], bins: int = 15) -> float:
    """Return the mean distance of probability and frequency over bins of equal mass: 0 best.

    Naeini et al. 2015, with the equal-mass bins of Nguyen & O'Connor 2015.
    """
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(scores[part].mean() - truth[part].mean()) for part in parts) / len(scores))


def fit_temperature(
    logits: NDArray[np.floating], targets: NDArray[np.floating], *, exclusive: bool
) -> NDArray[np.float64]:
    """Return the temperature of each label (labels,) that minimises the log loss: one shared by exclusive labels.

    `targets` (n, labels): findings are 1, 0 or -1 (not annotated); exclusive labels 1 where possible, else 0, and a
    case counts with the summed probability of its possible labels. Guo et al. 2017 (arXiv:1706.04599).
    """
    labels = logits.shape[1]
    if exclusive:
        return np.full(labels, _minimise(partial(_exclusive_loss, logits, targets)))
    losses = (partial(_finding_loss, logits[:, label], targets[:, label]) for label in range(labels))
    return np.asarray([_minimise(loss) for loss in losses])


def _minimise(loss: Callable[[float], float]) -> float:
    found = minimize_scalar(lambda power: loss(float(np.exp(power))), bounds=_LOG_BOUNDS, method="bounded")
    return float(np.exp(found.x))


def _exclusive_loss(logits: NDArray[np.floating], targets: NDArray[np.floating], temperature: float) -> float:
    known = (probabilities(logits, temperature, exclusive=True) * (targets == 1)).sum(axis=1)
    return float(-np.log(np.maximum(known, np.finfo(np.float64).tiny)).mean())


def _finding_loss(logits: NDArray[np.floating], targets: NDArray[np.floating], temperature: float) -> float:
    annotated = targets >= 0
    if not annotated.any():
        return 0.0
    signed = np.where(targets == 1, 1.0, -1.0)[annotated] * logits[annotated] / temperature
    return float(np.logaddexp(0.0, -signed).mean())
