"""Naming one of several exclusive types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.splits import group_ids
from radiolens.evaluation.calibration import expected_calibration_error
from radiolens.evaluation.discrimination import confusion_matrix
from radiolens.evaluation.intervals import Interval, clustered_intervals
from radiolens.evaluation.selective import SelectiveErrors
from radiolens.evaluation.weighted import Statistic, weighted_expected_calibration_error, weighted_macro_f1
from radiolens.task import Task
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Scored, parts_by_source
from radiolens.validation.surest import surest_errors

__all__ = ["NamedTypes", "Types", "named_types", "type_measures"]


@dataclass(frozen=True)
class Types:
    """Naming one of several exclusive types on one source, by the likeliest label.

    Only cases of one known type count. `expected_calibration_error` is that of the likeliest label's probability, in
    equal-mass bins; `selective` compares the surest namings, by that probability, with all. `confusion` has a row per
    type and a column per label of `answers`: the types, then the normal labels, which are always wrong here.
    """

    source: str
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    cases: int
    macro_f1: Interval
    expected_calibration_error: float
    expected_calibration_error_interval: Interval
    selective: SelectiveErrors
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class NamedTypes:
    """The cases of one known type on one source, as `rows` (m,) among the scored cases.

    `numbers` and `called` (m,) are the true type and the likeliest label, by their places in `answers`, of which the
    first `types` are the types; `groups` (m,) are the patients; `confidence` (m,) is the probability of the likeliest.
    """

    source: str
    answers: tuple[str, ...]
    types: int
    rows: NDArray[np.intp]
    numbers: NDArray[np.intp]
    called: NDArray[np.intp]
    groups: NDArray[np.intp]
    confidence: NDArray[np.float64]

    @property
    def macro_f1(self) -> Statistic:
        """Return the macro-F1 of samples of the cases; a type that no case has is left out of the mean."""
        present = [number for number in range(self.types) if (self.numbers == number).any()]
        return weighted_macro_f1(self.numbers, self.called, present)


def named_types(task: Task, scored: Scored) -> Iterator[NamedTypes]:
    """Yield which types the cases of an exclusive task have and which were named, on all cases and on each source."""
    types = tuple(label.name for label in task.labels if not label.normal)
    answers = (*types, *(label.name for label in task.labels if label.normal))
    order = [task.label_names.index(name) for name in answers]
    called = scored.probabilities[:, order].argmax(axis=1)
    confidence = np.clip(scored.probabilities[:, order].max(axis=1), 0.0, 1.0)
    groups = np.asarray(group_ids(scored.cases), np.intp)
    known = ([name for name in answers if case.possible == {name}] for case in scored.cases)
    numbers = np.asarray([answers.index(names[0]) if names else len(answers) for names in known], np.intp)
    for source, rows in parts_by_source(scored.cases, numbers < len(types)):
        yield NamedTypes(source, answers, len(types), rows, numbers[rows], called[rows], groups[rows], confidence[rows])


def type_measures(task: Task, scored: Scored, plan: Plan) -> Iterator[Types]:
    """Yield how well the types of an exclusive task are named, on all cases and on each source."""
    for part in named_types(task, scored):
        random = np.random.default_rng(plan.seed)
        right = part.called == part.numbers
        statistics = {
            "macro_f1": part.macro_f1,
            "calibration error": weighted_expected_calibration_error(right, part.confidence),
        }
        found = clustered_intervals(statistics, part.groups, random, plan.resamples)
        yield Types(
            source=part.source,
            labels=part.answers[: part.types],
            answers=part.answers,
            cases=len(part.rows),
            macro_f1=found["macro_f1"],
            expected_calibration_error=expected_calibration_error(right, part.confidence),
            expected_calibration_error_interval=found["calibration error"],
            selective=surest_errors(~right, part.confidence, part.groups, plan),
            confusion=_rows(confusion_matrix(part.numbers, part.called, len(part.answers))[: part.types]),
        )


def _rows(matrix: NDArray[np.intp]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(count) for count in row) for row in matrix)
