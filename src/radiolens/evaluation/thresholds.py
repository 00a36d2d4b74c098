"""Thresholds chosen on validation scores; a score is called positive from the threshold on.

They lie midway between two neighbouring scores, so that a rounding error of the runtime changes no decision.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.discrimination import binary

__all__ = ["threshold_at_sensitivity", "threshold_youden"]


def threshold_at_sensitivity(labels: ArrayLike, scores: ArrayLike, sensitivity: float) -> float:
    """Return the highest threshold at which at least this share (0 to 1) of the positives is called positive.

    Of the thresholds that reach the sensitivity it has the highest specificity. Raises ValueError without positives.
    """
    positive, values = binary(labels, scores)
    _require(positive.any(), "positives")
    candidates = _midpoints(values)
    reached = np.asarray([(values[positive] >= candidate).mean() for candidate in candidates])
    # Shares are sums of 1/n in binary: 0.9 of ten cases must count as reached.
    return float(candidates[reached >= sensitivity - 1e-12].max())


def threshold_youden(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the threshold of the largest sensitivity + specificity - 1 (Youden 1950), and so of balanced accuracy.

    With `weights` (n,) sensitivity and specificity are weighted shares, so that, for instance, every hospital counts
    the same however many films it gave. Of equally good thresholds it is the middle, of two the higher. Raises
    ValueError if a class is missing or has no weight.
    """
    positive, values = binary(labels, scores)
    weighing = np.ones(values.shape) if weights is None else _weights(weights, values.shape)
    _require(weighing[positive].any(), "positives")
    _require(weighing[~positive].any(), "negatives")
    candidates = _midpoints(values)
    below = _share_below(candidates, values[positive], weighing[positive])
    alarms = 1.0 - _share_below(candidates, values[~positive], weighing[~positive])
    best = np.flatnonzero(np.isclose(below + alarms, (below + alarms).min(), rtol=0.0, atol=1e-12))
    return float(candidates[best[len(best) // 2]])


def _midpoints(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every threshold that matters: the lowest score, then the middle of each pair of neighbours."""
    distinct = np.unique(values)
    return np.concatenate([distinct[:1], (distinct[:-1] + distinct[1:]) / 2])


def _share_below(
    candidates: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    order = np.argsort(values)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    shares: NDArray[np.float64] = cumulative[np.searchsorted(values[order], candidates)] / cumulative[-1]
    return shares


def _weights(weights: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    weighing = np.asarray(weights, np.float64)
    if weighing.shape != shape or not np.isfinite(weighing).all() or (weighing < 0).any():
        raise ValueError(f"weights must be one finite number of at least 0 for each of {shape[0]} scores")
    return weighing


def _require(found: bool | np.bool_, what: str) -> None:
    if not found:
        raise ValueError(f"a threshold needs {what}, and there are none among the scores")
