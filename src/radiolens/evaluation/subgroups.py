"""A measure for each group of cases: sources, ages, sexes, views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.intervals import Interval

__all__ = ["Subgroup", "by_group", "worst_group"]


@dataclass(frozen=True)
class Subgroup:
    """One group: its name, the number of its cases, the measure on them."""

    name: str
    support: int
    interval: Interval


def by_group(
    measure: Callable[..., Interval], arrays: Sequence[NDArray[Any]], groups: ArrayLike
) -> tuple[Subgroup, ...]:
    """Return `measure(*arrays)` of each group in the order of their names; `arrays` and `groups` hold a row per case.

    Groups are many and small: a low one may be chance, which its interval tells.
    """
    names = np.asarray(groups).astype(str)
    parts = ((str(name), names == name) for name in np.unique(names))
    return tuple(
        Subgroup(name, int(at.sum()), measure(*(np.asarray(array)[at] for array in arrays))) for name, at in parts
    )


def worst_group(subgroups: Sequence[Subgroup], least_support: int = 1) -> Subgroup | None:
    """Return the group with the lowest estimate among those of at least so many cases; None if there is none."""
    judged = [group for group in subgroups if group.support >= least_support and isfinite(group.interval.estimate)]
    return min(judged, key=lambda group: group.interval.estimate, default=None)
