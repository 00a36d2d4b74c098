"""Naming one of several exclusive types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.splits import group_ids
from radiolens.evaluation.discrimination import confusion_matrix
from radiolens.evaluation.intervals import Interval, clustered_intervals
from radiolens.evaluation.weighted import weighted_macro_f1
from radiolens.task import Task
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Scored, parts_by_source

__all__ = ["Types", "named_types"]


@dataclass(frozen=True)
class Types:
    """Naming one of several exclusive types on one source, by the likeliest label.

    Only cases of one known type count. `confusion` has a row per type and a column per label of `answers`: the types,
    then the normal labels, which are always wrong here.
    """

    source: str
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    cases: int
    macro_f1: Interval
    confusion: tuple[tuple[int, ...], ...]


def named_types(task: Task, scored: Scored, plan: Plan) -> Iterator[Types]:
    """Yield how well the types of an exclusive task are named, on all cases and on each source."""
    types = tuple(label.name for label in task.labels if not label.normal)
    answers = (*types, *(label.name for label in task.labels if label.normal))
    order = [task.label_names.index(name) for name in answers]
    called = scored.probabilities[:, order].argmax(axis=1)
    groups = np.asarray(group_ids(scored.cases))
    known = ([name for name in answers if case.possible == {name}] for case in scored.cases)
    numbers = np.asarray([answers.index(names[0]) if names else len(answers) for names in known])
    for source, used in parts_by_source(scored.cases, numbers < len(types)):
        yield Types(
            source=source,
            labels=types,
            answers=answers,
            cases=len(used),
            macro_f1=_macro_f1_interval(numbers[used], called[used], groups[used], len(types), plan),
            confusion=_rows(confusion_matrix(numbers[used], called[used], len(answers))[: len(types)]),
        )


def _macro_f1_interval(
    numbers: NDArray[np.intp], called: NDArray[np.intp], groups: NDArray[np.intp], types: int, plan: Plan
) -> Interval:
    # A type that no case has is left out, so that a source of two types has a mean, too.
    present = [number for number in range(types) if (numbers == number).any()]
    random = np.random.default_rng(plan.seed)
    statistic = weighted_macro_f1(numbers, called, present)
    return clustered_intervals({"macro_f1": statistic}, groups, random, plan.resamples)["macro_f1"]


def _rows(matrix: NDArray[np.intp]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(count) for count in row) for row in matrix)
