"""How far two readers, or two networks, say the same of the same cases."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.discrimination import REACHED
from radiolens.evaluation.intervals import (
    LEVEL,
    Interval,
    clustered_intervals,
    clustered_share_interval,
    not_defined,
)
from radiolens.evaluation.weighted import Floats, Statistic

__all__ = ["Agreement", "agreement_of"]


@dataclass(frozen=True)
class Agreement:
    """How often two say the same of `cases` cases, and Cohen's kappa, the share of what chance leaves open."""

    cases: int
    share: Interval
    kappa: Interval


def agreement_of(
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike,
    random: np.random.Generator,
    resamples: int = 1000,
    level: float = LEVEL,
) -> Agreement:
    """Return how far two say the same: categories (n,) of any kind each, and `groups` (n,), the patient of each case.

    Kappa (Cohen 1960, doi:10.1177/001316446002000104) is 1 where they always agree and 0 where they agree as often as
    two who answer by chance, each with its own shares of the categories; nan where one of them says the same of every
    case, since nothing can be told of it then (Cohen's formula gives 0, whatever is drawn). Its interval is of a
    bootstrap over patients. Where all agree there is nothing to draw: then its low end is that of the share, with the
    same chance. Raises ValueError if the rows differ in length.
    """
    one, other, patients = np.asarray(first), np.asarray(second), np.asarray(groups)
    if not one.shape == other.shape == patients.shape or one.ndim != 1:
        raise ValueError(f"two rows of one length are needed, found {one.shape}, {other.shape}, {patients.shape}")
    if not one.size:
        return Agreement(0, not_defined("Wilson"), not_defined("kappa"))
    share = clustered_share_interval(one == other, patients, level)
    if (one == one[0]).all() or (other == other[0]).all():
        return Agreement(one.size, share, not_defined("kappa of one category"))
    statistic = _kappa(one, other)
    kappa = clustered_intervals({"": statistic}, patients, random, resamples, level)[""]
    if share.estimate == 1:
        kappa = _unanimous(one, share)
    return Agreement(one.size, share, kappa)


def _unanimous(categories: NDArray[np.generic], share: Interval) -> Interval:
    """Return kappa where all agree, its low end from that of the share."""
    _, counts = np.unique(categories, return_counts=True)
    chance = float(((counts / counts.sum()) ** 2).sum())
    return Interval(1.0, (share.low - chance) / (1 - chance), 1.0, share.level, f"{share.method}, with the same chance")


def _kappa(first: NDArray[np.generic], second: NDArray[np.generic]) -> Statistic:
    names, numbers = np.unique(np.concatenate([first, second]), return_inverse=True)
    count = len(names)
    pairs = numbers[: len(first)] * count + numbers[len(first) :]
    indicator = np.eye(count * count)[pairs]

    def statistic(weights: Floats) -> Floats:
        tables = (weights @ indicator).reshape(-1, count, count)
        shares = tables / np.maximum(tables.sum(axis=(1, 2), keepdims=True), 1)
        agreed = np.trace(shares, axis1=1, axis2=2)
        chance = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
        left = 1 - chance
        defined = left > REACHED
        return np.where(defined, (agreed - chance) / np.where(defined, left, 1.0), nan)

    return statistic
