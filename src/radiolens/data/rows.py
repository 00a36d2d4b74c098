"""A row of a manifest and the Case that it describes, either way; what breaks the format is told by row and column."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType

from radiolens.data.case import COLUMNS, SPLITS, Case
from radiolens.errors import InvalidManifest
from radiolens.task import Task

__all__ = ["OLDEST_YEARS", "case_of", "check_header", "check_unique", "columns", "path_problem", "row_of"]

OLDEST_YEARS = 130
"""No patient was older; a larger age is a slip or stands in months or days."""

_ANNOTATIONS: Mapping[str, int | None] = MappingProxyType({"1": 1, "0": 0, "": None})
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # and the halves of characters, which UTF-8 cannot hold
_PRINTABLE = "text without control characters or line breaks"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)  # float() takes nan, inf and 1_000, too
_WHOLE = re.compile(r"\d{1,9}(\.0*)?", re.ASCII)  # spreadsheets write a fold as 3.0
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMES = ("source", "patient_id", "duplicate_group")  # what cases are grouped by, so one name must have one form


@dataclass(frozen=True)
class _Row:
    """One row as texts by column, where it stands, and what the columns are called there."""

    file: Path
    number: int
    texts: Mapping[str, str]
    called: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return the text of a column, empty if there is none; raise InvalidManifest if it is not printable."""
        text = self.texts.get(column, "")
        if _CONTROL.search(text):
            raise self.refused(column, _PRINTABLE)
        return text

    def refused(self, column: str, expected: str) -> InvalidManifest:
        name = self.called.get(column, column)
        return InvalidManifest(
            f"found {self.texts.get(column, '')!r}, expected {expected}.", self.file, self.number, name
        )


def columns(task: Task) -> list[str]:
    """Return the columns of a task's manifest, in the order they are written."""
    labels = ["label"] if task.exclusive else [f"label:{name}" for name in task.label_names]
    return [*COLUMNS[:6], *labels, *COLUMNS[6:]]


def check_header(file: Path, task: Task, header: Sequence[str]) -> None:
    """Raise InvalidManifest if a column is unknown, stands twice, or is missing."""
    known = columns(task)
    for position, column in enumerate(header):
        if column not in known:
            raise InvalidManifest(f"unknown column; known are {', '.join(known)}.", file, column=column)
        if column in header[:position]:
            raise InvalidManifest("the column stands twice; remove one.", file, column=column)
    missing = [column for column in ("path", "label") if column in known and column not in header]
    if missing or not any(column.startswith("label") for column in header):
        raise InvalidManifest(f"columns missing: {', '.join(missing) or 'label:<name>'}.", file)


def case_of(
    file: Path, task: Task, number: int, texts: Mapping[str, str], called: Mapping[str, str] = MappingProxyType({})
) -> Case:
    """Return the case that a row describes; raise InvalidManifest, with row and column, at its first wrong value.

    `called` says what a column of the manifest is called in the file, where that differs. Source, patient and duplicate
    group come without blanks around them and in Unicode's form NFC, so that one patient is not two.
    """
    row = _Row(file, number, texts, called)
    _check(row)
    text = {name: row.text(name) for name in COLUMNS if name not in ("age", "fold", "slice_index")}
    text |= {name: unicodedata.normalize("NFC", text[name].strip()) for name in _NAMES}
    return Case(
        **text,
        fold=_whole(row, "fold"),
        slice_index=_whole(row, "slice_index"),
        age=_age(row),
        labels=_labels(row, task),
        possible=_possible(row, task),
    )


def check_unique(file: Path, cases: Sequence[Case], column: str = "path") -> None:
    """Raise InvalidManifest if two rows name the same file; `column` is what the path is called in the table."""
    first: dict[PurePosixPath, int] = {}
    for number, case in enumerate(cases, 1):
        path = PurePosixPath(case.path)
        if path in first:
            raise InvalidManifest(f"{case.path!r} stands in row {first[path]}, too.", file, number, column)
        first[path] = number


def row_of(case: Case, task: Task) -> dict[str, str]:
    """Return a case as a row of texts, with whatever it holds: `check_header` and `case_of` tell what is wrong."""
    row = {column: _text(getattr(case, column)) for column in COLUMNS}
    if task.exclusive:
        order = {name: position for position, name in enumerate(task.label_names)}
        return row | {"label": "|".join(sorted(case.possible, key=lambda name: (order.get(name, len(order)), name)))}
    names = dict.fromkeys([*task.label_names, *case.labels])
    return row | {f"label:{name}": _text(case.labels.get(name)) for name in names}


def path_problem(path: str) -> str | None:
    """Say what a path should be instead, if on any system it could lead out of its folder; None if it is fine."""
    if _CONTROL.search(path):
        return _PRINTABLE
    windows = PureWindowsPath(path)
    if not path or path == "." or PurePosixPath(path).is_absolute() or windows.drive or windows.root:
        return "a path below the manifest's folder"
    if "\\" in path:
        return "a path with / between its folders"
    return "a path below the manifest's folder" if ".." in PurePosixPath(path).parts else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _check(row: _Row) -> None:
    for column in ("path", "mask"):
        problem = path_problem(row.text(column))
        if problem and (column == "path" or row.text(column)):
            raise row.refused(column, problem)
    if row.text("split") not in ("", *SPLITS):
        raise row.refused("split", f"one of {', '.join(SPLITS)} or nothing")
    if row.text("sha256") and not _SHA256.fullmatch(row.text("sha256")):
        raise row.refused("sha256", "64 digits 0-9 and a-f, or nothing")


def _age(row: _Row) -> float | None:
    text = row.text("age")
    if text and not _NUMBER.fullmatch(text):
        raise row.refused("age", "a number of years or nothing")
    age = float(text) if text else None
    if age is not None and not (math.isfinite(age) and 0 <= age <= OLDEST_YEARS):
        raise row.refused("age", f"years from 0 to {OLDEST_YEARS} or nothing")
    return age


def _whole(row: _Row, column: str) -> int | None:
    text = row.text(column)
    if text and not _WHOLE.fullmatch(text):
        raise row.refused(column, "a whole number from 0 on, or nothing")
    return int(text.split(".")[0]) if text else None


def _labels(row: _Row, task: Task) -> Mapping[str, int | None]:
    labels: dict[str, int | None] = {}
    for name in () if task.exclusive else task.label_names:
        text = row.text(f"label:{name}")
        if text not in _ANNOTATIONS:
            raise row.refused(f"label:{name}", "1, 0 or nothing")
        labels[name] = _ANNOTATIONS[text]
    return MappingProxyType(labels)


def _possible(row: _Row, task: Task) -> frozenset[str]:
    text = row.text("label") if task.exclusive else ""
    names = frozenset(text.split("|") if text else ())
    unknown = ", ".join(name or "''" for name in sorted(names.difference(task.label_names)))
    if unknown:
        known = ", ".join(task.label_names)
        raise InvalidManifest(f"unknown label {unknown}; known are {known}.", row.file, row.number, "label")
    return names
