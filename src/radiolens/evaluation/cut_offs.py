"""What every cut-off of a score would do: whom it calls positive, and what follows where the test is used."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.discrimination import Confusion, binary
from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.predictive_values import npv_interval, number_needed_to_test, ppv_interval
from radiolens.evaluation.wilson import wilson_bounds

__all__ = ["CutOff", "CutOffs", "Practice", "cut_offs", "judged_cut_offs", "midpoints"]


@dataclass(frozen=True)
class Practice:
    """Where the test is used: the share of the tested who have the disease, and what errors cost in any unit.

    Costs are of one patient; nan where they were not given.
    """

    prevalence: float
    cost_false_negative: float = nan
    cost_false_positive: float = nan

    def __post_init__(self) -> None:
        if not 0.0 < self.prevalence < 1.0:
            raise ValueError(f"prevalence must be above 0 and below 1, found {self.prevalence:g}")
        costs = (self.cost_false_negative, self.cost_false_positive)
        if self.has_costs and not (min(costs) >= 0 and max(costs) > 0):
            raise ValueError(f"costs must be at least 0 and not both 0, found {costs[0]:g} and {costs[1]:g}")

    @property
    def has_costs(self) -> bool:
        """Say whether both costs were given."""
        return isfinite(self.cost_false_negative) and isfinite(self.cost_false_positive)


@dataclass(frozen=True, eq=False)
class CutOffs:
    """Every threshold that matters, ascending, with how many of each class it calls positive: three rows (k,)."""

    thresholds: NDArray[np.float64]
    true_positives: NDArray[np.intp]
    false_positives: NDArray[np.intp]
    positives: int
    negatives: int

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """Return the share of the positives that each cut-off calls positive (k,)."""
        return np.asarray(self.true_positives / max(self.positives, 1), np.float64)

    @property
    def specificity(self) -> NDArray[np.float64]:
        """Return the share of the negatives that each cut-off calls negative (k,)."""
        return np.asarray(1 - self.false_positives / max(self.negatives, 1), np.float64)

    def cost_per_1000(self, practice: Practice) -> NDArray[np.float64]:
        """Return what the errors of each cut-off cost in a thousand tested patients (k,); nan without costs."""
        missed = practice.prevalence * (1 - self.sensitivity)
        alarms = (1 - practice.prevalence) * (1 - self.specificity)
        return 1000 * (missed * practice.cost_false_negative + alarms * practice.cost_false_positive)

    @property
    def useful(self) -> NDArray[np.intp]:
        """Return the places (m,) of the cut-offs that are the highest at their sensitivity, ascending.

        Each of the others finds as many positives as one of these, with more or as many false alarms.
        """
        found = np.append(self.true_positives, 0)
        return np.flatnonzero(found[:-1] > found[1:])

    def at(self, places: ArrayLike) -> CutOffs:
        """Return the cut-offs at some places only."""
        at = np.asarray(places, np.intp)
        counts = self.true_positives[at], self.false_positives[at]
        return CutOffs(self.thresholds[at], *counts, self.positives, self.negatives)

    def counts(self, number: int) -> Confusion:
        """Return the confusion of one cut-off."""
        hits, alarms = int(self.true_positives[number]), int(self.false_positives[number])
        return Confusion(hits, alarms, self.positives - hits, self.negatives - alarms)


@dataclass(frozen=True)
class CutOff:
    """One cut-off: sensitivity and specificity (Wilson) of the sample, and what follows at a prevalence.

    `number_needed_to_test` is how many called positives get the confirming test for one who has the disease.
    `called_per_1000`, `missed_per_1000` and `cost_per_1000` are of a thousand tested patients; the cost is nan where
    none was given.
    """

    threshold: float
    counts: Confusion
    sensitivity: Interval
    specificity: Interval
    ppv: Interval
    npv: Interval
    number_needed_to_test: Interval
    called_per_1000: float
    missed_per_1000: float
    cost_per_1000: float


def cut_offs(labels: ArrayLike, scores: ArrayLike, callable_rows: ArrayLike | None = None) -> CutOffs:
    """Return what each threshold does to scores (n,) of labels (n,) of 0 and 1; from the threshold on it is positive.

    Where `callable_rows` (n,) is False, a row is called negative by every threshold: another of several exclusive
    labels is likelier. Raises ValueError if no row can be called positive.
    """
    positive, values = binary(labels, scores)
    possible = np.ones(values.shape, bool) if callable_rows is None else np.asarray(callable_rows, bool)
    if not possible.any():
        raise ValueError("no score can be called positive, so there is no cut-off")
    thresholds = midpoints(values[possible])
    return CutOffs(
        thresholds,
        _from_on(values[possible & positive], thresholds),
        _from_on(values[possible & ~positive], thresholds),
        int(positive.sum()),
        int((~positive).sum()),
    )


def midpoints(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every threshold that matters: the lowest score, then the middle of each pair of neighbours.

    In the middle, a rounding error of the runtime changes no decision.
    """
    distinct = np.unique(values)
    return np.concatenate([distinct[:1], (distinct[:-1] + distinct[1:]) / 2])


def judged_cut_offs(points: CutOffs, practice: Practice, level: float = LEVEL) -> tuple[CutOff, ...]:
    """Return every cut-off with its intervals, in ascending order."""
    sensitivity = _shares(points.true_positives, points.positives, level)
    specificity = _shares(points.negatives - points.false_positives, points.negatives, level)
    costs = points.cost_per_1000(practice)
    return tuple(
        _judged(points, number, practice, sensitivity[number], specificity[number], float(costs[number]))
        for number in range(len(points.thresholds))
    )


def _judged(
    points: CutOffs, number: int, practice: Practice, sensitivity: Interval, specificity: Interval, cost: float
) -> CutOff:
    counts, prevalence = points.counts(number), practice.prevalence
    ppv = ppv_interval(counts, prevalence, sensitivity.level)
    called = prevalence * counts.sensitivity + (1 - prevalence) * (1 - counts.specificity)
    return CutOff(
        threshold=float(points.thresholds[number]),
        counts=counts,
        sensitivity=sensitivity,
        specificity=specificity,
        ppv=ppv,
        npv=npv_interval(counts, prevalence, sensitivity.level),
        number_needed_to_test=number_needed_to_test(ppv),
        called_per_1000=1000 * called,
        missed_per_1000=1000 * prevalence * (1 - counts.sensitivity),
        cost_per_1000=cost,
    )


def _from_on(values: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return how many values lie at each threshold or above."""
    return np.asarray(len(values) - np.searchsorted(np.sort(values), thresholds), np.intp)


def _shares(successes: NDArray[np.intp], total: int, level: float) -> list[Interval]:
    low, high = wilson_bounds(successes, total, level)
    shares = successes / total if total else np.full(successes.shape, nan)
    return [
        Interval(float(share), float(bottom), float(top), level, "Wilson")
        for share, bottom, top in zip(shares, low, high, strict=True)
    ]
