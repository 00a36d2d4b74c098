"""How the scores of the two sides of a label are spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radiolens.evaluation.calibration import checked_probabilities

__all__ = ["HISTOGRAM_BINS", "ScoreHistogram", "score_histogram"]

HISTOGRAM_BINS = 20
"""Of width 0.05."""


@dataclass(frozen=True)
class ScoreHistogram:
    """Cases of each side in bins of equal width from 0 to 1, lowest first; a bin holds its lower end, the last both."""

    positives: tuple[int, ...]
    negatives: tuple[int, ...]


def score_histogram(labels: ArrayLike, probability: ArrayLike, bins: int = HISTOGRAM_BINS) -> ScoreHistogram:
    """Return the counts of probabilities (n,), 0 to 1, for positives and negatives apart."""
    positive, predicted = checked_probabilities(labels, probability)
    present, absent = (np.histogram(predicted[side], bins, (0.0, 1.0))[0].tolist() for side in (positive, ~positive))
    return ScoreHistogram(tuple(present), tuple(absent))
