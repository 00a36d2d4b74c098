"""Brain CT slices: haemorrhage by slice (sich), and a stroke set in which haemorrhage is not annotated.

Both are cut by patient into splits and folds, fold 5 being the test split, and committed in brain_ct_splits.csv.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources.collection import Part, chosen, parts, rows, with_committed_splits
from radiolens.data.splits import split_by_group
from radiolens.tasks import get_task

__all__ = ["cut", "load"]

_TASK = get_task("brain-ct")
_COLUMNS = ("path", "source", "label", "patient_id", "mask", "licence")
_SLICE = re.compile(r"_(\d{1,9})\.\w+$", re.ASCII)
_HAEMORRHAGE = {"haemorrhage": 1, "no_haemorrhage": 0, "normal": None, "stroke": None}


def load(folder: Path) -> Manifest:
    """Return the collection in `folder` with its committed splits and folds."""
    return Manifest(folder / "manifest.csv", _TASK, with_committed_splits(folder, "brain_ct", _cases(folder)))


def cut(folder: Path) -> Mapping[str, Part]:
    """Return split and fold of each path, computed anew: what the committed list must equal."""
    cases = _cases(folder)
    splits = split_by_group(cases, ("train", "validation", "test"), (0.7, 0.1, 0.2), seed=0)
    named = {case.path: split for case, split in zip(cases, splits, strict=True)}
    return parts(cases, named, folded=("sich", "stroke"))


def _cases(folder: Path) -> tuple[Case, ...]:
    return tuple(
        Case(
            path=row["path"],
            source=row["source"],
            patient_id=row["patient_id"],
            labels={"haemorrhage": chosen(folder, number, "label", row["label"], _HAEMORRHAGE), "tumour": None},
            slice_index=_slice_index(row["path"]),
            mask=row["mask"],
            licence=row["licence"],
        )
        for number, row in enumerate(rows(folder, _COLUMNS), 1)
    )


def _slice_index(path: str) -> int | None:
    """Return the number of a slice in its volume, which both sets write behind that of the patient: 0001_12.jpg."""
    found = _SLICE.search(path)
    return int(found[1]) if found else None
