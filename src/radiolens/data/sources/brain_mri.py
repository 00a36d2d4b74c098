"""Brain MR slices: figshare tumour types with patient-level folds, and web pictures with and without tumour.

Figshare gives no patient ids, only folds cut by patient. So every split must be a union of folds: fold 5 is the test
split, fold 4 the validation split. Any other validation cut would let slices of one patient stand on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources.collection import chosen, rows
from radiolens.tasks import get_task

__all__ = ["load"]

_TASK = get_task("brain-mri")
_COLUMNS = ("path", "source", "label", "cv_fold", "duplicate_group", "mask", "licence")
_POSSIBLE = {
    **{name: frozenset({name}) for name in _TASK.label_names},
    "tumour_unspecified": frozenset(label.name for label in _TASK.labels if not label.normal),
}
_FOLDS = {str(fold): fold for fold in range(1, 6)}
_SPLITS = {1: "train", 2: "train", 3: "train", 4: "validation", 5: "test"}


def load(folder: Path) -> Manifest:
    """Return the collection in `folder`, split by its folds; a tumour of unspecified type may be any of the three."""
    cases = tuple(_case(folder, number, row) for number, row in enumerate(rows(folder, _COLUMNS), 1))
    return Manifest(folder / "manifest.csv", _TASK, cases)


def _case(folder: Path, number: int, row: Mapping[str, str]) -> Case:
    fold = chosen(folder, number, "cv_fold", row["cv_fold"], _FOLDS)
    return Case(
        path=row["path"],
        source=row["source"],
        duplicate_group=row["duplicate_group"],
        split=_SPLITS[fold],
        fold=fold,
        possible=chosen(folder, number, "label", row["label"], _POSSIBLE),
        mask=row["mask"],
        licence=row["licence"],
    )
