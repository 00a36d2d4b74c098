"""Bootstrap and jackknife over groups of cases: which weights the cases get, and the interval that follows."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

__all__ = ["bootstrap_ends", "drawn_weights", "left_out_weights"]

_MOST_NUMBERS = 4_000_000
"""In one block of weights: 32 MB, of which a measure holds some copies."""

_MOST_BLOCKS = 500
"""Of a jackknife. More groups are left out several at a time, which changes the acceleration by chance alone."""

_SMALLEST = 1e-12
"""As good as 0 for a divisor, without a warning."""


def drawn_weights(
    numbers: NDArray[np.intp], random: np.random.Generator, resamples: int
) -> Iterator[NDArray[np.float64]]:
    """Yield, in blocks (k, n), how often each case is drawn if as many groups are drawn as there are.

    `numbers` (n,) is the group of each case, counted from 0. The blocks have `resamples` rows in all.
    """
    count = int(numbers.max(initial=-1)) + 1
    rows = max(1, _MOST_NUMBERS // max(numbers.size, 1))
    for start in range(0, resamples, rows):
        block = min(rows, resamples - start)
        places = random.integers(count, size=(block, count)) + np.arange(block)[:, np.newaxis] * count
        times = np.bincount(places.ravel(), minlength=block * count).reshape(block, count)
        yield times[:, numbers].astype(np.float64)


def left_out_weights(numbers: NDArray[np.intp]) -> Iterator[NDArray[np.float64]]:
    """Yield, in blocks (k, n), weights of 1 but for one group, or one of 500 parts of the groups, which get 0."""
    count = int(numbers.max(initial=-1)) + 1
    parts = min(count, _MOST_BLOCKS)
    rows = max(1, _MOST_NUMBERS // max(numbers.size, 1))
    for start in range(0, parts, rows):
        left_out = np.arange(start, min(start + rows, parts))
        yield (numbers % parts != left_out[:, np.newaxis]).astype(np.float64)


def bootstrap_ends(
    estimate: float, replicates: NDArray[np.float64], jackknife: NDArray[np.float64], count: int, level: float
) -> tuple[float, float]:
    """Return the ends of the BCa interval of `replicates`, expanded for `count` groups; what is nan is left out.

    Without a `jackknife` they are the expanded percentiles. Efron & Tibshirani 1993, An Introduction to the Bootstrap,
    eq. 14.10 to 14.15; Hesterberg 2015 (doi:10.1080/00031305.2015.1089789), section 5.3.
    """
    defined = replicates[np.isfinite(replicates)]
    if not defined.size or not np.isfinite(estimate):
        return nan, nan
    reach = float(np.sqrt(count / (count - 1)) * t.ppf((1 + level) / 2, count - 1))
    bias, acceleration = (_bias(estimate, defined), _acceleration(jackknife)) if jackknife.size else (0.0, 0.0)
    shifted = bias + np.asarray([-reach, reach])
    # With few groups the acceleration can pass the pole, beyond which lies the end of all replicates.
    room = np.maximum(1 - acceleration * shifted, _SMALLEST)
    low, high = np.quantile(defined, norm.cdf(bias + shifted / room))
    return float(low), float(high)


def _bias(estimate: float, replicates: NDArray[np.float64]) -> float:
    """Return the normal quantile of the share of replicates below the estimate, of those equal to it half."""
    below = np.count_nonzero(replicates < estimate) + np.count_nonzero(replicates == estimate) / 2
    # Half a replicate at least, so that the quantile is finite.
    return float(norm.ppf(np.clip(below, 0.5, replicates.size - 0.5) / replicates.size))


def _acceleration(jackknife: NDArray[np.float64]) -> float:
    defined = jackknife[np.isfinite(jackknife)]
    if not defined.size:
        return 0.0
    differences = defined.mean() - defined
    spread = float((differences**2).sum()) ** 1.5
    return float((differences**3).sum()) / (6 * spread) if spread else 0.0
