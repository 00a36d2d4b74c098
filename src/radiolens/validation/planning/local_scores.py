"""The scores and outcomes of one site: a table of scores, perhaps joined with one of outcomes by path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from radiolens.bundle import InstalledBundle
from radiolens.errors import BundleError, DatasetError, InvalidManifest
from radiolens.evaluation.threshold_plan import LocalCases
from radiolens.validation.planning.score_tables import PREDICT, Row, Table, read_table, scored_table

__all__ = ["Columns", "LocalScores", "read_local_scores"]

_OUTCOMES: Mapping[str, bool | None] = MappingProxyType({"1": True, "1.0": True, "0": False, "0.0": False, "": None})

_NOT_STATED = "not stated"


@dataclass(frozen=True)
class Columns:
    """What the columns are called; an empty name is found by itself.

    `by` are subgroups. Only rows with the values of `where` count.
    """

    score: str = ""
    outcome: str = ""
    patient: str = ""
    by: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class LocalScores:
    """The cases, where they came from in words, and what a reader must know of how they were read."""

    cases: LocalCases
    origin: str
    remarks: tuple[str, ...]


def read_local_scores(
    file: Path, installed: InstalledBundle, label: str, columns: Columns = Columns(), outcomes: Path | None = None
) -> LocalScores:
    """Return the cases of one label that have a score of this bundle and an outcome.

    `file` and `outcomes` are CSV or Parquet. Raises InvalidManifest with row and column for a wrong value or a missing
    column, BundleError if the scores are of another bundle or it has no such label, DatasetError if nothing is left.
    """
    _check_label(installed, label)
    table, remarks = scored_table(read_table(file), installed, label, columns.score)
    told = table if outcomes is None else read_table(outcomes)
    column = _outcome_column(told, installed, label, columns, joined=outcomes is not None)
    for name in (*columns.where, *columns.by, *([columns.patient] if columns.patient else [])):
        _require_somewhere(name, told, table)
    pairs = [(row, row) for row in table.rows] if outcomes is None else _joined(table, told, remarks)
    wanted = [
        (row, about)
        for row, about in pairs
        if all(_text(name, about, row) == value for name, value in columns.where.items())
    ]
    chosen = [
        (row, about, truth) for row, about in wanted if (truth := _truth(about, column, installed, label)) is not None
    ]
    if len(chosen) < len(wanted):
        remarks.append(f"{len(wanted) - len(chosen)} scored images have no outcome and do not count.")
    if not chosen:
        raise DatasetError(f"{file}: no row is left that has a score and an outcome. Check --outcome and --where.")
    if installed.bundle.exclusive:
        remarks.append(_exclusive_remark(label, [(row.likeliest, truth) for row, _, truth in chosen]))
    patients = _patients(chosen, columns, remarks)
    cases = LocalCases(
        truth=np.asarray([truth for _, _, truth in chosen], bool),
        scores=np.asarray([row.score for row, _, _ in chosen], np.float64),
        patients=np.asarray(patients, str),
        callable_rows=np.asarray([row.likeliest for row, _, _ in chosen], bool),
        attributes={
            name: np.asarray([_text(name, about, row) or _NOT_STATED for row, about, _ in chosen], str)
            for name in columns.by
        },
    )
    return LocalScores(cases, _origin(file, outcomes, columns), tuple(remarks))


def _check_label(installed: InstalledBundle, label: str) -> None:
    bundle = installed.bundle
    if label not in bundle.labels:
        raise BundleError(
            f"{bundle.name} {bundle.version} has no label {label!r}; its labels are {', '.join(bundle.labels)}. "
            "Give one of them: --label LABEL."
        )


def _outcome_column(told: Table, installed: InstalledBundle, label: str, columns: Columns, *, joined: bool) -> str:
    if columns.outcome:
        return told.require(columns.outcome, "--outcome")
    # In a table of scores of `radiolens predict`, `label` names the finding.
    by_name = installed.bundle.exclusive and (joined or not set(told.header) >= PREDICT)
    names = [f"label:{label}", "outcome", label, *(["label"] if by_name else [])]
    found = [name for name in names if name in told.header]
    return found[0] if found else told.require(names[0], "--outcome")


def _truth(row: Row, column: str, installed: InstalledBundle, label: str) -> bool | None:
    """Return the outcome of a row, None where it is not told."""
    text = row.texts[column]
    if text in _OUTCOMES:
        return _OUTCOMES[text]
    names = set(text.split("|"))
    if not installed.bundle.exclusive:
        raise row.refused(column, "1, 0 or nothing")
    if not names <= set(installed.bundle.labels):
        raise row.refused(column, f"1, 0, nothing, or of {', '.join(installed.bundle.labels)}")
    return None if label in names and len(names) > 1 else label in names


def _exclusive_remark(label: str, rows: Sequence[tuple[bool, bool]]) -> str:
    likeliest = [first for first, truth in rows if truth]
    return (
        f"The labels are exclusive: {label} is present where it is the likeliest and reaches its threshold, "
        "indeterminate where it is the likeliest and does not, else absent. Sensitivity and specificity are of "
        f"present; whatever the threshold, at most {sum(likeliest)} of {len(likeliest)} positives can be found."
    )


def _joined(scores: Table, outcomes: Table, remarks: list[str]) -> list[tuple[Row, Row]]:
    """Return the scored rows with their row of outcomes: the same path as written, or else the same file."""
    for table in (scores, outcomes):
        table.require("path", "path as")
    written: dict[str, Row] = {}
    for row in outcomes.rows:
        if row.texts["path"] in written:
            raise InvalidManifest(f"{row.texts['path']!r} stands twice; keep one.", row.file, row.number, "path")
        written[row.texts["path"]] = row
    placed = {os.path.abspath(outcomes.file.parent / path): row for path, row in written.items()}
    pairs = []
    for row in scores.rows:
        path = row.texts["path"]
        about = written.get(path) or placed.get(os.path.abspath(path))
        if about is not None:
            pairs.append((row, about))
    if not pairs and scores.rows and outcomes.rows:
        raise DatasetError(
            f"{scores.file} and {outcomes.file} have no path in common: found {scores.rows[0].texts['path']!r} in one, "
            f"{outcomes.rows[0].texts['path']!r} in the other. Write both alike, or relative to the table's folder."
        )
    if len(pairs) < len(scores.rows):
        remarks.append(f"{len(scores.rows) - len(pairs)} scored images are not among the outcomes and do not count.")
    unscored = len(outcomes.rows) - len(pairs)
    if unscored > 0:
        remarks.append(f"{unscored} outcomes have no score and do not count.")
    return pairs


def _require_somewhere(name: str, told: Table, table: Table) -> None:
    if name not in told.header and name not in table.header:
        known = ", ".join(dict.fromkeys([*told.header, *table.header]))
        raise InvalidManifest(f"there is no column {name!r}; there are {known}. Name one of them.", told.file)


def _text(name: str, about: Row, row: Row) -> str:
    return about.texts[name] if name in about.texts else row.texts.get(name, "")


def _patients(chosen: Sequence[tuple[Row, Row, bool]], columns: Columns, remarks: list[str]) -> list[str]:
    """Return who each row is of: patient or duplicate group within the source, or else the row itself."""
    names = (columns.patient,) if columns.patient else ("patient_id", "duplicate_group")
    found = list(_groups(chosen, names))
    if not any(name in about.texts or name in row.texts for row, about, _ in chosen[:1] for name in names):
        remarks.append("No column names the patients, so every image counts as one patient: name it with --patient.")
    return found


def _groups(chosen: Sequence[tuple[Row, Row, bool]], names: Sequence[str]) -> Iterator[str]:
    for row, about, _ in chosen:
        name = next((text for column in names if (text := _text(column, about, row))), "")
        yield f"{_text('source', about, row)}\n{name}" if name else f"row {row.number}"


def _origin(file: Path, outcomes: Path | None, columns: Columns) -> str:
    joined = f" with {outcomes.name}" if outcomes else ""
    part = f", {', '.join(f'{name}={value}' for name, value in columns.where.items())}" if columns.where else ""
    return f"{file.name}{joined}{part}"
