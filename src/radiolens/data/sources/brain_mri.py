"""Brain MR slices: figshare tumour types with patient-level folds, and web pictures with and without tumour.

Figshare gives no patient ids, only folds cut by patient. So every split must be a union of folds: fold 5 is the test
split, fold 4 the validation split. Any other validation cut would let slices of one patient stand on both sides.
"""

from __future__ import annotations

from pathlib import Path

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources.collection import rows
from radiolens.tasks import get_task

__all__ = ["load"]

_TASK = get_task("brain-mri")
_TUMOURS = frozenset(label.name for label in _TASK.labels if not label.normal)
_SPLITS = {1: "train", 2: "train", 3: "train", 4: "validation", 5: "test"}


def load(folder: Path) -> Manifest:
    """Return the collection in `folder`, split by its folds; a tumour of unspecified type may be any of the three."""
    cases = tuple(
        Case(
            path=row["path"],
            source=row["source"],
            duplicate_group=row["duplicate_group"],
            split=_SPLITS[int(row["cv_fold"])],
            fold=int(row["cv_fold"]),
            possible=_TUMOURS if row["label"] == "tumour_unspecified" else frozenset({row["label"]}),
            mask=row["mask"],
            licence=row["licence"],
        )
        for row in rows(folder)
    )
    return Manifest(folder / "manifest.csv", _TASK, cases)
