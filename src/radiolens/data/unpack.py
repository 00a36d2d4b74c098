"""Unpacks the archive of a data set (zip, tar, tar.gz) into a folder of its own, within bounds and nowhere else.

The size of what an archive holds is bounded by what real image archives reach and by the room on the disk, and counted
while it is written, whatever the archive declares. The folder appears under its name only when it is whole.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from radiolens.data.rows import path_problem
from radiolens.errors import DatasetError
from radiolens.imaging.archive import DAMAGE

__all__ = ["BOUNDS", "Bounds", "is_archive", "stamp_of", "unpack"]

_ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")
_BLOCK_BYTES = 1 << 20
_LARGEST_HEADER_BYTES = 1 << 24
_STAMP = ".radiolens-unpacked"
_ENCRYPTED = 0x1  # general purpose bit 0 of a zip entry
_DAMAGE = (*DAMAGE, tarfile.TarError, lzma.LZMAError)
"""What zipfile and tarfile raise on damaged archives, and for methods that they lack."""


@dataclass(frozen=True)
class Bounds:
    """What an archive may become."""

    members: int = 1_000_000
    """The largest public sets have 400,000 files."""
    ratio: int = 200
    """Bytes unpacked for each byte packed: all black CT slices shrink to a hundredth; deflate ends at 1,032."""
    reserve_bytes: int = 1 << 28
    """Left free on the disk."""


class _CarefulGzip(gzip.GzipFile):
    """Refuses to read at once what only a hostile tar asks for: `tarfile` reads a header of any declared size whole."""

    def read(self, size: int | None = -1) -> bytes:
        """Read at most `size` bytes; raise ReadError if that is beyond what a file's name and dates need."""
        if size is not None and size > _LARGEST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


BOUNDS = Bounds()
"""What an archive of a public set may become."""


def is_archive(name: str) -> bool:
    """Say whether a file's name is that of an archive that can be unpacked."""
    return name.lower().endswith(_ENDINGS)


def unpack(
    archive: Path,
    folder: Path,
    bounds: Bounds = BOUNDS,
    *,
    stamp: str = "",
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Unpack `archive` to `folder`, which must not exist, and return the number of files; `progress` gets bytes.

    `stamp` is what `stamp_of` the folder will then be.

    Raises DatasetError if the archive is damaged or encrypted, leads out of the folder, holds links or devices, or is
    over a bound; then nothing is left of it.
    """
    if folder.exists():
        raise DatasetError(f"{folder} is there already. Remove it, then the archive is unpacked again.")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of an interruption
    unfinished.mkdir(parents=True)
    try:
        count = _unpack(archive, unfinished, bounds, progress)
        (unfinished / _STAMP).write_text(stamp, encoding="utf-8")
        os.rename(unfinished, folder)
    except _DAMAGE as error:
        raise DatasetError(f"{archive}: it is damaged or no archive ({error}). Download it again.") from error
    except OSError as error:
        raise DatasetError(f"{archive}: it cannot be unpacked ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return count


def stamp_of(folder: Path) -> str | None:
    """Return the stamp of an unpacked folder, None if it is not there or came otherwise."""
    try:
        return (folder / _STAMP).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _unpack(archive: Path, folder: Path, bounds: Bounds, progress: Callable[[int], None]) -> int:
    room = shutil.disk_usage(folder).free - bounds.reserve_bytes
    most = bounds.ratio * archive.stat().st_size
    done, count = 0, 0
    for name, source in _members(archive):
        count += 1
        if count > bounds.members:
            raise DatasetError(f"{archive}: it holds more than {bounds.members} files, the most that is unpacked.")
        target = folder / _confined(archive, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:  # x: no member writes over another
            while block := source.read(_BLOCK_BYTES):
                done += len(block)
                _check_size(archive, done, most, room)
                stream.write(block)
                progress(done)
    return count


def _check_size(archive: Path, done: int, most: int, room: int) -> None:
    if done > most:
        raise DatasetError(f"{archive}: it becomes larger than {most / 1e6:.0f} MB, more than images ever shrink.")
    if done > room:
        raise DatasetError(f"{archive}: it becomes larger than the room on the disk. Make room and run it again.")


def _confined(archive: Path, name: str) -> PurePosixPath:
    """Return the path of a member below the folder; raise DatasetError if it could lead elsewhere."""
    if path_problem(name):
        raise DatasetError(f"{archive}: it holds the name {name!r}, which leads out of its folder. Do not trust it.")
    return PurePosixPath(name)


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of the files of an archive; a content can be read until the next is asked for."""
    name = archive.name.lower()
    if name.endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            yield from _zip_members(archive, packed)
    elif name.endswith(".tar"):
        with tarfile.open(archive, "r:") as packed_tar:
            yield from _tar_members(archive, packed_tar)
    else:
        with _CarefulGzip(archive) as inflated, tarfile.open(fileobj=inflated, mode="r:") as packed_tar:
            yield from _tar_members(archive, packed_tar)


def _zip_members(archive: Path, packed: zipfile.ZipFile) -> Iterator[tuple[str, IO[bytes]]]:
    for entry in packed.infolist():
        if entry.filename.endswith("/"):  # ZipInfo.is_dir fails on an empty name
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise DatasetError(f"{archive}: {entry.filename!r} is encrypted. Unpack it by hand.")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise DatasetError(f"{archive}: {entry.filename!r} is a link or device, which no image is.")
        with packed.open(entry) as stream:
            yield entry.filename, stream


def _tar_members(archive: Path, packed: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for entry in packed:
        if entry.isdir():
            continue
        stream = packed.extractfile(entry) if entry.isfile() else None
        if stream is None:
            raise DatasetError(f"{archive}: {entry.name!r} is a link or device, which no image is.")
        yield entry.name, stream
