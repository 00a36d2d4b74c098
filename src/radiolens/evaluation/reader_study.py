"""How a reader, a network and both together judge one finding, against what another test told.

Decisions are words: present, absent, or anything else for undecided. An undecided reading neither finds what is there
nor rules out what is not, so it counts against sensitivity and specificity alike: leaving it out would reward whoever
decides only the easy cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.intervals import LEVEL, Interval, clustered_share_interval, not_defined
from radiolens.prediction import Presence

__all__ = ["Accuracy", "Switches", "either", "reading_accuracy", "switches"]


@dataclass(frozen=True)
class Accuracy:
    """Sensitivity and specificity, 0 to 1, of so many readings of `present` and `absent` truth; `undecided` of both."""

    sensitivity: Interval
    specificity: Interval
    present: int
    absent: int
    undecided: int


@dataclass(frozen=True)
class Switches:
    """How often a reader's decision was another after the network's was shown: `rate` of `readings`, 0 to 1.

    `to_truth` of them ended at what the other test told, `from_truth` had been there and left it.
    """

    rate: Interval
    readings: int
    switched: int
    to_truth: int
    from_truth: int


def reading_accuracy(decisions: ArrayLike, truth: ArrayLike, groups: ArrayLike, level: float = LEVEL) -> Accuracy:
    """Return how right `decisions` (n,) are by `truth` (n,), both words; `groups` (n,) names the patient of each.

    Intervals are Wilson's, with a design effect where a patient was read several times. A reading whose truth is
    undecided counts nowhere. Raises ValueError if the rows differ in length.
    """
    called, true, patients = _rows(decisions, truth, groups)
    there, not_there = true == Presence.PRESENT, true == Presence.ABSENT
    undecided = ~np.isin(called, [Presence.PRESENT, Presence.ABSENT]) & (there | not_there)
    return Accuracy(
        sensitivity=_share(called == Presence.PRESENT, there, patients, level),
        specificity=_share(called == Presence.ABSENT, not_there, patients, level),
        present=int(there.sum()),
        absent=int(not_there.sum()),
        undecided=int(undecided.sum()),
    )


def switches(
    before: ArrayLike, after: ArrayLike, truth: ArrayLike, groups: ArrayLike, level: float = LEVEL
) -> Switches:
    """Return how often `before` and `after` (n,) differ, and which way; the rest as in `reading_accuracy`."""
    first, last, true = _rows(before, after, truth)
    _first, _last, patients = _rows(before, after, groups)
    switched = first != last
    return Switches(
        rate=_share(switched, np.ones(len(switched), bool), patients, level),
        readings=len(switched),
        switched=int(switched.sum()),
        to_truth=int((switched & (last == true)).sum()),
        from_truth=int((switched & (first == true)).sum()),
    )


def either(first: ArrayLike, second: ArrayLike) -> NDArray[np.str_]:
    """Return present where one of two decisions (n,) says so, absent where both do, else undecided."""
    one, other, _rest = _rows(first, second, first)
    found = (one == Presence.PRESENT) | (other == Presence.PRESENT)
    excluded = (one == Presence.ABSENT) & (other == Presence.ABSENT)
    return np.where(found, Presence.PRESENT, np.where(excluded, Presence.ABSENT, Presence.INDETERMINATE)).astype(
        np.str_
    )


def _rows(*rows: ArrayLike) -> tuple[NDArray[np.str_], ...]:
    found = tuple(np.asarray(row, np.str_) for row in rows)
    if any(row.ndim != 1 or row.shape != found[0].shape for row in found):
        raise ValueError(f"rows of one length are needed, found the shapes {[row.shape for row in found]}")
    return found


def _share(hits: NDArray[np.bool_], of: NDArray[np.bool_], patients: NDArray[np.str_], level: float) -> Interval:
    if not of.any():
        return not_defined("no reading")
    return clustered_share_interval(hits[of], patients[of], level)
