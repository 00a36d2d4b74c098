"""How alike two maps of one picture are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["rank_correlation", "structural_similarity"]

_LUMINANCE, _CONTRAST = 0.01**2, 0.03**2
"""The constants of SSIM for values from 0 to 1, as the paper sets them."""


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Spearman's correlation of two maps over their cells, -1 to 1; 1: they order the places alike.

    A map that is the same everywhere orders nothing: 0.
    """
    ranks = rankdata(first.ravel()), rankdata(second.ravel())
    if any(np.ptp(each) == 0 for each in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def structural_similarity(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the SSIM of two maps, 0 and above, each scaled to its maximum: up to 1, for equal ones.

    One window covers the whole map, which has few cells. Wang et al. 2004 (doi:10.1109/TIP.2003.819861), eq. 13.
    """
    x, y = (np.asarray(values, np.float64).ravel() / max(float(values.max()), 1e-12) for values in (first, second))
    (variance_x, covariance), (_, variance_y) = np.cov(x, y)
    like = (2 * x.mean() * y.mean() + _LUMINANCE) * (2 * covariance + _CONTRAST)
    return float(like / ((x.mean() ** 2 + y.mean() ** 2 + _LUMINANCE) * (variance_x + variance_y + _CONTRAST)))
