"""What a bundle keeps of its training pictures, so that serving can tell a picture that is unlike all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radiolens.safety.feature_distance import FeatureReference, fit_reference

__all__ = ["feature_reference"]

_DIMENSIONS = 64  # 128 find no more; they only let a half of the pictures explain the other half worse
_PASSING = 0.995
"""Of training pictures, every group weighing the same, lie nearer to the others than the limit before the margin."""

_MARGIN = 1.3
"""By which a genuine film of a hospital that was not trained on may lie further; docs/safety.md has the table."""

_FEWEST = 20  # pictures: of fewer, a half does not tell how far pictures lie from one another


def feature_reference(pooled: NDArray[np.floating], groups: Sequence[str], seed: int) -> FeatureReference | None:
    """Return the reference of training pictures' pooled features (n, channels), None if they are too few.

    The limit is measured on them too, but each half against the other: the distance below which 99.5 % lie, every
    group weighing the same, times a margin. No picture is measured against itself, and validation pictures, which may
    be few or of another fold's network, are not needed.
    """
    if len(pooled) < _FEWEST:
        return None
    order = np.random.default_rng(seed).permutation(len(pooled))
    distances = np.zeros(len(pooled))
    for here, there in ((order[::2], order[1::2]), (order[1::2], order[::2])):
        distances[here] = fit_reference(pooled[there], _DIMENSIONS, limit=1.0).distances(pooled[here])
    limit = min(_MARGIN * _weighted_quantile(distances, groups, _PASSING), 1.0)
    return fit_reference(pooled, _DIMENSIONS, limit)


def _weighted_quantile(values: NDArray[np.float64], groups: Sequence[str], share: float) -> float:
    """Return the least value that at least `share` of the weight does not exceed, every group weighing the same."""
    counts = Counter(groups)
    weights = np.asarray([1 / counts[group] for group in groups])
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])
