"""The manifest: one row per image, with labels that may be partial. CSV, or Parquet with the extra [train]."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from radiolens.errors import DatasetError, InvalidManifest
from radiolens.task import Task

try:  # pyarrow comes with the extra [train]; CSV works without it
    import pyarrow
    import pyarrow.parquet
except ModuleNotFoundError:
    pyarrow = None

__all__ = ["COLUMNS", "SPLITS", "Case", "Manifest", "read_manifest", "write_manifest"]

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
    "mask",
    "licence",
    "sha256",
)
"""The columns besides the labels, which are `label:<name>` for findings and `label` for exclusive tasks."""

_ANNOTATIONS = {"1": 1, "0": 0, "": None}


@dataclass(frozen=True)
class Case:
    """One image. Empty strings and None mean that the data set does not say.

    `path` is relative to the manifest. `labels` maps each finding to 1 (present), 0 (absent) or None (not
    annotated). `possible` is the set of labels of an exclusive task that the image may have; empty: not annotated.
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
    mask: str = ""
    licence: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Manifest:
    """The cases of one data set for one task; paths are relative to the folder of `file`."""

    file: Path
    task: Task
    cases: tuple[Case, ...]

    def path(self, case: Case) -> Path:
        """Return where the image of a case lies."""
        return self.file.parent / case.path


def read_manifest(file: Path, task: Task) -> Manifest:
    """Read and check a manifest; raise InvalidManifest with row and column where it first breaks the format."""
    if not file.is_file():
        raise InvalidManifest("there is no such file. Make one with `radiolens data import`.", file)
    header, rows = _read_parquet(file) if file.suffix == ".parquet" else _read_csv(file)
    _check_header(file, task, header)
    cases = tuple(_case(file, task, number, row) for number, row in enumerate(rows, 1))
    _check_unique(file, cases)
    return Manifest(file, task, cases)


def write_manifest(manifest: Manifest, file: Path) -> None:
    """Write a manifest as CSV, or as Parquet if the name ends so."""
    rows = [_row(case, manifest.task) for case in manifest.cases]
    columns = _columns(manifest.task)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        _write_parquet(file, columns, rows)
        return
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _columns(task: Task) -> list[str]:
    labels = ["label"] if task.exclusive else [f"label:{name}" for name in task.label_names]
    return [*COLUMNS[:6], *labels, *COLUMNS[6:]]


def _row(case: Case, task: Task) -> dict[str, str]:
    row = {column: _text(getattr(case, column)) for column in COLUMNS}
    if task.exclusive:
        return row | {"label": "|".join(name for name in task.label_names if name in case.possible)}
    return row | {f"label:{name}": _text(case.labels.get(name)) for name in task.label_names}


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read_csv(file: Path) -> tuple[Sequence[str], Iterable[Mapping[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidManifest(f"not a CSV file in UTF-8 ({error}). Export it again as CSV UTF-8.", file) from error
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise InvalidManifest("the row has another number of values than the header has columns.", file, number)
    return reader.fieldnames or (), rows


def _read_parquet(file: Path) -> tuple[Sequence[str], Iterable[Mapping[str, str]]]:
    _require_pyarrow(file)
    table = pyarrow.parquet.read_table(file)
    rows = [{key: _text(value) for key, value in row.items()} for row in table.to_pylist()]
    return table.column_names, rows


def _check_header(file: Path, task: Task, header: Sequence[str]) -> None:
    known = _columns(task)
    for column in header:
        if column not in known:
            raise InvalidManifest(f"unknown column; known are {', '.join(known)}.", file, column=column)
    needed = ["path", *(column for column in known if column == "label")]
    missing = [column for column in needed if column not in header]
    if missing or not any(column.startswith("label") for column in header):
        raise InvalidManifest(f"columns missing: {', '.join(missing) or 'label:<name>'}.", file)


def _case(file: Path, task: Task, number: int, row: Mapping[str, str]) -> Case:
    def refuse(column: str, expected: str) -> InvalidManifest:
        return InvalidManifest(f"found {row[column]!r}, expected {expected}.", file, number, column)

    path = PurePosixPath(row["path"])
    if not row["path"] or path.is_absolute() or ".." in path.parts:
        raise refuse("path", "a path below the manifest's folder")
    if row.get("split", "") not in ("", *SPLITS):
        raise refuse("split", f"one of {', '.join(SPLITS)} or nothing")
    text = {name: row.get(name, "") for name in COLUMNS if name not in ("age", "fold")}
    fold = _number(file, number, row, "fold")
    return Case(
        **text,
        fold=None if fold is None else int(fold),
        age=_number(file, number, row, "age"),
        labels=_labels(file, task, number, row),
        possible=_possible(file, task, number, row),
    )


def _number(file: Path, number: int, row: Mapping[str, str], column: str) -> float | None:
    text = row.get(column, "")
    try:
        return float(text) if text else None
    except ValueError as error:
        raise InvalidManifest(f"found {text!r}, expected a number or nothing.", file, number, column) from error


def _labels(file: Path, task: Task, number: int, row: Mapping[str, str]) -> Mapping[str, int | None]:
    labels: dict[str, int | None] = {}
    for name in () if task.exclusive else task.label_names:
        text = row.get(f"label:{name}", "")
        if text not in _ANNOTATIONS:
            raise InvalidManifest(f"found {text!r}, expected 1, 0 or nothing.", file, number, f"label:{name}")
        labels[name] = _ANNOTATIONS[text]
    return MappingProxyType(labels)


def _possible(file: Path, task: Task, number: int, row: Mapping[str, str]) -> frozenset[str]:
    names = frozenset(row["label"].split("|")) - {""} if task.exclusive else frozenset[str]()
    unknown = names.difference(task.label_names)
    if unknown:
        known = ", ".join(task.label_names)
        raise InvalidManifest(f"unknown label {', '.join(sorted(unknown))}; known are {known}.", file, number, "label")
    return names


def _check_unique(file: Path, cases: Sequence[Case]) -> None:
    first: dict[str, int] = {}
    for number, case in enumerate(cases, 1):
        if case.path in first:
            raise InvalidManifest(f"{case.path!r} stands in row {first[case.path]}, too.", file, number, "path")
        first[case.path] = number


def _write_parquet(file: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    _require_pyarrow(file)
    table = pyarrow.table({column: [row[column] for row in rows] for column in columns})
    pyarrow.parquet.write_table(table, file)


def _require_pyarrow(file: Path) -> None:
    if pyarrow is None:
        raise DatasetError(f"{file}: Parquet needs pyarrow. Run `pip install 'radiolens[train]'`, or use CSV.")
