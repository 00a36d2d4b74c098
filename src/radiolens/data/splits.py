"""Splits that keep patients and duplicates together, balanced over source and label, and the check that they do."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import PatientLeakage

__all__ = ["check_no_leakage", "folds_by_group", "group_ids", "hold_out_fold", "split_by_group", "stratum"]


def stratum(case: Case) -> str:
    """Return what a split is balanced over: source and annotated label."""
    annotated = [f"{name}={value}" for name, value in sorted(case.labels.items()) if value is not None]
    return f"{case.source}:{'|'.join(annotated or sorted(case.possible))}"


def group_ids(cases: Sequence[Case]) -> tuple[int, ...]:
    """Return for each case the number of its group: cases linked by patient or by duplicate group, however indirectly.

    Patients and duplicate groups are told apart by source, since two hospitals may use the same number.
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
    return tuple(root(index) for index in range(len(cases)))


def split_by_group(
    cases: Sequence[Case], names: Sequence[str], fractions: Sequence[float], seed: int = 0
) -> tuple[str, ...]:
    """Return a split name for each case, in the given fractions of each stratum and never cutting a group.

    Groups go, largest first and otherwise in random order, to the split that lacks most of the group's strata. A
    greedy cut is used since scikit-learn's StratifiedGroupKFold makes only equal parts.
    """
    if abs(sum(fractions) - 1.0) > 1e-9 or len(names) != len(fractions):
        raise ValueError(f"fractions must sum to 1 and match {list(names)}, found {list(fractions)}")
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
        name = max(names, key=lambda name: sum(wanted[name][key] * count for key, count in content.items()))
        wanted[name].subtract(content)
        for index in members[group]:
            chosen[index] = name
    return tuple(chosen)


def folds_by_group(cases: Sequence[Case], folds: int, seed: int = 0) -> NDArray[np.intp]:
    """Return a fold from 1 to `folds` for each case, balanced over strata and never cutting a group."""
    names = [str(number) for number in range(1, folds + 1)]
    return np.asarray(split_by_group(cases, names, [1 / folds] * folds, seed), np.intp)


def hold_out_fold(manifest: Manifest, fold: int) -> Manifest:
    """Return the manifest with one fold as validation split; the test split stays, all other folds are trained on."""

    def split(case: Case) -> str:
        if case.split == "test" or case.fold is None:
            return case.split
        return "validation" if case.fold == fold else "train"

    return replace(manifest, cases=tuple(replace(case, split=split(case)) for case in manifest.cases))


def check_no_leakage(cases: Sequence[Case]) -> None:
    """Raise PatientLeakage if cases of one patient or duplicate group stand in two splits or two folds."""
    for part in ("split", "fold"):
        seen: dict[Hashable, set[object]] = defaultdict(set)
        for case in cases:
            for key in _keys(case):
                seen[key].add(getattr(case, part))
        leaking = sorted(_hashed(key) for key, parts in seen.items() if len(parts) > 1)
        if leaking:
            raise PatientLeakage(
                f"{len(leaking)} patients or duplicate groups stand in more than one {part}: "
                f"{', '.join(leaking[:5])}{' ...' if len(leaking) > 5 else ''} (SHA-256, first 12 digits). "
                f"Each must be in one {part} only; cut anew with `radiolens data split`.",
                leaking,
            )


def _keys(case: Case) -> list[tuple[str, str, str]]:
    named = (("patient", case.patient_id), ("duplicate", case.duplicate_group))
    return [(kind, case.source, value) for kind, value in named if value]


def _hashed(key: Hashable) -> str:
    return hashlib.sha256("/".join(map(str, key if isinstance(key, tuple) else (key,))).encode()).hexdigest()[:12]
