"""The files of a data set on disk, as paths that a manifest can hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["files_below"]

_INDEX = "DICOMDIR"  # PS3.10 8.6: the index that every DICOM CD has; it holds no image
_PACKERS = "__MACOSX"  # where macOS puts what it knows of the files in a zip


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    """Yield the files in a folder and its subfolders, relative to it and sorted by name.

    Hidden files, DICOMDIR and __MACOSX are left out. Links to folders are followed, each folder once.
    """
    yield from _walk(folder, PurePosixPath(), set())


def _walk(folder: Path, place: PurePosixPath, seen: set[str]) -> Iterator[PurePosixPath]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith(".") or entry.name in (_INDEX, _PACKERS):
            continue
        if entry.is_dir():
            yield from _walk(folder / entry.name, place / entry.name, seen)
        else:
            yield place / entry.name
