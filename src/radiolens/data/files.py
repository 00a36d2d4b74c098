"""The files of a data set on disk, as paths that a manifest can hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from radiolens.errors import DatasetError

__all__ = ["files_below"]

_INDEX = "DICOMDIR"  # PS3.10 8.6: the index that every DICOM CD has; it holds no image
_PACKERS = "__MACOSX"  # where macOS puts what it knows of the files in a zip


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    """Yield the files in a folder and its subfolders, relative to it and sorted by name.

    Hidden files, DICOMDIR and __MACOSX are left out. Links to folders are followed, each folder once. Raises
    DatasetError for a folder that cannot be read.
    """
    yield from _walk(folder, PurePosixPath(), set())


def _walk(folder: Path, place: PurePosixPath, seen: set[str]) -> Iterator[PurePosixPath]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    for name, is_folder in _entries(folder):
        if is_folder:
            yield from _walk(folder / name, place / name, seen)
        else:
            yield place / name


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """Return the names in a folder that count, sorted, and whether each is a folder or a link to one."""
    try:
        with os.scandir(folder) as listing:
            return sorted(
                (entry.name, entry.is_dir())
                for entry in listing
                if not entry.name.startswith(".") and entry.name not in (_INDEX, _PACKERS)
            )
    except OSError as error:
        raise DatasetError(
            f"{error.filename or folder}: found a folder or link that cannot be read ({error.strerror}), expected that "
            "every folder of images can be; permit it, or move it elsewhere."
        ) from error
