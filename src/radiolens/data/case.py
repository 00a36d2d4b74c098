"""One image of a data set with what is known of it, and the data set as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from radiolens.task import Task

__all__ = ["COLUMNS", "SPLITS", "Case", "Manifest"]

SPLITS = ("train", "validation", "test", "external")
"""The parts of a data set; `external` is scored, never trained or tuned on."""

COLUMNS = (
    "path",
    "source",
    "patient_id",
    "duplicate_group",
    "split",
    "fold",
    "age",
    "sex",
    "view",
    "slice_index",
    "mask",
    "licence",
    "sha256",
)
"""The columns besides the labels, which are `label:<name>` for findings and `label` for exclusive tasks."""


@dataclass(frozen=True)
class Case:
    """One image. Empty strings and None mean that the data set does not say.

    `path` is relative to the manifest. `labels` maps each finding to 1 (present), 0 (absent) or None (not
    annotated). `possible` is the set of labels of an exclusive task that the image may have; empty: not annotated.
    `age` is in years, `sha256` of the file as 64 digits. `slice_index` counts the slices of a volume in their order.
    """

    path: str
    source: str = ""
    patient_id: str = ""
    duplicate_group: str = ""
    split: str = ""
    fold: int | None = None
    labels: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    possible: frozenset[str] = frozenset()
    age: float | None = None
    sex: str = ""
    view: str = ""
    slice_index: int | None = None
    mask: str = ""
    licence: str = ""
    sha256: str = ""

    @property
    def unaffected(self) -> bool:
        """Return whether something is annotated, and every annotated finding is absent."""
        told = [value for value in self.labels.values() if value is not None]
        return bool(told) and not any(told)


@dataclass(frozen=True)
class Manifest:
    """The cases of one data set for one task; paths are relative to the folder of `file`."""

    file: Path
    task: Task
    cases: tuple[Case, ...]

    def path(self, case: Case) -> Path:
        """Return where the image of a case lies."""
        return self.file.parent / case.path
