"""Reads the manifest.csv of a collected folder and applies the committed lists of splits."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from radiolens.errors import InvalidManifest

__all__ = ["committed_splits", "rows"]


def rows(folder: Path) -> Iterator[Mapping[str, str]]:
    """Yield the rows of the collection's own manifest.csv; raise InvalidManifest if it is not there."""
    file = folder / "manifest.csv"
    if not file.is_file():
        raise InvalidManifest("there is no manifest.csv in this folder. Give the folder that holds it.", file)
    with file.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


def committed_splits(name: str) -> Mapping[str, str]:
    """Return the split of each path of a collection, as committed with the package in `<name>_splits.csv`."""
    text = resources.files(__package__).joinpath(f"{name}_splits.csv").read_text(encoding="utf-8")
    return {row["path"]: row["split"] for row in csv.DictReader(text.splitlines())}
