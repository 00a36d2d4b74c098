"""Chest films: Guangzhou children, a tuberculosis collection, NIH adults, TBX11K positives.

Guangzhou's official test split stays the test split, and TBX11K is external: never trained or tuned on. Every
other split is cut by patient or duplicate group and committed in chest_xray_splits.csv. So are the folds of NIH, the
one source of adults with and without pneumonia, whose test split is fold 5. Other sources have none: a
cross-validation trains on their training split each time, and lets every network answer their test split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from radiolens.data.case import COLUMNS, Case, Manifest
from radiolens.data.rows import case_of
from radiolens.data.sources.collection import Part, parts, rows, with_committed_splits
from radiolens.data.splits import split_by_group
from radiolens.tasks import get_task

__all__ = ["cut", "load"]

_TASK = get_task("chest-xray")
_COLUMNS = (
    *("path", "source", "split", "patient_id", "duplicate_group", "age", "sex", "view", "licence"),
    *_TASK.label_names,
)


def load(folder: Path) -> Manifest:
    """Return the collection in `folder` with its committed splits and folds."""
    return Manifest(folder / "manifest.csv", _TASK, with_committed_splits(folder, "chest_xray", _cases(folder)))


def cut(folder: Path) -> Mapping[str, Part]:
    """Return split and fold of each path, computed anew: what the committed list must equal."""
    cases = _cases(folder)
    splits = {case.path: case.split for case in cases}
    own = [case for case in cases if case.source in ("tb-collection", "nih")]
    splits |= _assigned(own, ("train", "validation", "test"), (0.7, 0.1, 0.2))
    guangzhou = [case for case in cases if case.source == "guangzhou" and case.split == "train"]
    splits |= _assigned(guangzhou, ("train", "validation"), (0.9, 0.1))
    return parts(cases, splits, folded=("nih",))


def _assigned(cases: Sequence[Case], names: Sequence[str], fractions: Sequence[float]) -> dict[str, str]:
    parts = split_by_group(cases, names, fractions, seed=0)
    return {case.path: split for case, split in zip(cases, parts, strict=True)}


def _cases(folder: Path) -> tuple[Case, ...]:
    return tuple(_case(folder, number, row) for number, row in enumerate(rows(folder, _COLUMNS), 1))


def _case(folder: Path, number: int, row: Mapping[str, str]) -> Case:
    """Return a case, with its values checked as those of any manifest are."""
    known = [name for name in COLUMNS if name in _COLUMNS]
    labels = {f"label:{name}": row[name] for name in _TASK.label_names}
    return case_of(folder / "manifest.csv", _TASK, number, {name: row[name] for name in known} | labels)
