"""Chest films: Guangzhou children, a tuberculosis collection, NIH adults, TBX11K positives.

Guangzhou's official test split stays the test split, and TBX11K is external: never trained or tuned on. Every
other split is cut by patient or duplicate group and committed in chest_xray_splits.csv.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources.collection import committed_splits, rows
from radiolens.data.splits import split_by_group
from radiolens.tasks import get_task

__all__ = ["cut", "load"]

_TASK = get_task("chest-xray")
_ANNOTATIONS = {"1": 1, "0": 0, "": None}


def load(folder: Path) -> Manifest:
    """Return the collection in `folder` with its committed splits."""
    splits = committed_splits("chest_xray")
    cases = tuple(replace(case, split=splits[case.path]) for case in _cases(folder))
    return Manifest(folder / "manifest.csv", _TASK, cases)


def cut(folder: Path) -> Mapping[str, str]:
    """Return the split of each path, computed anew: what the committed list must equal."""
    cases = _cases(folder)
    splits = {case.path: case.split for case in cases}
    own = [case for case in cases if case.source in ("tb-collection", "nih")]
    splits |= _assigned(own, ("train", "validation", "test"), (0.7, 0.1, 0.2))
    guangzhou = [case for case in cases if case.source == "guangzhou" and case.split == "train"]
    return splits | _assigned(guangzhou, ("train", "validation"), (0.9, 0.1))


def _assigned(cases: Sequence[Case], names: Sequence[str], fractions: Sequence[float]) -> dict[str, str]:
    chosen = split_by_group(cases, names, fractions, seed=0)
    return {case.path: split for case, split in zip(cases, chosen, strict=True)}


def _cases(folder: Path) -> tuple[Case, ...]:
    return tuple(
        Case(
            path=row["path"],
            source=row["source"],
            patient_id=row["patient_id"],
            duplicate_group=row["duplicate_group"],
            split=row["split"],
            labels={name: _ANNOTATIONS[row[name]] for name in _TASK.label_names},
            age=float(row["age"]) if row["age"] else None,
            sex=row["sex"],
            view=row["view"],
            licence=row["licence"],
        )
        for row in rows(folder)
    )
