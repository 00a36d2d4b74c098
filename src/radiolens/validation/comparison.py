"""Two bundles on the same cases: whether their difference is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.paired import McNemar

__all__ = ["Compared", "Comparison", "Test"]


@dataclass(frozen=True)
class Test:
    """An exact McNemar test, with its p value corrected over the questions of the comparison (Holm)."""

    test: McNemar
    corrected_p_value: float


@dataclass(frozen=True)
class Compared:
    """One question on one source, judged for both bundles on the same cases.

    `difference` is first less second (paired DeLong), `p_value` its two-sided p, `corrected_p_value` that after Holm's
    correction over all rows. `right` counts right decisions of either answer, `sensitivity` those on positives,
    `specificity` those on negatives, each bundle at its own threshold. nan where the cases do not define it.
    """

    question: str
    source: str
    positives: int
    negatives: int
    patients: int
    first_auroc: Interval
    second_auroc: Interval
    difference: Interval
    difference_clustered: Interval
    p_value: float
    corrected_p_value: float
    first_sensitivity: Interval
    second_sensitivity: Interval
    first_specificity: Interval
    second_specificity: Interval
    right: Test
    sensitivity: Test
    specificity: Test


@dataclass(frozen=True)
class Comparison:
    """Two bundles on the same cases; `first` and `second` say which, `cases` counts the images.

    Findings that only one of them knows are left out, named in `left_out`.
    """

    first: str
    second: str
    cases: int
    rows: tuple[Compared, ...]
    left_out: tuple[str, ...]
