"""Reads the manifest.csv of a collected folder and applies the committed lists of splits."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TypeVar

from radiolens.data.case import Case
from radiolens.data.manifest import read_rows
from radiolens.data.splits import folds_by_group
from radiolens.errors import InvalidManifest

__all__ = ["LAST_FOLD", "Part", "chosen", "committed_splits", "parts", "rows", "with_committed_splits"]

LAST_FOLD = 5
"""The fold that is the test split, so that the network without it is also one that has not seen the test split."""

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Part:
    """Where a case of a collection belongs: its split, and its fold from 1 to LAST_FOLD, or None."""

    split: str
    fold: int | None = None


def rows(folder: Path, columns: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Yield the rows of the collection's own manifest.csv, which has at least these columns.

    Raises InvalidManifest if it is not there, is no CSV in UTF-8, or is another collection's.
    """
    file = folder / "manifest.csv"
    if not file.is_file():
        raise InvalidManifest("there is no manifest.csv in this folder. Give the folder that holds it.", file)
    header, found = read_rows(file)
    missing = [column for column in columns if column not in header]
    if missing:
        raise InvalidManifest(
            f"columns missing: {', '.join(missing)}. It is of another collection, or of none: then "
            "`radiolens data import` is told by --as what the folder is.",
            file,
        )
    yield from found


def chosen(folder: Path, number: int, column: str, value: str, known: Mapping[str, _Value]) -> _Value:
    """Return what a value of the collection stands for; raise InvalidManifest if it is not one of the known."""
    if value not in known:
        expected = ", ".join(key or "nothing" for key in known)
        raise InvalidManifest(f"found {value!r}, expected {expected}.", folder / "manifest.csv", number, column)
    return known[value]


def with_committed_splits(folder: Path, name: str, cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return the cases with the parts that `<name>_splits.csv` lists; raise InvalidManifest for one not in it."""
    listed = committed_splits(name)
    for number, case in enumerate(cases, 1):
        if case.path not in listed:
            raise InvalidManifest(
                f"{case.path!r} is not in the committed list of splits. Import the collection as a table instead "
                "(`radiolens data import` with --as csv) and cut it.",
                folder / "manifest.csv",
                number,
                "path",
            )
    return tuple(replace(case, split=listed[case.path].split, fold=listed[case.path].fold) for case in cases)


def committed_splits(name: str) -> Mapping[str, Part]:
    """Return the part of each path of a collection, as committed with the package in `<name>_splits.csv`."""
    text = resources.files(__package__).joinpath(f"{name}_splits.csv").read_text(encoding="utf-8")
    listed = csv.DictReader(text.splitlines())
    return {row["path"]: Part(row["split"], int(row["fold"]) if row["fold"] else None) for row in listed}


def parts(cases: Sequence[Case], splits: Mapping[str, str], folded: Collection[str]) -> Mapping[str, Part]:
    """Return the part of each path: its split, and of the sources in `folded` a fold.

    Their test split is the last fold; the rest is cut into the folds before it, by patient and with seed 0.
    """
    rest = [case for case in cases if case.source in folded and splits[case.path] != "test"]
    numbers = folds_by_group(rest, LAST_FOLD - 1, seed=0).tolist()
    folds = {case.path: number for case, number in zip(rest, numbers, strict=True)}
    folds |= {case.path: LAST_FOLD for case in cases if case.source in folded and splits[case.path] == "test"}
    return {path: Part(split, folds.get(path)) for path, split in splits.items()}
