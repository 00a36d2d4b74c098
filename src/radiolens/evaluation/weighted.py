"""Measures of many weighted samples of the same cases at once, which is what makes a bootstrap fast.

Each function takes what the plain measure of the same name takes, and returns a `Statistic`: weights (k, n) of the n
cases in, the measure of each of the k samples (k,) out, as if each case stood there as often as its weight says. What
all samples share, above all the order of the scores, is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.calibration import BINS, bin_numbers, checked_probabilities
from radiolens.evaluation.discrimination import REACHED, binary

__all__ = [
    "KEPT",
    "Floats",
    "Statistic",
    "weighted_area_under_risk_coverage",
    "weighted_auprc",
    "weighted_auroc",
    "weighted_balanced_accuracy",
    "weighted_difference",
    "weighted_expected_calibration_error",
    "weighted_macro_f1",
    "weighted_mean_over_parts",
    "weighted_metric",
    "weighted_ratio",
    "weighted_risk_at_coverage",
    "weighted_sensitivity_at_specificity",
    "weighted_share",
    "weighted_specificity_at_sensitivity",
]

KEPT = 1e-9
"""Taken off before a number of cases is rounded up: 0.95 of 20 are 19, though 0.95 * 20 may be just above in binary."""

Floats = NDArray[np.float64]

Statistic = Callable[[Floats], Floats]
"""Weights (k, n), whole numbers of at least 0, to a measure (k,); nan where a sample does not define it."""


def weighted_metric(metric: Callable[..., float], arrays: Sequence[NDArray[Any]]) -> Statistic:
    """Return any `metric(*arrays)` as a statistic, by repeating the rows of each sample: slow, but of everything."""

    def statistic(weights: Floats) -> Floats:
        rows = np.arange(weights.shape[1])
        drawn = (np.repeat(rows, sample.astype(np.intp)) for sample in weights)
        return np.asarray([metric(*(array[at] for array in arrays)) for at in drawn], np.float64)

    return statistic


def weighted_auroc(labels: ArrayLike, scores: ArrayLike) -> Statistic:
    """Return the AUROC, 0 to 1."""
    ranked = _Ranked(labels, scores)

    def statistic(weights: Floats) -> Floats:
        hits, alarms = ranked.steps(weights)
        beaten = alarms[:, ::-1].cumsum(axis=1)[:, ::-1] - alarms / 2  # negatives with lower scores, of a tie half
        return _ratio((hits * beaten).sum(axis=1), hits.sum(axis=1) * alarms.sum(axis=1))

    return statistic


def weighted_auprc(labels: ArrayLike, scores: ArrayLike) -> Statistic:
    """Return the average precision, 0 to 1."""
    ranked = _Ranked(labels, scores)

    def statistic(weights: Floats) -> Floats:
        hits, alarms = ranked.steps(weights)
        found = hits.cumsum(axis=1)
        precision = _ratio(found, found + alarms.cumsum(axis=1), nothing=0.0)
        area = _ratio((hits * precision).sum(axis=1), hits.sum(axis=1))
        return np.where(alarms.sum(axis=1) > 0, area, np.nan)

    return statistic


def weighted_sensitivity_at_specificity(labels: ArrayLike, scores: ArrayLike, specificity: float) -> Statistic:
    """Return the highest sensitivity of all thresholds with at least this specificity, 0 to 1."""
    ranked = _Ranked(labels, scores)

    def statistic(weights: Floats) -> Floats:
        hits, alarms = (_shares(steps) for steps in ranked.steps(weights))
        return _best(hits, reached=1.0 - alarms >= specificity - REACHED)

    return statistic


def weighted_specificity_at_sensitivity(labels: ArrayLike, scores: ArrayLike, sensitivity: float) -> Statistic:
    """Return the highest specificity of all thresholds with at least this sensitivity, 0 to 1."""
    ranked = _Ranked(labels, scores)

    def statistic(weights: Floats) -> Floats:
        hits, alarms = (_shares(steps) for steps in ranked.steps(weights))
        return _best(1.0 - alarms, reached=hits >= sensitivity - REACHED)

    return statistic


def weighted_area_under_risk_coverage(wrong: ArrayLike, confidence: ArrayLike) -> Statistic:
    """Return the area under risk against coverage, 0 to 1."""
    ranked = _Ranked(wrong, confidence)

    def statistic(weights: Floats) -> Floats:
        errors, rights = ranked.steps(weights)
        cases = errors + rights
        before = cases.cumsum(axis=1) - cases
        # Within a tie of c cases after b surer ones, of which e were wrong, the risk of the first j is
        # (e + r j) / (b + j); its sum over j = 1 to c is r c + (e - r b) (H(b + c) - H(b)), H the harmonic numbers.
        risk = _ratio(errors, cases, nothing=0.0)
        wrong_before = errors.cumsum(axis=1) - errors
        harmonic = np.concatenate([[0.0], (1.0 / np.arange(1, int(cases.sum(axis=1).max(initial=0)) + 1)).cumsum()])
        steps = harmonic[(before + cases).astype(np.intp)] - harmonic[before.astype(np.intp)]
        return _ratio((errors + (wrong_before - risk * before) * steps).sum(axis=1), cases.sum(axis=1))

    return statistic


def weighted_risk_at_coverage(wrong: ArrayLike, confidence: ArrayLike, coverage: float) -> Statistic:
    """Return the share (0 to 1) of wrong decisions among the surest cases that make up the share `coverage` of all."""
    ranked = _Ranked(wrong, confidence)

    def statistic(weights: Floats) -> Floats:
        errors, rights = ranked.steps(weights)
        cases = errors + rights
        before = cases.cumsum(axis=1) - cases
        kept = np.ceil(coverage * cases.sum(axis=1, keepdims=True) - KEPT)
        taken = np.clip(kept - before, 0.0, cases)
        return _ratio((_ratio(errors, cases, nothing=0.0) * taken).sum(axis=1), kept[:, 0])

    return statistic


def weighted_share(hits: ArrayLike, of: ArrayLike | None = None) -> Statistic:
    """Return the share (0 to 1) of `hits` (n,) among the cases `of` (n,), all by default; both booleans."""
    among = np.ones(np.shape(hits)) if of is None else np.asarray(of, np.float64)
    counted = np.asarray(hits, np.float64) * among
    return lambda weights: _ratio(weights @ counted, weights @ among)


def weighted_balanced_accuracy(labels: ArrayLike, called: ArrayLike) -> Statistic:
    """Return the mean of sensitivity and specificity, 0 to 1; nan where a class has no weight."""
    present, decided = binary(labels, called)
    sensitivity, specificity = weighted_share(decided, present), weighted_share(1 - decided, ~present)
    return lambda weights: np.asarray((sensitivity(weights) + specificity(weights)) / 2, np.float64)


def weighted_expected_calibration_error(labels: ArrayLike, probability: ArrayLike, bins: int = BINS) -> Statistic:
    """Return the mean distance of probability and observed share over the equal-mass bins of all cases, 0 to 1.

    The bins stay where they are; a sample moves its cases in and out of them.
    """
    positive, predicted = checked_probabilities(labels, probability)
    gaps = predicted - positive
    inside = bin_numbers(predicted, bins)[:, np.newaxis] == np.arange(bins)
    return lambda weights: _ratio(np.abs(weights @ (gaps[:, np.newaxis] * inside)).sum(axis=1), weights.sum(axis=1))


def weighted_macro_f1(labels: ArrayLike, predicted: ArrayLike, classes: Sequence[int]) -> Statistic:
    """Return the mean F1 over `classes`, 0 to 1; nan where one of them neither occurs nor is predicted."""
    truth, called = np.asarray(labels, np.intp), np.asarray(predicted, np.intp)
    sides = [((truth == number).astype(float), (called == number).astype(float)) for number in classes]

    def statistic(weights: Floats) -> Floats:
        each = [_ratio(2 * (weights @ (own * named)), weights @ own + weights @ named) for own, named in sides]
        return np.asarray(np.mean(each, axis=0), np.float64)

    return statistic


def weighted_mean_over_parts(parts: Sequence[Statistic], sizes: Sequence[int]) -> Statistic:
    """Return the mean of statistics of parts that lie one after another, of so many cases each."""
    ends = np.cumsum(sizes)[:-1]

    def statistic(weights: Floats) -> Floats:
        pieces = np.split(weights, ends, axis=1)
        return np.asarray(np.mean([part(piece) for part, piece in zip(parts, pieces, strict=True)], axis=0), np.float64)

    return statistic


def weighted_difference(first: Statistic, second: Statistic) -> Statistic:
    """Return the first less the second, on the same samples."""
    return lambda weights: first(weights) - second(weights)


def weighted_ratio(first: Statistic, second: Statistic) -> Statistic:
    """Return the first by the second, on the same samples; nan where the second is 0."""
    return lambda weights: _ratio(first(weights), second(weights))


class _Ranked:
    """Cases in the order of their scores, highest first, those of equal score together."""

    def __init__(self, labels: ArrayLike, scores: ArrayLike) -> None:
        positive, values = binary(labels, scores)
        self._order = np.argsort(-values, kind="stable")
        self._positive = positive[self._order]
        self._starts = np.flatnonzero(np.diff(values[self._order], prepend=np.inf))

    def steps(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the weight of the positives and of the negatives (k, distinct scores) at each score."""
        ordered = weights[:, self._order]
        present = np.where(self._positive, ordered, 0.0)
        absent = ordered - present
        if self._starts.size == self._order.size:
            return present, absent
        return np.add.reduceat(present, self._starts, axis=1), np.add.reduceat(absent, self._starts, axis=1)


def _shares(steps: Floats) -> Floats:
    """Return the share of each sample (k, 1 + steps) that is called from each score on; first, of none."""
    reached = np.concatenate([np.zeros((len(steps), 1)), steps.cumsum(axis=1)], axis=1)
    return _ratio(reached, reached[:, -1:])


def _best(values: Floats, reached: NDArray[np.bool_]) -> Floats:
    best = np.where(reached, values, -np.inf).max(axis=1)
    # nan where a class has no weight: nothing is reached then, or everything.
    return np.where(np.isfinite(best) & ~np.isnan(values[:, 0]), best, np.nan)


def _ratio(part: Floats, whole: Floats, nothing: float = np.nan) -> Floats:
    out = np.full(np.broadcast_shapes(part.shape, whole.shape), nothing)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
