"""Reads the manifest.csv of a collected folder and applies the committed lists of splits."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TypeVar

from radiolens.data.case import Case
from radiolens.errors import InvalidManifest

__all__ = ["chosen", "committed_splits", "rows", "with_committed_splits"]

_Value = TypeVar("_Value")


def rows(folder: Path, columns: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Yield the rows of the collection's own manifest.csv, which has at least these columns.

    Raises InvalidManifest if it is not there, or is another collection's.
    """
    file = folder / "manifest.csv"
    if not file.is_file():
        raise InvalidManifest("there is no manifest.csv in this folder. Give the folder that holds it.", file)
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise InvalidManifest(
                f"columns missing: {', '.join(missing)}. It is of another collection, or of none: then "
                "`radiolens data import` is told by --as what the folder is.",
                file,
            )
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise InvalidManifest("the row has another number of values than the header has.", file, number)
            yield row


def chosen(folder: Path, number: int, column: str, value: str, known: Mapping[str, _Value]) -> _Value:
    """Return what a value of the collection stands for; raise InvalidManifest if it is not one of the known."""
    if value not in known:
        expected = ", ".join(key or "nothing" for key in known)
        raise InvalidManifest(f"found {value!r}, expected {expected}.", folder / "manifest.csv", number, column)
    return known[value]


def with_committed_splits(folder: Path, name: str, cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return the cases with the splits of the list `<name>_splits.csv`; raise InvalidManifest for one not in it."""
    splits = committed_splits(name)
    for number, case in enumerate(cases, 1):
        if case.path not in splits:
            raise InvalidManifest(
                f"{case.path!r} is not in the committed list of splits. Import the collection as a table instead "
                "(`radiolens data import` with --as csv) and cut it.",
                folder / "manifest.csv",
                number,
                "path",
            )
    return tuple(replace(case, split=splits[case.path]) for case in cases)


def committed_splits(name: str) -> Mapping[str, str]:
    """Return the split of each path of a collection, as committed with the package in `<name>_splits.csv`."""
    text = resources.files(__package__).joinpath(f"{name}_splits.csv").read_text(encoding="utf-8")
    return {row["path"]: row["split"] for row in csv.DictReader(text.splitlines())}
