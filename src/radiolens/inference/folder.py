"""Files on disk: what a folder holds, which of it is one DICOM series, and reading within bounds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from radiolens.errors import UnreadableImage
from radiolens.imaging.companions import head_of, is_companion
from radiolens.imaging.limits import Limits
from radiolens.imaging.series import looks_like_dicom, series_uid
from radiolens.quality import ProblemCode

__all__ = ["files_below", "read_file", "series_of"]


def files_below(folder: Path) -> list[Path]:
    """Return the files in a folder and its subfolders, sorted by path.

    Those that only come along with images are left out (`is_companion`), if others are there.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [file for file in files if not is_companion(str(file.relative_to(folder)), partial(head_of, file))] or files


def series_of(files: Sequence[Path], limits: Limits = Limits()) -> Iterator[tuple[Path, ...]]:
    """Yield each DICOM series of a folder, and each other file by itself, in the order of their first files.

    Files of one series in two folders are two inputs. Headers are read folder by folder, in the sandbox and one at a
    time; a file whose header cannot be read stays by itself, so that its answer says why.
    """
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    series: dict[Path, tuple[Path, ...]] = {}
    for file in files:
        if file not in series:
            series |= _series_by_file(folders[file.parent], limits)
        if series[file][0] == file:
            yield series[file]


def read_file(file: Path, largest_bytes: int) -> bytes:
    """Return the content of a file; raise UnreadableImage if it is none, too large, or may not be read."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage("This is no file and no folder (a device or pipe). Give the path of an image.")
        if status.st_size > largest_bytes:
            raise UnreadableImage(
                f"The input has more than {largest_bytes / 1e6:.0f} MB, which is the most that is read. Send a part.",
                ProblemCode.TOO_LARGE,
            )
        return file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte in a path of a list
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise UnreadableImage(f"The file cannot be opened ({reason}). Check the path.") from error


def _series_by_file(files: Sequence[Path], limits: Limits) -> dict[Path, tuple[Path, ...]]:
    """Return for each file of one folder the series that it is of."""
    dicom = {file for file in files if _is_dicom(file)}
    found: dict[str, list[Path]] = {}
    for file in files:
        uid = _uid(file, limits) if file in dicom and len(dicom) > 1 else None
        found.setdefault(uid or str(file), []).append(file)
    return {file: tuple(series) for series in found.values() for file in series}


def _uid(file: Path, limits: Limits) -> str | None:
    try:
        return series_uid(read_file(file, limits.file_bytes), limits)
    except UnreadableImage:
        return None


def _is_dicom(file: Path) -> bool:
    return looks_like_dicom(head_of(file))
