"""How often prediction sets hold what is true, how large they are, and what is decided with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.known_answers import known_answers
from radiolens.data.splits import group_ids
from radiolens.evaluation.conformal import ConformalSets
from radiolens.evaluation.intervals import Interval, clustered_share_interval
from radiolens.prediction import Presence, decide
from radiolens.task import Task
from radiolens.validation.grouped_intervals import grouped_means
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Scored, Thresholds, parts_by_source

__all__ = ["SetCoverage", "set_coverage"]


@dataclass(frozen=True)
class SetCoverage:
    """The prediction sets of the cases of which one answer is true, on one source.

    The answer is that `label` is `presence`; of exclusive labels each is an answer only by being present. `asked` is
    the coverage that the sets were made for, `coverage` the share of them that hold the answer. `size` is the mean
    number of answers in a set: of one finding 0 to 2, of exclusive labels 0 to all of them; `empty` and `several` are
    the shares of sets with none and with more than one. `right` and `indeterminate` are the shares of the cases that
    are decided so by set and threshold; the others are decided wrongly. All intervals draw `patients`.
    """

    label: str
    presence: Presence
    source: str
    cases: int
    patients: int
    asked: float
    coverage: Interval
    size: Interval
    empty: Interval
    several: Interval
    right: Interval
    indeterminate: Interval


def set_coverage(
    task: Task, scored: Scored, thresholds: Thresholds, sets: Sequence[ConformalSets], plan: Plan
) -> tuple[SetCoverage, ...]:
    """Return a row for each answer on all cases of which it is known to be true, and on each source.

    `sets` holds one for each scored case (n,): of a bundle always the same, of a cross-validation that of the case's
    network. All of them have the same answers. Empty without cases.
    """
    return tuple(_rows(task, scored, thresholds, sets, plan)) if sets else ()


def _rows(
    task: Task, scored: Scored, thresholds: Thresholds, sets: Sequence[ConformalSets], plan: Plan
) -> Iterator[SetCoverage]:
    answers = sets[0].answers
    inside = _inside(task, scored, sets)
    decided = _decided(task, scored, thresholds, sets, inside)
    truth = known_answers(answers, scored.cases, exclusive=task.exclusive)
    groups = np.asarray(group_ids(scored.cases), np.intp)
    for column, (label, presence) in enumerate(answers):
        question = [place for place, (name, _) in enumerate(answers) if task.exclusive or name == label]
        for source, rows in parts_by_source(scored.cases, truth[:, column]):
            shares = {
                "coverage": inside[rows, column],
                "empty": inside[rows][:, question].sum(axis=1) == 0,
                "several": inside[rows][:, question].sum(axis=1) > 1,
                "right": decided[label][rows] == presence,
                "indeterminate": decided[label][rows] == Presence.INDETERMINATE,
            }
            sizes = {"size": inside[rows][:, question].sum(axis=1).astype(np.float64)}
            yield SetCoverage(
                label=label,
                presence=presence,
                source=source,
                cases=len(rows),
                patients=len(np.unique(groups[rows])),
                asked=sets[0].coverage,
                size=grouped_means(sizes, groups[rows], plan)["size"],
                **{name: clustered_share_interval(hits, groups[rows]) for name, hits in shares.items()},
            )


def _inside(task: Task, scored: Scored, sets: Sequence[ConformalSets]) -> NDArray[np.bool_]:
    """Return which answers (n, answers) the set of each case holds."""
    known = scored.probabilities[:, [task.label_names.index(label) for label in sets[0].labels]]
    inside = np.zeros((len(sets), len(sets[0].answers)), np.bool_)
    for number in {id(each) for each in sets}:
        rows = np.asarray([row for row, each in enumerate(sets) if id(each) == number], np.intp)
        inside[rows] = sets[rows[0]].included(known[rows])
    return inside


def _decided(
    task: Task,
    scored: Scored,
    thresholds: Thresholds,
    sets: Sequence[ConformalSets],
    inside: NDArray[np.bool_],
) -> Mapping[str, NDArray[np.str_]]:
    """Return the decision on each label (n,), as serving makes it."""
    labels = sets[0].labels
    columns = [task.label_names.index(label) for label in labels]
    limits = {label: np.broadcast_to(np.asarray(thresholds[label], np.float64), len(sets)) for label in labels}
    found = [
        decide(
            dict(zip(labels, scored.probabilities[row, columns].tolist(), strict=True)),
            {label: float(limits[label][row]) for label in labels},
            exclusive=task.exclusive,
            possible=sets[row].left_open(inside[row]),
        )
        for row in range(len(sets))
    ]
    return {label: np.asarray([row[place].presence for row in found], np.str_) for place, label in enumerate(labels)}
