"""The measures of one question by what its cases say of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.evaluation.intervals import Interval, auroc_interval
from radiolens.evaluation.subgroups import Subgroup
from radiolens.validation.questions import ALL_SOURCES, FEWEST, Question, Scored

__all__ = ["GroupMeasures", "Subgroups", "subgroups"]


@dataclass(frozen=True)
class GroupMeasures(Subgroup):
    """One group: `support` counts its images, `interval` is its AUROC; the shares are at the question's threshold.

    `patients` counts groups of patients or duplicates.
    """

    positives: int
    negatives: int
    patients: int
    sensitivity: Interval
    specificity: Interval


@dataclass(frozen=True)
class Subgroups:
    """The measures of one question on one source by one attribute: age, sex or view; source where it is asked of all.

    `lowest_auroc`, `lowest_sensitivity` and `lowest_specificity` name the worst group of those with at least ten cases
    of each class that the measure needs; empty where fewer than two groups have them. Cases that do not tell the
    attribute are left out.
    """

    question: str
    source: str
    attribute: str
    groups: tuple[GroupMeasures, ...]
    lowest_auroc: str
    lowest_sensitivity: str
    lowest_specificity: str


def subgroups(asked: Sequence[Question], scored: Scored) -> Iterator[Subgroups]:
    """Yield the groups of each question that can be judged, by every attribute of which the source tells two values.

    A question of all sources is told apart by source alone, since ages and views differ between hospitals together with
    everything else.
    """
    for question in asked:
        if not question.judgeable:
            continue
        for attribute, value_of in _ATTRIBUTES.items():
            if (question.source == ALL_SOURCES) == (attribute == "source"):
                values = np.asarray([value_of(scored.cases[row]) for row in question.rows], str)
                if len(set(values[values != ""].tolist())) > 1:
                    yield _subgroups(question, attribute, values)


def _subgroups(question: Question, attribute: str, values: NDArray[np.str_]) -> Subgroups:
    names = sorted(set(values[values != ""].tolist()))
    groups = tuple(_group(question, name, values == name) for name in names)
    return Subgroups(
        question.name,
        question.source,
        attribute,
        groups,
        lowest_auroc=_lowest(groups, lambda group: group.interval, lambda group: min(group.positives, group.negatives)),
        lowest_sensitivity=_lowest(groups, lambda group: group.sensitivity, lambda group: group.positives),
        lowest_specificity=_lowest(groups, lambda group: group.specificity, lambda group: group.negatives),
    )


def _group(question: Question, name: str, at: NDArray[np.bool_]) -> GroupMeasures:
    present, called = question.truth & at, question.called
    absent = ~question.truth & at
    return GroupMeasures(
        name=name,
        support=int(at.sum()),
        interval=auroc_interval(question.truth[at], question.scores[at]),
        positives=int(present.sum()),
        negatives=int(absent.sum()),
        patients=len(np.unique(question.groups[at])),
        sensitivity=question.share(called, present),
        specificity=question.share(~called, absent),
    )


def _lowest(
    groups: Sequence[GroupMeasures],
    interval: Callable[[GroupMeasures], Interval],
    support: Callable[[GroupMeasures], int],
) -> str:
    judged = [group for group in groups if support(group) >= FEWEST and isfinite(interval(group).estimate)]
    return min(judged, key=lambda group: interval(group).estimate).name if len(judged) > 1 else ""


def _age_band(case: Case) -> str:
    """Return the band of age; children and the old differ most from those a network mostly learns from."""
    if case.age is None:
        return ""
    return "0 to 17" if case.age < 18 else "18 to 59" if case.age < 60 else "60 and older"


_ATTRIBUTES: Mapping[str, Callable[[Case], str]] = MappingProxyType(
    {
        "age": _age_band,
        "sex": lambda case: case.sex,
        "view": lambda case: case.view,
        "source": lambda case: case.source,
    }
)
