"""What a manifest says of itself, counted: the facts that a datasheet and a checklist are filled from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radiolens.data.manifest import SPLITS, Case, Manifest

__all__ = ["Ages", "DatasetFacts", "LabelCount", "PartFacts", "dataset_facts"]

_SPLITS = (*SPLITS, "")
"""In this order; the empty one is of cases that the manifest puts into none."""


@dataclass(frozen=True)
class Ages:
    """Ages in years of the `known` cases: lowest, median, highest."""

    known: int
    lowest: float
    median: float
    highest: float


@dataclass(frozen=True)
class LabelCount:
    """How many cases of a part have a label, do not have it, and are not annotated for it.

    Of an exclusive task a case has the label if it is its only possible one, and is not annotated if it is one of
    several.
    """

    label: str
    present: int
    absent: int
    not_annotated: int


@dataclass(frozen=True)
class PartFacts:
    """One source in one split. `patients` and `duplicate_groups` are 0 where the source names none.

    `sexes`, `views` and `licences` count the cases by value; the empty value is "not given". `ages` is None where the
    source gives none. `hashed` cases have a SHA-256 in the manifest, `masked` ones a mask.
    """

    source: str
    split: str
    cases: int
    patients: int
    duplicate_groups: int
    labels: tuple[LabelCount, ...]
    ages: Ages | None
    sexes: Mapping[str, int]
    views: Mapping[str, int]
    licences: Mapping[str, int]
    folds: tuple[int, ...]
    hashed: int
    masked: int
    scored: int


@dataclass(frozen=True)
class DatasetFacts:
    """A whole manifest, part by part, and which of its cases were scored."""

    cases: int
    scored: int
    parts: tuple[PartFacts, ...]


def dataset_facts(manifest: Manifest, scored: Sequence[Case]) -> DatasetFacts:
    """Return the facts of a manifest, of which the cases `scored` are measured; nothing in them names a patient."""
    chosen = {case.path for case in scored}
    parts: dict[tuple[str, int], list[Case]] = {}
    for case in manifest.cases:
        parts.setdefault((case.source, _SPLITS.index(case.split)), []).append(case)
    facts = tuple(_part(manifest, parts[key], chosen) for key in sorted(parts))
    return DatasetFacts(len(manifest.cases), len(scored), facts)


def _part(manifest: Manifest, cases: Sequence[Case], chosen: set[str]) -> PartFacts:
    first = cases[0]
    return PartFacts(
        source=first.source,
        split=first.split,
        cases=len(cases),
        patients=len({case.patient_id for case in cases} - {""}),
        duplicate_groups=len({case.duplicate_group for case in cases} - {""}),
        labels=tuple(_label(name, cases, exclusive=manifest.task.exclusive) for name in manifest.task.label_names),
        ages=_ages(cases),
        sexes=_counted([case.sex for case in cases]),
        views=_counted([case.view for case in cases]),
        licences=_counted([case.licence for case in cases]),
        folds=tuple(sorted({case.fold for case in cases if case.fold is not None})),
        hashed=sum(bool(case.sha256) for case in cases),
        masked=sum(bool(case.mask) for case in cases),
        scored=sum(case.path in chosen for case in cases),
    )


def _label(name: str, cases: Sequence[Case], *, exclusive: bool) -> LabelCount:
    if exclusive:
        present = sum(case.possible == {name} for case in cases)
        unknown = sum(not case.possible or (name in case.possible and len(case.possible) > 1) for case in cases)
    else:
        present = sum(case.labels.get(name) == 1 for case in cases)
        unknown = sum(case.labels.get(name) is None for case in cases)
    return LabelCount(name, present, len(cases) - present - unknown, unknown)


def _ages(cases: Sequence[Case]) -> Ages | None:
    ages = [case.age for case in cases if case.age is not None]
    return Ages(len(ages), min(ages), float(np.median(ages)), max(ages)) if ages else None


def _counted(values: Sequence[str]) -> Mapping[str, int]:
    counts = Counter(value or "not given" for value in values)
    return {name: counts[name] for name in sorted(counts)}
