"""The yes-no questions that a study judges: the cases that tell the answer, their scores, the decisions made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.data.splits import group_ids
from radiolens.evaluation.intervals import Interval, clustered_share_interval
from radiolens.prediction import Presence, decide
from radiolens.task import Task

__all__ = [
    "ALL_SOURCES",
    "ANY_FINDING",
    "FEWEST",
    "Question",
    "Scored",
    "Thresholds",
    "normal_cases",
    "parts_by_source",
    "questions",
    "scores_of",
    "truth",
]

ALL_SOURCES = "all"

FEWEST = 10
"""Of each class: an AUROC of fewer is nan, since its interval would say nothing."""

ANY_FINDING = "any finding"
"""The question of an exclusive task: any label but a normal one. Its score is the sum of their probabilities."""

_ANY_FINDING_THRESHOLD = 0.5
"""The labels that are normal and those that are not share one: the likelier side is the answer."""

_NOT_ANNOTATED = -1

Thresholds = Mapping[str, float | NDArray[np.float64]]
"""Of each label: one threshold, or one for each scored case (n,), as in a cross-validation."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Cases, their calibrated probabilities and their grey levels, row by row.

    `probabilities` (n, labels) stand in the order of the task's labels; nan where the bundle does not know the label.
    `grey` is uint8 (n, rows, columns).
    """

    cases: tuple[Case, ...]
    probabilities: NDArray[np.float64]
    grey: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Question:
    """One question on the cases of one source that tell its answer.

    `rows` (m,) are their positions among the scored cases; `truth`, `called` (booleans), `scores` (0 to 1) and
    `groups` (patients, as numbers) hold one value for each. Where each case was judged by a threshold of its own, those
    are `own_thresholds` (m,), and `threshold` is their mean.
    """

    name: str
    source: str
    threshold: float
    rows: NDArray[np.intp]
    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]
    called: NDArray[np.bool_]
    groups: NDArray[np.intp]
    own_thresholds: NDArray[np.float64] | None = None

    @property
    def judgeable(self) -> bool:
        """Return whether both answers have enough cases."""
        return self.enough(answer=True) and self.enough(answer=False)

    def enough(self, *, answer: bool) -> bool:
        """Return whether an answer has enough cases."""
        return int(np.count_nonzero(self.truth == answer)) >= FEWEST

    def share(self, hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> Interval:
        """Return the share of `hits` (m,) among some of the cases (m,), with an interval for images of patients."""
        return clustered_share_interval(hits[among], self.groups[among])


def questions(task: Task, scored: Scored, thresholds: Thresholds) -> tuple[Question, ...]:
    """Return every question on all cases that tell the answer and on each source; on all only if there are several.

    A source of positives alone is also judged against the normal cases of each other source, and of all of them: such a
    question is of the source `<positives> against <normals>`.
    """
    decided = [_any_finding(task, scored)] if task.exclusive else _findings(task, scored, thresholds)
    groups = np.asarray(group_ids(scored.cases), np.intp)
    asked = []
    for decision in decided:
        answers = truth(task, decision.name, scored.cases)
        asked += [
            _question(decision, source, rows, answers, groups)
            for source, rows in (
                *parts_by_source(scored.cases, answers >= 0),
                *_against_others(scored.cases, answers, normal_cases(scored.cases, answers)),
            )
        ]
    return tuple(asked)


def truth(task: Task, name: str, cases: Sequence[Case]) -> NDArray[np.int8]:
    """Return for each case 1, 0, or -1 where it does not tell the answer.

    `name` is a finding, or ANY_FINDING: then a case of several possible labels tells the answer if all of them are on
    the same side.
    """
    if name == ANY_FINDING:
        normal = frozenset(label.name for label in task.labels if label.normal)
        values = [_side(case.possible, normal) for case in cases]
    else:
        values = [_NOT_ANNOTATED if (value := case.labels.get(name)) is None else value for case in cases]
    return np.asarray(values, np.int8)


def scores_of(task: Task, name: str, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score (n,), 0 to 1, of a finding or of ANY_FINDING, from probabilities (n, labels)."""
    if name != ANY_FINDING:
        return np.asarray(probabilities[:, task.label_names.index(name)], np.float64)
    abnormal = [column for column, label in enumerate(task.labels) if not label.normal]
    # Rounding of the softmax may lift the sum above 1 by one unit in the last place.
    return np.asarray(np.clip(probabilities[:, abnormal].sum(axis=1), 0.0, 1.0), np.float64)


