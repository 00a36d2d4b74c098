"""Wilson's interval of a share for many cut-offs at once, and turned round: how many cases a precision needs.

Wilson 1927 (doi:10.1080/01621459.1927.10502953). `intervals.share_interval` is the same for one share.
"""

from __future__ import annotations

from functools import cache
from math import ceil, inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from radiolens.evaluation.discrimination import REACHED
from radiolens.evaluation.intervals import LEVEL

__all__ = ["cases_for_half_width", "cases_for_lower_bound", "lower_bound_reaches", "wilson_bounds", "z_value"]


@cache  # a plan asks for it at every cut-off
def z_value(level: float) -> float:
    """Return the standard normal quantile of a two-sided interval of this level: 1.96 of 0.95."""
    return float(norm.ppf((1 + level) / 2))


def wilson_bounds(
    successes: ArrayLike, total: float, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends (low, high) of the interval of each share `successes` / `total`, 0 to 1; nan of nothing.

    Neither need be whole: an effective number of cases is not.
    """
    count = np.asarray(successes, np.float64)
    if not total:
        return np.full(count.shape, np.nan), np.full(count.shape, np.nan)
    squared = z_value(level) ** 2
    centre = (count + squared / 2) / (total + squared)
    spread = np.sqrt(squared * (count * (1 - count / total) + squared / 4)) / (total + squared)
    # At 0 and at `total` an end is exact, which rounding would miss by one unit in the last place.
    low = np.where(count <= 0, 0.0, np.clip(centre - spread, 0.0, 1.0))
    return low, np.where(count >= total, 1.0, np.clip(centre + spread, 0.0, 1.0))


def lower_bound_reaches(successes: ArrayLike, total: int, target: float, level: float = LEVEL) -> NDArray[np.bool_]:
    """Say of each share whether the lower end of its interval is at least `target`.

    By the score test, of which the interval is the inversion: (share - target) / sqrt(target (1 - target) / n) >= z.
    """
    share = np.asarray(successes, np.float64) / max(total, 1)
    if target <= 0.0:
        return np.ones(share.shape, bool)
    if target >= 1.0 or not total:
        return np.zeros(share.shape, bool)
    reach = z_value(level) * sqrt(target * (1 - target) / total)
    return np.asarray(share - target >= reach - REACHED, bool)


def cases_for_half_width(share: float, half_width: float, level: float = LEVEL) -> int:
    """Return the fewest cases whose interval around `share` (0 to 1) reaches at most `half_width` to either side.

    `half_width` is that of the whole interval, which is not centred on the share: half of high - low. It is the larger
    root of the quadratic in n to which Wilson's half width leads. Raises ValueError unless it is above 0, below 0.5.
    """
    _check(share, "the share", 0.0, 1.0)
    if not 0.0 < half_width < 0.5:
        raise ValueError(f"half_width must be above 0 and below 0.5, found {half_width:g}")
    squared, width = z_value(level) ** 2, half_width**2
    # n from: width (1 + squared / n)^2 = squared share (1 - share) / n + squared^2 / (4 n^2)
    linear = 2 * width * squared - squared * share * (1 - share)
    constant = squared**2 * (width - 0.25)
    root = (-linear + sqrt(linear**2 - 4 * width * constant)) / (2 * width)
    return max(1, ceil(root - 1e-9))


def cases_for_lower_bound(share: float, target: float, power: float = 0.8, level: float = LEVEL) -> float:
    """Return how many cases let the lower end reach `target` with probability `power`, if the true share is `share`.

    The sample size of the one-sample score test (Fleiss et al. 2003, Statistical Methods for Rates and Proportions,
    eq. 2.8, without continuity correction). Infinite if `share` is not above `target`.
    """
    _check(share, "the share", 0.0, 1.0)
    _check(target, "the target", 0.0, 1.0)
    if share <= target:
        return inf
    spread = z_value(level) * sqrt(target * (1 - target)) + float(norm.ppf(power)) * sqrt(share * (1 - share))
    return float(max(1, ceil((spread / (share - target)) ** 2 - 1e-9)))


def _check(value: float, what: str, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what} must be from {low:g} to {high:g}, found {value:g}")
