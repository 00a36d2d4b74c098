"""Where to cut a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["threshold_balanced"]


def threshold_balanced(truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Return the cut-off with the best balanced accuracy (Youden 1950): midway between two scores.

    A case counts as positive from the cut-off on. Raises ValueError unless both classes are there.
    """
    positives, negatives = np.sort(scores[truth]), np.sort(scores[~truth])
    if not len(positives) or not len(negatives):
        raise ValueError("a threshold needs cases of both classes")
    values = np.unique(scores)
    cuts = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2])
    sensitivity = 1 - np.searchsorted(positives, cuts) / len(positives)
    specificity = np.searchsorted(negatives, cuts) / len(negatives)
    return float(cuts[np.argmax(sensitivity + specificity)])