def normal_cases(cases: Sequence[Case], answers: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return which cases (n,) are normal: those that answer no, and those of which every annotated finding is absent.

    `answers` (n,) are those of `truth`. The latter says more than the data set does of a finding that it does not
    annotate; only comparisons across sources ask it.
    """
    unaffected = np.asarray([case.unaffected for case in cases], bool)
    return np.asarray((answers == 0) | (unaffected & (answers != 1)), bool)


def parts_by_source(cases: Sequence[Case], told: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield (name, rows) of all cases that are `told` (n,), if they come from several sources, then of each source."""
    names = np.asarray([case.source for case in cases], str)
    sources = sorted(set(names[told].tolist()))
    if len(sources) > 1:
        yield ALL_SOURCES, np.flatnonzero(told)
    for source in sources:
        yield source, np.flatnonzero(told & (names == source))


def _against_others(
    cases: Sequence[Case], answers: NDArray[np.int8], normal: NDArray[np.bool_]
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield (name, rows) of each source of positives alone, with the normal cases of the other sources."""
    names = np.asarray([case.source for case in cases], str)
    for source in sorted(set(names[answers == 1].tolist()) - set(names[answers == 0].tolist())):
        positives = (names == source) & (answers == 1)
        others = normal & (names != source)
        for other, rows in parts_by_source(cases, others):
            yield f"{source} against {other}", np.union1d(np.flatnonzero(positives), rows)


@dataclass(frozen=True, eq=False)
class _Decided:
    """The decisions of one question on all cases: `threshold`, `scores` and `called` are (n,)."""

    name: str
    threshold: float | NDArray[np.float64]
    scores: NDArray[np.float64]
    called: NDArray[np.bool_]


def _question(
    decided: _Decided, source: str, rows: NDArray[np.intp], answers: NDArray[np.int8], groups: NDArray[np.intp]
) -> Question:
    own = decided.threshold[rows] if isinstance(decided.threshold, np.ndarray) else None
    return Question(
        name=decided.name,
        source=source,
        threshold=float(np.mean(decided.threshold if own is None else own)),
        rows=rows,
        truth=answers[rows] == 1,
        scores=decided.scores[rows],
        called=decided.called[rows],
        groups=groups[rows],
        own_thresholds=own,
    )


def _findings(task: Task, scored: Scored, thresholds: Thresholds) -> list[_Decided]:
    known = [(column, name) for column, name in enumerate(task.label_names) if name in thresholds]
    each = {name: np.broadcast_to(np.asarray(thresholds[name], np.float64), len(scored.cases)) for _, name in known}
    answers = [
        decide(
            {name: float(row[column]) for column, name in known},
            {name: float(values[number]) for name, values in each.items()},
            exclusive=False,
        )
        for number, row in enumerate(scored.probabilities)
    ]
    return [
        _Decided(
            name,
            thresholds[name],
            scored.probabilities[:, column],
            np.asarray([findings[place].presence is Presence.PRESENT for findings in answers], bool),
        )
        for place, (column, name) in enumerate(known)
    ]


def _any_finding(task: Task, scored: Scored) -> _Decided:
    scores = scores_of(task, ANY_FINDING, scored.probabilities)
    return _Decided(ANY_FINDING, _ANY_FINDING_THRESHOLD, scores, scores >= _ANY_FINDING_THRESHOLD)


def _side(possible: frozenset[str], normal: frozenset[str]) -> int:
    if not possible or (possible & normal and possible - normal):
        return _NOT_ANNOTATED
    return int(not possible & normal)
