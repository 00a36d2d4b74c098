"""How sources, labels and splits, ages, sexes and views are distributed, and which sources have one answer only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from types import MappingProxyType

from radiolens.data.audit.report import BalanceRow, Distribution, OneSided
from radiolens.data.case import Case
from radiolens.task import Task

__all__ = ["balance", "distributions", "label_text", "one_sided", "truth"]

_AGE_EDGES = (-inf, 5, 18, 40, 65, inf)
"""Years: infants, children, and thirds of adult life; children and adults are what labels get confused with."""

_UNKNOWN = "not stated"


def truth(case: Case, label: str, task: Task) -> bool | None:
    """Return whether an image has a label; None where that is not annotated, or one of several is possible."""
    if task.exclusive:
        if label in case.possible:
            return True if len(case.possible) == 1 else None
        return False if case.possible else None
    value = case.labels.get(label)
    return None if value is None else bool(value)


def label_text(case: Case, task: Task) -> tuple[str, ...]:
    """Return what an image counts as: its possible labels in one, or each finding with its annotation."""
    if task.exclusive:
        return (" or ".join(name for name in task.label_names if name in case.possible) or "not annotated",)
    words = {1: "present", 0: "absent", None: "not annotated"}
    return tuple(f"{name} {words[case.labels.get(name)]}" for name in task.label_names)


def balance(cases: Sequence[Case], task: Task) -> tuple[BalanceRow, ...]:
    """Return the counts of each source and label by split; of findings, each image counts once for each finding."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for case in cases:
        for label in label_text(case, task):
            counts[case.source, label][case.split] += 1
    return tuple(BalanceRow(source, label, _frozen(found)) for (source, label), found in sorted(counts.items()))


def distributions(cases: Sequence[Case], task: Task) -> tuple[Distribution, ...]:
    """Return ages, sexes and views of each source and label, for the attributes that the source gives at all."""
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for case in cases:
        for attribute, value in _attributes(case):
            for label in label_text(case, task):
                counts[attribute, case.source, label][value] += 1
    given = {(attribute, source) for (attribute, source, _), found in counts.items() if set(found) != {_UNKNOWN}}
    return tuple(
        Distribution(attribute, source, label, _frozen(found))
        for (attribute, source, label), found in sorted(counts.items())
        if (attribute, source) in given
    )


def one_sided(cases: Sequence[Case], task: Task) -> tuple[OneSided, ...]:
    """Return the sources all of whose annotated images have the same answer, where other sources have the other."""
    answers: dict[str, dict[str, Counter[bool]]] = {label: defaultdict(Counter) for label in task.label_names}
    for case in cases:
        for label in task.label_names:
            if (answer := truth(case, label, task)) is not None:
                answers[label][case.source][answer] += 1
    return tuple(
        OneSided(source, label, "present" if next(iter(found)) else "absent", found.total())
        for label, by_source in answers.items()
        for source, found in sorted(by_source.items())
        if len(found) == 1 and any(set(other) != set(found) for other in by_source.values())
    )


def _attributes(case: Case) -> Iterator[tuple[str, str]]:
    yield "age", _UNKNOWN if case.age is None else _band(case.age)
    yield "sex", case.sex or _UNKNOWN
    yield "view", case.view or _UNKNOWN


def _band(age: float) -> str:
    for low, high in pairwise(_AGE_EDGES):
        if low <= age < high:
            return (
                f"under {high:g}" if low == -inf else f"{low:g} and over" if high == inf else f"{low:g} to {high - 1:g}"
            )
    return _UNKNOWN  # an age that is no number


def _frozen(counts: Counter[str]) -> Mapping[str, int]:
    return MappingProxyType(dict(sorted(counts.items())))
