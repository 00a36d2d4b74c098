"""The files of a data set on disk, as paths that a manifest can hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from radiolens.imaging.companions import head_of, is_companion, is_companion_folder

__all__ = ["files_below"]


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    """Yield the files in a folder and its subfolders, relative to it and sorted by name.

    What only comes along with images is left out (`is_companion`). Links to folders are followed, each folder once.
    """
    for place in _walk(folder, PurePosixPath(), set()):
        if not is_companion(str(place), partial(head_of, folder / place)):
            yield place


def _walk(folder: Path, place: PurePosixPath, seen: set[str]) -> Iterator[PurePosixPath]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            if not is_companion_folder(entry.name):  # some of an operating system may not even be listed
                yield from _walk(folder / entry.name, place / entry.name, seen)
        else:
            yield place / entry.name
