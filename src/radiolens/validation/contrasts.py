"""Which cases of a cross-validation stand against which: in one source, across sources, and where nothing differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case import Case
from radiolens.task import Task
from radiolens.validation.questions import FEWEST, normal_cases, truth

__all__ = ["ADULT", "Contrast", "Kind", "contrasts"]

ADULT = 18
"""Years from which on a patient is an adult."""

_Rows = NDArray[np.bool_]


class Kind(StrEnum):
    """What a contrast asks.

    WITHIN: present against absent in one source, or in a part of it. AGAINST: the positives of a source that has no
    negatives against other sources. CUE: the normal cases of two sources, which nothing but the source tells apart; a
    score that does has learnt the source.
    """

    WITHIN = "within"
    AGAINST = "against"
    CUE = "cue"


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two groups of cases for one question: `rows` (m,) are their positions, `truth` (m,) says which are the first.

    `name` says in words which cases they are.
    """

    question: str
    name: str
    kind: Kind
    rows: NDArray[np.intp]
    truth: NDArray[np.bool_]


def contrasts(task: Task, question: str, cases: Sequence[Case]) -> Iterator[Contrast]:
    """Yield every contrast of a question (a finding, or ANY_FINDING) with at least FEWEST cases on both sides.

    Of a source that tells ages on both sides of ADULT also its adults, and of those (else of all) each view, since
    children, and the bedridden who get another view, may differ in more than the finding.
    """
    answers = truth(task, question, cases)
    sources = np.asarray([case.source for case in cases], str)
    names = sorted(set(sources.tolist()))
    normal = normal_cases(cases, answers)
    for source in names:
        own = sources == source
        for name, part in _parts(source, cases, own):
            yield from _contrast(question, name, Kind.WITHIN, part & (answers == 1), part & (answers == 0))
    alone = [name for name in names if _only_positives(answers[sources == name])]
    for source in alone:
        positives = (sources == source) & (answers == 1)
        for other in (name for name in names if name not in alone):
            there = sources == other
            yield from _contrast(question, f"{source} against {other}", Kind.AGAINST, positives, there & normal)
            for finding in (name for name in task.label_names if not task.exclusive and name != question):
                ill = there & (answers != 1) & np.asarray([case.labels.get(finding) == 1 for case in cases], bool)
                yield from _contrast(question, f"{source} against {other} with {finding}", Kind.AGAINST, positives, ill)
    for first, second in combinations(names, 2):
        ones, others = (normal & (sources == name) for name in (first, second))
        yield from _contrast(question, f"normal cases of {first} against {second}", Kind.CUE, ones, others)


def _only_positives(answers: NDArray[np.int8]) -> bool:
    return bool((answers == 1).any()) and not bool((answers == 0).any())


def _contrast(question: str, name: str, kind: Kind, first: _Rows, second: _Rows) -> Iterator[Contrast]:
    if min(np.count_nonzero(first), np.count_nonzero(second)) >= FEWEST:
        rows = np.flatnonzero(first | second)
        yield Contrast(question, name, kind, rows, first[rows])


def _parts(source: str, cases: Sequence[Case], own: _Rows) -> Iterator[tuple[str, _Rows]]:
    """Yield (name, which cases (n,)) of a source, of its adults, and of their views."""
    yield source, own
    ages = np.asarray([np.nan if case.age is None else case.age for case in cases], np.float64)
    name, part = source, own
    if (ages[own] < ADULT).any() and (ages[own] >= ADULT).any():
        name, part = f"{source}, {ADULT} and older", own & (ages >= ADULT)
        yield name, part
    views = np.asarray([case.view for case in cases], str)
    told = sorted(set(views[part].tolist()) - {""})
    for view in told if len(told) > 1 else ():
        yield f"{name}, {view}", part & (views == view)
