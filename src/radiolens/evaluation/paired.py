"""Two networks on the same cases: whether their difference is more than chance, and corrections for many questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from radiolens.evaluation.discrimination import binary

__all__ = ["McNemar", "holm", "mcnemar"]


@dataclass(frozen=True)
class McNemar:
    """How often only one of two decisions was right, and the exact two-sided p value of that; see `mcnemar`."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_right: ArrayLike, second_right: ArrayLike) -> McNemar:
    """Return the exact test of McNemar (1947, doi:10.1007/BF02295996) on two decisions about the same cases (n,).

    Of the cases that one of them got right and the other wrong, half are expected for each if they are equally good, so
    p is that of a binomial test; 1 where they never differ, nan of no cases. Cases count as independent: with several
    images of a patient p is smaller than it should be.
    """
    first, _ = binary(first_right, np.zeros(np.shape(first_right)))
    second, _ = binary(second_right, np.zeros(first.shape))
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    if not first.size:
        return McNemar(0, 0, nan)
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return McNemar(only_first, only_second, p_value)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p values (0 to 1) corrected by Holm's step-down procedure (1979), in the order given.

    Rejecting what is at most a level keeps the chance of any false rejection at that level, however the tests depend on
    one another. A test that is not defined (nan) stays nan and does not count.
    """
    values = np.asarray(p_values, np.float64)
    defined = np.flatnonzero(np.isfinite(values))
    order = defined[np.argsort(values[defined], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    corrected = values.copy()
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return tuple(corrected.tolist())
