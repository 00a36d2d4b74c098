"""A table of scores as it comes from a site: which rows have a score of the bundle that is asked about.

Three kinds are understood: what `radiolens predict --output` writes (a row per finding, with the hash of the bundle),
`predictions.parquet` of `radiolens evaluate` (a row per image, a column per label), and any other with a column of
scores.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from radiolens.bundle import InstalledBundle
from radiolens.data.manifest import read_rows
from radiolens.errors import BundleError, DatasetError, InvalidManifest

__all__ = ["PREDICT", "Row", "Table", "read_table", "scored_table"]

PREDICT = frozenset(("path", "status", "label", "probability", "bundle", "version", "sha256"))
"""The columns by which a table of `radiolens predict` is known."""


@dataclass(frozen=True)
class Row:
    """One row of a table: where it stands, and its texts by column; `likeliest` of several exclusive labels."""

    file: Path
    number: int
    texts: Mapping[str, str]
    score: float = math.nan
    likeliest: bool = True

    def refused(self, column: str, expected: str) -> InvalidManifest:
        """Return the error that a value is not what was expected."""
        return InvalidManifest(f"found {self.texts[column]!r}, expected {expected}.", self.file, self.number, column)


@dataclass(frozen=True)
class Table:
    """A table that was read: its columns, and its rows."""

    file: Path
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, column: str, option: str) -> str:
        """Return the column; raise InvalidManifest if the table has none of this name."""
        if column not in self.header:
            known = ", ".join(self.header) or "(none)"
            raise InvalidManifest(
                f"there is no column {column!r}. The table has the columns {known}. Name another: {option} COLUMN.",
                self.file,
            )
        return column


def read_table(file: Path) -> Table:
    """Read a table, CSV or Parquet; raise InvalidManifest if it is none, or a column stands twice."""
    header, rows = read_rows(file)
    doubled = next((name for name in header if list(header).count(name) > 1), None)
    if doubled is not None:
        raise InvalidManifest("the column stands twice; remove one.", file, column=doubled)
    return Table(file, tuple(header), tuple(Row(file, number, row) for number, row in enumerate(rows, 1)))


def scored_table(table: Table, installed: InstalledBundle, label: str, score: str = "") -> tuple[Table, list[str]]:
    """Return the rows that have a score of the label, and remarks; `score` names the column, empty: it is found.

    Raises BundleError if the table is known to be of another bundle; InvalidManifest, with row and column, for a score
    that is no probability, and for an image that is scored twice; DatasetError if no row is left.
    """
    if not score and set(table.header) >= PREDICT:
        return _of_predict(table, installed, label)
    column = table.require(score or _score_column(table, label), "--score")
    remarks = _check_bundle(table, installed)
    others = [f"probability:{name}" for name in installed.bundle.labels if name != label]
    if installed.bundle.exclusive and not set(others) <= set(table.header):
        raise InvalidManifest(
            f"the labels of {installed.bundle.name} are exclusive: {label} is only called where it is the likeliest, "
            f"so the scores of all are needed, in columns {', '.join(others)}. Score the images with "
            "`radiolens predict --output`.",
            table.file,
        )
    rows = []
    seen: set[tuple[str, str]] = set()
    for row in table.rows:
        if row.texts[column]:
            _check_once(row, seen, installed, label)
            own = _score(row, column)
            likeliest = not installed.bundle.exclusive or all(own > _score(row, other) for other in others)
            rows.append(Row(row.file, row.number, row.texts, own, likeliest))
    if len(rows) < len(table.rows):
        remarks.append(f"{len(table.rows) - len(rows)} rows have no score and do not count.")
    return Table(table.file, table.header, tuple(rows)), remarks


def _of_predict(table: Table, installed: InstalledBundle, label: str) -> tuple[Table, list[str]]:
    best: dict[str, float] = {}
    own: dict[str, Row] = {}
    unanswered = [row for row in table.rows if row.texts["status"] != "answered"]
    for row in table.rows:
        path, name = row.texts["path"], row.texts["label"]
        if row.texts["status"] != "answered" or name not in installed.bundle.labels:
            continue
        _check_identity(row, installed)
        score = _score(row, "probability")
        if name != label:
            best[path] = max(score, best.get(path, 0.0))
        elif path in own:
            raise _scored_twice(row, label)
        else:
            own[path] = Row(row.file, row.number, row.texts, score)
    exclusive = installed.bundle.exclusive
    rows = [
        Row(row.file, row.number, row.texts, row.score, not exclusive or row.score > best.get(path, 0.0))
        for path, row in own.items()
    ]
    if not rows:
        raise DatasetError(
            f"{table.file}: no answered image has a row of {label}. Score images of {installed.bundle.task}."
        )
    told = f"{len(unanswered)} images were refused or unreadable: the plan speaks of answered images only."
    return Table(table.file, table.header, tuple(rows)), [told] if unanswered else []


def _check_once(row: Row, seen: set[tuple[str, str]], installed: InstalledBundle, label: str) -> None:
    """Raise InvalidManifest if a path has a row before; of findings named in `label`, each may have its own."""
    finding = row.texts.get("label", "")
    of = "" if installed.bundle.exclusive or finding not in installed.bundle.labels else finding
    key = (row.texts.get("path", ""), of)
    if key[0] and key in seen:
        raise _scored_twice(row, label)
    seen.add(key)


def _scored_twice(row: Row, label: str) -> InvalidManifest:
    return InvalidManifest(
        f"{row.texts['path']!r} has another row of {label}; score every image once.", row.file, row.number
    )


def _score_column(table: Table, label: str) -> str:
    return next((name for name in (f"probability:{label}", "score", "probability") if name in table.header), "score")


def _score(row: Row, column: str) -> float:
    text = row.texts[column]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise row.refused(column, "a probability from 0 to 1")
    return value


def _check_identity(row: Row, installed: InstalledBundle) -> None:
    found = row.texts["sha256"]
    if found != installed.sha256:
        raise _other_bundle(row.file, f"{row.texts['bundle']} {row.texts['version']} ({found[:12]})", installed)


def _check_bundle(table: Table, installed: InstalledBundle) -> list[str]:
    """Raise BundleError if the table, or evaluation.json beside it, names another bundle; remark if neither does."""
    if "bundle_sha256" in table.header:
        for row in table.rows:
            if row.texts["bundle_sha256"] != installed.sha256:
                raise _other_bundle(table.file, row.texts["bundle_sha256"][:12] or "no bundle", installed)
        return []
    study = table.file.with_name("evaluation.json")
    if table.file.name == "predictions.parquet" and study.is_file():
        try:
            settings = json.loads(study.read_text(encoding="utf-8"))["settings"]
            told = f"{settings['name']} {settings['version']} ({settings['bundle'][:12]})"
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{study}: not a study of `radiolens evaluate` ({error}). Evaluate again.") from error
        if settings["bundle"] != installed.sha256:
            raise _other_bundle(table.file, told, installed)
        return []
    bundle = installed.bundle
    told = f"{bundle.name} {bundle.version} ({installed.sha256[:12]})"
    return [f"{table.file.name} does not say which network gave its scores; that it was {told} is taken on your word."]


def _other_bundle(file: Path, found: str, installed: InstalledBundle) -> BundleError:
    bundle = installed.bundle
    return BundleError(
        f"{file}: the scores are of {found}, expected {bundle.name} {bundle.version} ({installed.sha256[:12]}). "
        f"Score the images with it: radiolens predict IMAGES --task {bundle.task} --output {file.name}"
    )
