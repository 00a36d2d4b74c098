"""What a head on features is asked: the cases that tell an answer, and the folds that keep their patients together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case import Case
from radiolens.data.splits import ACROSS_SOURCES, folds_by_group, group_ids, stratum
from radiolens.task import Task
from radiolens.validation.questions import ANY_FINDING, parts_by_source, truth

__all__ = ["FEWEST", "TYPE", "FeatureQuestion", "Partition", "asked", "partition", "random_folds", "sources_of"]

TYPE = "type"
"""The question which of several exclusive labels, none of them normal, a case has."""

FEWEST = 10
"""Cases of each label: of fewer an interval says nothing."""

_FOLDS, _MOST_FOLDS = 5, 10
"""Of an own cut, and of one that is taken over: each fold costs a fit."""


@dataclass(frozen=True, eq=False)
class FeatureQuestion:
    """A question, its labels, and the cases that tell one of them.

    `rows` (m,) are their positions among the cases, `answers` (m,) the number of the label of each. Of a yes-no
    question the labels are no and yes.
    """

    name: str
    labels: tuple[str, ...]
    rows: NDArray[np.intp]
    answers: NDArray[np.intp]

    def of(self, chosen: NDArray[np.bool_]) -> FeatureQuestion:
        """Return the question on those of its rows that are `chosen` (m,)."""
        return FeatureQuestion(self.name, self.labels, self.rows[chosen], self.answers[chosen])

    @property
    def judgeable(self) -> bool:
        """Return whether at least two labels have enough cases."""
        return int((np.bincount(self.answers, minlength=len(self.labels)) >= FEWEST).sum()) > 1


@dataclass(frozen=True, eq=False)
class Partition:
    """Of each case (n,): its patient, what must stay together, and the fold that this is in.

    `patients` number patients or duplicates; an image of neither counts as its own. `units` are the same, except that
    such an image belongs to its fold, where the manifest gives one: data sets that hide their patients have folds that
    keep them whole. `given` says that the folds are the manifest's.
    """

    patients: NDArray[np.intp]
    units: NDArray[np.intp]
    folds: NDArray[np.intp]
    given: bool

    def of(self, rows: NDArray[np.intp]) -> Partition:
        """Return the partition of some of the cases."""
        return Partition(self.patients[rows], self.units[rows], self.folds[rows], self.given)

    @property
    def named(self) -> bool:
        """Return whether some unit holds several images, so that a cut through it can show."""
        return len(np.unique(self.units)) < len(self.units)


def asked(task: Task, cases: Sequence[Case]) -> tuple[FeatureQuestion, ...]:
    """Return the questions of a task that the cases answer in at least two ways."""
    names = (ANY_FINDING,) if task.exclusive else task.label_names
    found = [_binary(task, name, cases) for name in names]
    found += [_types(task, cases)] if task.exclusive else []
    return tuple(question for question in found if question.judgeable)


def sources_of(cases: Sequence[Case], question: FeatureQuestion) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each source, and all together if there are several, with the rows (m,) of the question that are its."""
    told = [cases[row] for row in question.rows]
    for source, positions in parts_by_source(told, np.ones(len(told), bool)):
        chosen = np.zeros(len(told), bool)
        chosen[positions] = True
        yield source, chosen


def partition(cases: Sequence[Case], inside: NDArray[np.bool_], seed: int) -> Partition:
    """Return folds that cut no unit: the manifest's, if every case has one and they cut none, else five of our own.

    Ours are balanced over source and label. Cases that are not `inside` (n,), the external ones, are of fold -1.
    """
    patients = np.asarray(group_ids(cases), np.intp)
    units = np.asarray(group_ids(cases, _links(cases)), np.intp)
    own = [case for case, fitted in zip(cases, inside, strict=True) if fitted]
    folds = np.full(len(cases), -1)
    given = _given(own, units[inside])
    folds[inside] = _by_unit(own, units[inside], seed) if given is None else given
    return Partition(patients, units, folds, given=given is not None)


def random_folds(cases: Sequence[Case], count: int, seed: int) -> NDArray[np.intp]:
    """Return `count` folds, balanced over source and label, that ignore patients: what must not be done."""
    strata = np.unique([stratum(case) for case in cases], return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(cases))
    ranked = order[np.argsort(strata[order], kind="stable")]
    folds = np.empty(len(cases), np.intp)
    folds[ranked] = np.arange(len(cases)) % count
    return folds


def _links(cases: Sequence[Case]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of nameless images that share source and fold, each with the first of them."""
    first: dict[tuple[str, int], int] = {}
    for index, case in enumerate(cases):
        if case.fold is not None and not case.patient_id and not case.duplicate_group:
            yield first.setdefault((case.source, case.fold), index), index


def _given(cases: Sequence[Case], units: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Return the manifest's folds, counted from 0, if all have one, they are not too many, and they cut no unit."""
    given = [case.fold for case in cases if case.fold is not None]
    if len(given) < len(cases) or not 1 < len(set(given)) <= _MOST_FOLDS:
        return None
    cut = len(set(zip(units.tolist(), given, strict=True))) > len(set(units.tolist()))
    return None if cut else np.unique(np.asarray(given, np.intp), return_inverse=True)[1]


def _by_unit(cases: Sequence[Case], units: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    named = [
        replace(case, patient_id="", duplicate_group=f"{ACROSS_SOURCES}{unit}")
        for case, unit in zip(cases, units.tolist(), strict=True)
    ]
    return folds_by_group(named, _FOLDS, seed) - 1


def _binary(task: Task, name: str, cases: Sequence[Case]) -> FeatureQuestion:
    answers = truth(task, name, cases)
    rows = np.flatnonzero(answers >= 0)
    return FeatureQuestion(name, ("no", "yes"), rows, answers[rows].astype(np.intp))


def _types(task: Task, cases: Sequence[Case]) -> FeatureQuestion:
    types = tuple(label.name for label in task.labels if not label.normal)
    known = [next(iter(case.possible)) if len(case.possible) == 1 else "" for case in cases]
    rows = np.asarray([row for row, name in enumerate(known) if name in types], np.intp)
    return FeatureQuestion(TYPE, types, rows, np.asarray([types.index(known[row]) for row in rows], np.intp))
