"""Two bundles on the same cases: whether their difference is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from radiolens.evaluation.intervals import (
    Interval,
    auroc_difference_interval,
    auroc_difference_p_value,
    auroc_interval,
    clustered_intervals,
    not_defined,
)
from radiolens.evaluation.paired import McNemar, holm, mcnemar
from radiolens.evaluation.weighted import weighted_auroc, weighted_difference
from radiolens.task import Task
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Question, Scored, Thresholds, questions
from radiolens.validation.types import named_types

__all__ = ["Compared", "ComparedTypes", "Comparison", "DecisionTest", "compare"]


@dataclass(frozen=True)
class DecisionTest:
    """An exact McNemar test, and its p value after Holm's correction over the rows of the comparison."""

    test: McNemar
    corrected_p_value: float


@dataclass(frozen=True)
class Compared:
    """One question on one source, judged for both bundles on the same cases.

    `difference` is the first AUROC less the second (paired DeLong), `difference_clustered` the same with a bootstrap
    over patients. `p_value` is DeLong's, `corrected_p_value` that after Holm's correction over all rows. `right` counts
    right decisions of either answer, `sensitivity` those on positives, `specificity` those on negatives, each bundle at
    its own threshold. nan where the cases do not define it.
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
    right: DecisionTest
    sensitivity: DecisionTest
    specificity: DecisionTest


@dataclass(frozen=True)
class ComparedTypes:
    """Naming one of several exclusive types on one source: the macro-F1 of both and first less second.

    `right` counts the cases of which the type was named rightly. The interval is that of a bootstrap over patients.
    """

    source: str
    cases: int
    patients: int
    first_macro_f1: Interval
    second_macro_f1: Interval
    difference: Interval
    right: DecisionTest


@dataclass(frozen=True)
class Comparison:
    """Two bundles on the same cases; `first` and `second` say which, `cases` counts the images.

    Findings that only one of them knows are named in `left_out`. `types` is empty unless labels are exclusive.
    """

    first: str
    second: str
    cases: int
    rows: tuple[Compared, ...]
    left_out: tuple[str, ...]
    types: tuple[ComparedTypes, ...] = ()


def compare(
    task: Task,
    first: Scored,
    second: Scored,
    thresholds_first: Thresholds,
    thresholds_second: Thresholds,
    plan: Plan,
    names: tuple[str, str] = ("first", "second"),
) -> Comparison:
    """Compare two bundles of one task on every question that both answer, on all cases and on each source.

    P values take cases as independent, and are corrected over all rows for each kind of test. `names` say which bundles
    they are. Raises ValueError if the two did not score the same cases in the same order.
    """
    if [case.path for case in first.cases] != [case.path for case in second.cases]:
        raise ValueError("both bundles must have scored the same cases in the same order")
    both = set(thresholds_first) & set(thresholds_second)
    pairs = zip(
        questions(task, first, {name: thresholds_first[name] for name in both}),
        questions(task, second, {name: thresholds_second[name] for name in both}),
        strict=True,
    )
    rows = [_compared(one, other, plan) for one, other in pairs]
    known = set(thresholds_first) | set(thresholds_second)
    left_out = tuple(name for name in task.label_names if name in known - both and not task.exclusive)
    types = _compared_types(task, first, second, plan) if task.exclusive else ()
    return Comparison(*names, len(first.cases), _corrected(rows), left_out, types)


def _compared(first: Question, second: Question, plan: Plan) -> Compared:
    truth, judgeable = first.truth, first.judgeable
    one, other = first.called == truth, second.called == truth
    return Compared(
        question=first.name,
        source=first.source,
        positives=int(truth.sum()),
        negatives=int((~truth).sum()),
        patients=len(np.unique(first.groups)),
        first_auroc=auroc_interval(truth, first.scores) if judgeable else _UNJUDGED,
        second_auroc=auroc_interval(truth, second.scores) if judgeable else _UNJUDGED,
        difference=auroc_difference_interval(truth, first.scores, second.scores) if judgeable else _UNJUDGED,
        difference_clustered=_clustered_difference(first, second, plan) if judgeable else _UNJUDGED,
        p_value=auroc_difference_p_value(truth, first.scores, second.scores) if judgeable else nan,
        corrected_p_value=nan,
        first_sensitivity=first.share(first.called, truth),
        second_sensitivity=second.share(second.called, truth),
        first_specificity=first.share(~first.called, ~truth),
        second_specificity=second.share(~second.called, ~truth),
        right=_uncorrected(mcnemar(one, other)),
        sensitivity=_uncorrected(mcnemar(one[truth], other[truth])),
        specificity=_uncorrected(mcnemar(one[~truth], other[~truth])),
    )


def _clustered_difference(first: Question, second: Question, plan: Plan) -> Interval:
    difference = weighted_difference(
        weighted_auroc(first.truth, first.scores), weighted_auroc(second.truth, second.scores)
    )
    random = np.random.default_rng(plan.seed)
    return clustered_intervals({"difference": difference}, first.groups, random, plan.resamples)["difference"]


def _compared_types(task: Task, first: Scored, second: Scored, plan: Plan) -> tuple[ComparedTypes, ...]:
    rows = []
    for one, other in zip(named_types(task, first), named_types(task, second), strict=True):
        random = np.random.default_rng(plan.seed)
        difference = weighted_difference(one.macro_f1, other.macro_f1)
        statistics = {"first": one.macro_f1, "second": other.macro_f1, "difference": difference}
        found = clustered_intervals(statistics, one.groups, random, plan.resamples)
        rows.append(
            ComparedTypes(
                source=one.source,
                cases=len(one.rows),
                patients=len(np.unique(one.groups)),
                first_macro_f1=found["first"],
                second_macro_f1=found["second"],
                difference=found["difference"],
                right=_uncorrected(mcnemar(one.called == one.numbers, other.called == other.numbers)),
            )
        )
    corrected = holm([row.right.test.p_value for row in rows])
    return tuple(
        replace(row, right=replace(row.right, corrected_p_value=value))
        for row, value in zip(rows, corrected, strict=True)
    )


def _uncorrected(test: McNemar) -> DecisionTest:
    return DecisionTest(test, nan)


def _corrected(rows: Sequence[Compared]) -> tuple[Compared, ...]:
    """Return the rows with the p values of each kind of test corrected over all of them."""
    areas = holm([row.p_value for row in rows])
    tests = {
        kind: holm([getattr(row, kind).test.p_value for row in rows])
        for kind in ("right", "sensitivity", "specificity")
    }
    return tuple(
        replace(
            row,
            corrected_p_value=areas[number],
            **{kind: replace(getattr(row, kind), corrected_p_value=values[number]) for kind, values in tests.items()},
        )
        for number, row in enumerate(rows)
    )


_UNJUDGED = not_defined("too few cases")
