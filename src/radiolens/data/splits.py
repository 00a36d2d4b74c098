"""Splits that keep patients and duplicates together, balanced over source and label, and the check that they do."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence, Set
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, PatientLeakage

__all__ = [
    "ACROSS_SOURCES",
    "GIVEN",
    "PARTS",
    "check_no_leakage",
    "cut",
    "folds_by_group",
    "group_ids",
    "hold_out_fold",
    "split_by_group",
    "stratum",
    "with_folds",
    "without_fold",
]

PARTS = ("train", "validation", "test")
"""What a data set is cut into, in the order of the fractions."""

ACROSS_SOURCES = "audit:"
"""How the names of duplicate groups begin that link images of different sources; others count within one source."""

GIVEN = ("test", "external")
"""Splits that a data set may bring along and that a cut leaves as they are, so that results stay comparable."""


def stratum(case: Case) -> str:
    """Return what a split is balanced over: source and annotated label."""
    annotated = [f"{name}={value}" for name, value in sorted(case.labels.items()) if value is not None]
    return f"{case.source}:{'|'.join(annotated or sorted(case.possible))}"


def group_ids(cases: Sequence[Case], same: Iterable[tuple[int, int]] = ()) -> tuple[int, ...]:
    """Return for each case the number of its group: cases linked by patient, duplicate group or the same bytes.

    However indirectly. Patients and duplicate groups are told apart by source, since two hospitals may use the same
    number; groups of an audit are not, nor is `sha256`. `same` links further pairs of positions.
    """
    parent = list(range(len(cases)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[Hashable, int] = {}
    for index, case in enumerate(cases):
        for key in _keys(case):
            parent[root(index)] = root(first.setdefault(key, index))
    for index, other in same:
        parent[root(index)] = root(other)
    return tuple(root(index) for index in range(len(cases)))


def split_by_group(
    cases: Sequence[Case], names: Sequence[str], fractions: Sequence[float], seed: int = 0
) -> tuple[str, ...]:
    """Return a split name for each case, in the given fractions of each stratum and never cutting a group.

    Groups go, largest first and otherwise in random order, to the split that lacks most of the group's strata. A
    greedy cut is used since scikit-learn's StratifiedGroupKFold makes only equal parts.
    """
    if min(fractions) < 0 or not abs(sum(fractions) - 1.0) <= 1e-9 or len(names) != len(fractions):
        raise ValueError(f"fractions must sum to 1, none negative, and match {list(names)}, found {list(fractions)}")
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(group_ids(cases)):
        members[group].append(index)
    strata = [stratum(case) for case in cases]
    wanted = {
        name: Counter({key: fraction * count for key, count in Counter(strata).items()})
        for name, fraction in zip(names, fractions, strict=True)
    }
    order = np.random.default_rng(seed).permutation(np.asarray(list(members)))
    chosen = [""] * len(cases)
    for group in sorted(order.tolist(), key=lambda group: -len(members[group])):
        content = Counter(strata[index] for index in members[group])
        name = max(wanted, key=lambda name: sum(wanted[name][key] * count for key, count in content.items()))
        wanted[name].subtract(content)
        for index in members[group]:
            chosen[index] = name
    return tuple(chosen)


def cut(
    cases: Sequence[Case], fractions: Sequence[float], *, folds: int = 0, seed: int = 0, keep_given: bool = True
) -> tuple[Case, ...]:
    """Return the cases with a new split, in fractions of train, validation and test, that never cuts a group.

    With `keep_given` the test and external splits stay; the rest of a source that has a test split is cut in the
    fractions of train and validation alone. With `folds` every case outside test and external gets a fold from 1 on,
    the others get none. Raises PatientLeakage if a group has cases inside and outside of what stays.
    """
    staying = {index for index, case in enumerate(cases) if keep_given and case.split in GIVEN}
    _check_whole_groups_stay(cases, staying)
    parts = ["" if index not in staying else case.split for index, case in enumerate(cases)]
    tested = {cases[index].source for index in staying if cases[index].split == "test"}
    # A group that reaches into a source with a test split is cut like that source.
    numbers_of = group_ids(cases)
    bound = {numbers_of[index] for index, case in enumerate(cases) if case.source in tested and index not in staying}
    free = [index for index in range(len(cases)) if index not in staying]
    for chosen, shares in (
        ([index for index in free if numbers_of[index] not in bound], tuple(fractions)),
        ([index for index in free if numbers_of[index] in bound], _without_test(fractions) if bound else ()),
    ):
        if chosen:
            _assign(parts, chosen, split_by_group([cases[index] for index in chosen], PARTS, shares, seed))
    numbers: list[int | None] = [None if folds else case.fold for case in cases]
    if folds:
        inside = [index for index, part in enumerate(parts) if part not in GIVEN]
        _assign(numbers, inside, folds_by_group([cases[index] for index in inside], folds, seed).tolist())
    return tuple(
        replace(case, split=part, fold=number) for case, part, number in zip(cases, parts, numbers, strict=True)
    )


def folds_by_group(cases: Sequence[Case], folds: int, seed: int = 0) -> NDArray[np.intp]:
    """Return a fold from 1 to `folds` for each case, balanced over strata, never cutting a group; one may be empty."""
    names = [str(number) for number in range(1, folds + 1)]
    return np.asarray(split_by_group(cases, names, [1 / folds] * folds, seed), np.intp)


def with_folds(manifest: Manifest, folds: int, seed: int = 0) -> Manifest:
    """Return the manifest with folds from 1 to `folds` that never cut a group; test and external cases get none.

    Raises DatasetError if it has folds of its own, which would no longer be those that others compare with, or if a
    fold stays empty.
    """
    given = sorted({case.fold for case in manifest.cases if case.fold is not None})
    if given:
        raise DatasetError(
            f"{manifest.file} has the folds {', '.join(map(str, given))} already. Use them, or cut others into a new "
            "manifest with `radiolens data split --folds`."
        )
    inside = [index for index, case in enumerate(manifest.cases) if case.split not in GIVEN]
    free = [manifest.cases[index] for index in inside]
    chosen = folds_by_group(free, folds, seed).tolist()
    filled = len(set(chosen))
    if filled < folds:
        raise DatasetError(
            f"{manifest.file}: {len(free)} cases of {len(set(group_ids(free)))} patients or groups fill {filled} of "
            f"{folds} folds. Cut fewer folds, or add patients."
        )
    numbers: list[int | None] = [None] * len(manifest.cases)
    _assign(numbers, inside, chosen)
    cases = (replace(case, fold=number) for case, number in zip(manifest.cases, numbers, strict=True))
    return replace(manifest, cases=tuple(cases))


def hold_out_fold(manifest: Manifest, fold: int) -> Manifest:
    """Return the manifest with one fold as validation split; test and external cases stay, all others are `train`."""

    def split(case: Case) -> str:
        if case.split in GIVEN or case.fold is None:
            return case.split
        return "validation" if case.fold == fold else "train"

    return replace(manifest, cases=tuple(replace(case, split=split(case)) for case in manifest.cases))


def without_fold(manifest: Manifest, fold: int, held_out: str = "validation") -> Manifest:
    """Return the manifest of a network that must not see one fold: that is `held_out`, and all others are `train`.

    That goes for test splits with a fold, too, which are judged by the network of their own fold. Cases without a fold
    stay where they are: trained on, or answered by every network. External ones are never trained on, and lose a fold.
    """

    def part(case: Case) -> Case:
        if case.split == "external":
            return replace(case, fold=None)
        return case if case.fold is None else replace(case, split=held_out if case.fold == fold else "train")

    return replace(manifest, cases=tuple(part(case) for case in manifest.cases))


def check_no_leakage(cases: Sequence[Case]) -> None:
    """Raise PatientLeakage if cases of one patient, duplicate group or sha256 stand in two splits or two folds."""
    for part in ("split", "fold"):
        seen: dict[Hashable, set[object]] = defaultdict(set)
        for case in cases:
            for key in _keys(case):
                seen[key].add(getattr(case, part))
        torn = {key for key, parts in seen.items() if len(parts) > 1}
        leaking = sorted(map(_hashed, _told(cases, torn)))
        if leaking:
            raise PatientLeakage(
                f"{len(leaking)} patients or duplicate groups stand in more than one {part}: "
                f"{_listed(leaking)}. "
                f"Each, copies with the same sha256 too, must be in one {part} only; "
                "cut anew with `radiolens data split`.",
                leaking,
            )


_Value = TypeVar("_Value")
_FILE = "file"


def _assign(values: list[_Value], indices: Sequence[int], chosen: Sequence[_Value]) -> None:
    for index, value in zip(indices, chosen, strict=True):
        values[index] = value


def _without_test(fractions: Sequence[float]) -> tuple[float, float, float]:
    train, validation = fractions[:2]
    if train + validation == 0:
        raise ValueError("a source with a test split of its own needs a fraction for train or validation")
    return train / (train + validation), validation / (train + validation), 0.0


def _check_whole_groups_stay(cases: Sequence[Case], staying: Set[int]) -> None:
    groups: dict[int, set[bool]] = defaultdict(set)
    numbers = group_ids(cases)
    for index, group in enumerate(numbers):
        groups[group].add(index in staying)
    torn = [cases[index] for index, group in enumerate(numbers) if len(groups[group]) > 1 and index in staying]
    hashed = sorted(map(_hashed, _told(torn)))
    if hashed:
        raise PatientLeakage(
            f"{len(hashed)} patients or duplicate groups of the given test or external split have other images "
            f"outside of it: {_listed(hashed)}. Move all their images into it, leave them out, "
            "or cut it anew as well (`radiolens data split` with --new-test).",
            hashed,
        )


def _listed(hashed: Sequence[str]) -> str:
    return f"{', '.join(hashed[:5])}{' ...' if len(hashed) > 5 else ''} (SHA-256, first 12 digits)"


def _told(cases: Sequence[Case], keys: Set[Hashable] | None = None) -> set[tuple[str, str, str]]:
    """Return the keys of the cases (of `keys` only, if given); files count where no patient or group is the reason."""
    told: set[tuple[str, str, str]] = set()
    for case in cases:
        own = [key for key in _keys(case) if keys is None or key in keys]
        told.update([key for key in own if key[0] != _FILE] or own)
    return told


def _keys(case: Case) -> list[tuple[str, str, str]]:
    across = case.duplicate_group.startswith(ACROSS_SOURCES)
    named = (
        ("patient", case.source, case.patient_id),
        ("duplicate", "" if across else case.source, case.duplicate_group),
        (_FILE, "", case.sha256),
    )
    return [(kind, source, value) for kind, source, value in named if value]


def _hashed(key: tuple[str, str, str]) -> str:
    kind, _, value = key
    if kind == _FILE:
        return value[:12]  # as the manifest has it, so that the rows are found
    return hashlib.sha256("/".join(key).encode()).hexdigest()[:12]
