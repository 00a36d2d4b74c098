"""What copies, patients and labels say against each other: leaks between parts, labels that exclude each other."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from radiolens.data.audit.duplicates import Match, merged
from radiolens.data.audit.report import Contradiction, DuplicateGroup, DuplicatePair, Leak
from radiolens.data.case import Case
from radiolens.data.splits import check_no_leakage, group_ids
from radiolens.errors import PatientLeakage
from radiolens.task import Task

__all__ = ["contradict", "contradictions", "duplicate_groups", "duplicate_pairs", "leaks"]


def duplicate_pairs(cases: Sequence[Case], matches: Sequence[Match]) -> tuple[DuplicatePair, ...]:
    """Return the matches by path with what they mean; those that leak or contradict first, then the unknown."""
    group = group_ids(cases)
    pairs = [
        DuplicatePair(
            first=cases[match.first].path,
            second=cases[match.second].path,
            copies=match.copies,
            flip=match.flip,
            similarity=match.similarity,
            known=group[match.first] == group[match.second],
            across=_across(cases[match.first], cases[match.second]),
            contradiction=contradict(cases[match.first], cases[match.second]),
        )
        for match in matches
    ]
    return tuple(sorted(pairs, key=lambda pair: (*_urgency(pair), -pair.similarity, pair.first, pair.second)))


def duplicate_groups(cases: Sequence[Case], matches: Sequence[Match]) -> tuple[DuplicateGroup, ...]:
    """Return the groups that matches make, together with what the manifest already groups with them.

    The name is made of the group's first path, so that it stays the same from run to run. The prefix tells that such a
    group, unlike the manifest's own, may reach across sources.
    """
    known: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, case in enumerate(cases):
        if case.duplicate_group:
            known[case.source, case.duplicate_group].append(index)
    links = [*((match.first, match.second) for match in matches), *known.values()]
    return tuple(
        DuplicateGroup(f"audit:{_hashed(cases[members[0]].path)}", tuple(cases[index].path for index in members))
        for members in merged(links, len(cases))
    )


def leaks(cases: Sequence[Case]) -> tuple[Leak, ...]:
    """Return the patients and duplicate groups of the manifest in two splits or folds: what training refuses."""
    parts = {
        "split": [replace(case, fold=None) for case in cases],
        "fold": [replace(case, split="") for case in cases],
    }
    found = []
    for part, alone in parts.items():
        try:
            check_no_leakage(alone)
        except PatientLeakage as error:
            found.append(Leak(part, error.hashed_ids))
    return tuple(found)


def contradictions(cases: Sequence[Case], task: Task) -> tuple[Contradiction, ...]:
    """Return the patients whose images have labels of an exclusive task that exclude each other; else nothing."""
    patients: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases if task.exclusive else ():
        if case.patient_id and case.possible:
            patients[case.source, case.patient_id].append(case)
    return tuple(
        Contradiction(
            _hashed("/".join(key)), tuple(sorted({"|".join(sorted(case.possible)) for case in own})), len(own)
        )
        for key, own in sorted(patients.items())
        if not frozenset.intersection(*(case.possible for case in own))
    )


def contradict(first: Case, second: Case) -> bool:
    """Say whether the labels of two images cannot both be right of one picture; not annotated contradicts nothing."""
    findings = any(
        value is not None and second.labels.get(name) not in (None, value) for name, value in first.labels.items()
    )
    return findings or bool(first.possible and second.possible and not first.possible & second.possible)


def _across(first: Case, second: Case) -> tuple[str, ...]:
    named = {
        "split": (first.split, second.split),
        "fold": (first.fold, second.fold),
        "patient": _patients(first, second),
        "source": (first.source, second.source),
    }
    return tuple(
        part for part, (one, other) in named.items() if one not in ("", None, other) and other not in ("", None)
    )


def _patients(first: Case, second: Case) -> tuple[str, str]:
    if not first.patient_id or not second.patient_id:
        return "", ""
    return f"{first.source}/{first.patient_id}", f"{second.source}/{second.patient_id}"


def _urgency(pair: DuplicatePair) -> tuple[bool, bool, bool]:
    return "split" not in pair.across, not pair.contradiction, pair.known


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]
