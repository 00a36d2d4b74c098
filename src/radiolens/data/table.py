"""Cases from a table (CSV) in which a row describes an image, under whatever names of columns."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from radiolens.data.case import Case, Manifest
from radiolens.data.files import files_below
from radiolens.data.meaning import Meaning, check_told_once, meaning_of, merged
from radiolens.data.rows import case_of, check_unique, columns
from radiolens.errors import DatasetError, InvalidManifest
from radiolens.task import Task

__all__ = ["Layout", "parse_columns", "table_cases"]

_FLAGS: Mapping[str, str] = MappingProxyType({"1.0": "1", "0.0": "0"})  # as spreadsheets write a column with gaps


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    `columns` maps columns of the manifest to those of the table; a column of the manifest's own name needs no entry.
    Paths are relative to `images` (None: the table's folder); with `by_name` they are names of files anywhere below.
    """

    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    delimiter: str = ","
    images: Path | None = None
    by_name: bool = False


def parse_columns(task: Task, given: Sequence[str]) -> Mapping[str, str]:
    """Return the columns that a user gives as COLUMN=TABLE_COLUMN.

    Raises DatasetError for a COLUMN that is unknown, or given twice.
    """
    known = [*columns(task), *(() if task.exclusive else ("label",))]
    check_told_once([text.partition("=")[0] for text in given], given)
    pairs = dict(text.partition("=")[::2] for text in given)
    for name, column in pairs.items():
        if name not in known or not column:
            raise DatasetError(
                f"found the column {f'{name}={column}'!r}, expected COLUMN=NAME_IN_THE_TABLE with COLUMN one of "
                f"{', '.join(known)}."
            )
    return MappingProxyType(pairs)


def table_cases(file: Path, task: Task, layout: Layout, given: Mapping[str, Meaning]) -> Manifest:
    """Return the images that a table lists, with what it says of them.

    Findings come from columns `label:<name>` of 1, 0 and nothing, or, as exclusive labels do, from one column `label`
    of names, several joined by "|", which `given` explains where they are no label. Raises InvalidManifest with row
    and column of the table at its first wrong value, which a finding told in two ways and an image listed twice are,
    DatasetError if the layout does not fit.
    """
    header, rows = _read(file, layout.delimiter)
    places = _places(file, task, header, layout.columns)
    explained = _explained(file, task, places, rows, given)
    images = layout.images or file.parent
    by_name = _paths_by_name(images) if layout.by_name else {}
    cases = []
    for number, row in enumerate(rows, 1):
        texts = {name: row[column].strip() for name, column in places.items() if name != "label"}
        texts = {name: _FLAGS.get(text, text) if name.startswith("label:") else text for name, text in texts.items()}
        texts["path"] = _path(file, number, places["path"], texts["path"], by_name if layout.by_name else None)
        case = case_of(file, task, number, {"label": ""} | texts, places)
        if "label" in places:
            text = row[places["label"]].strip()
            _check_agreement(file, number, case, places, text, explained[text])
            case = _labelled(case, explained[text])
        cases.append(case)
    check_unique(file, cases, places["path"])
    return Manifest(images / "manifest.csv", task, tuple(cases))


def _read(file: Path, delimiter: str) -> tuple[Sequence[str], list[dict[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True, delimiter=delimiter)
            header, rows = reader.fieldnames or (), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidManifest(f"not a CSV file in UTF-8 ({error}). Export it again as CSV UTF-8.", file) from error
    except OSError as error:
        raise InvalidManifest(f"it cannot be read ({error.strerror}).", file) from error
    doubled = next((name for name in header if list(header).count(name) > 1), None)
    if doubled is not None:
        raise InvalidManifest("the column stands twice; remove one.", file, column=doubled)
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise InvalidManifest(
                f"the row has another number of values than the header has columns ({len(header)}).", file, number
            )
    return header, rows


def _places(file: Path, task: Task, header: Sequence[str], given: Mapping[str, str]) -> Mapping[str, str]:
    """Return where each column of the manifest stands in the table."""
    found = f"The table has the columns {', '.join(header) or '(none)'}."
    absent = sorted(set(given.values()).difference(header))
    if absent:
        raise InvalidManifest(f"there is no column {', '.join(absent)}. {found}", file)
    known = [*columns(task), "label"]
    places = {name: name for name in known if name in header} | dict(given)
    if "path" not in places:
        raise InvalidManifest(f"no column is the path. {found} Name it: --column path=NAME.", file)
    if not any(name.startswith("label") for name in places):
        example = "--column label=NAME" if task.exclusive else "--column label=NAME or --column label:<finding>=NAME"
        raise InvalidManifest(f"no column holds labels. {found} Name it: {example}.", file)
    return places


def _explained(
    file: Path, task: Task, places: Mapping[str, str], rows: Sequence[Mapping[str, str]], given: Mapping[str, Meaning]
) -> Mapping[str, Meaning]:
    """Return what each value of the one label column says; raise InvalidManifest that lists those that say nothing."""
    if "label" not in places:
        return {}
    texts = dict.fromkeys(row[places["label"]].strip() for row in rows)
    found: dict[str, Meaning] = {}
    unknown: dict[str, None] = {}
    for text in texts:
        names = [text] if text in given else [name.strip() for name in text.split("|") if name.strip()]
        meanings = [meaning_of(task, name, given) for name in names]
        unknown |= dict.fromkeys(name for name, meaning in zip(names, meanings, strict=True) if meaning is None)
        found[text] = merged([meaning for meaning in meanings if meaning is not None])
    if unknown:
        raise InvalidManifest(
            f"no label of {task.name} is called {', '.join(sorted(unknown))}; the labels are "
            f"{', '.join(task.label_names)}. Say what each value stands for: --map VALUE=LABEL.",
            file,
            column=places["label"],
        )
    return found


def _check_agreement(
    file: Path, number: int, case: Case, places: Mapping[str, str], text: str, meaning: Meaning
) -> None:
    """Raise InvalidManifest if a finding's own column says 1 and the one label column 0, or the other way round."""
    for name, value in meaning.labels.items():
        found = case.labels.get(name)
        if found is not None and found != value:
            raise InvalidManifest(
                f"found {found}, expected {value} or nothing, as column {places['label']!r} says {text!r} of the same "
                "image; correct one of the two.",
                file,
                number,
                places[f"label:{name}"],
            )


def _labelled(case: Case, meaning: Meaning) -> Case:
    return replace(case, labels=MappingProxyType({**case.labels, **meaning.labels}), possible=meaning.possible)


def _paths_by_name(images: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in files_below(images):
        found.setdefault(path.name, []).append(str(path))
    return found


def _path(file: Path, number: int, column: str, text: str, by_name: Mapping[str, Sequence[str]] | None) -> str:
    path = text.replace("\\", "/")  # as Windows writes them
    if by_name is None:
        return path
    paths = by_name.get(path, [])
    if len(paths) > 1:
        raise InvalidManifest(f"several files are called {path!r}: {', '.join(paths[:3])}.", file, number, column)
    return paths[0] if paths else path
