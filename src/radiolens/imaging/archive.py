"""Reads a zip archive within bounds; its names are labels and never paths.

It is inflated here, in the caller's process, and not in the sandbox. There the archive, its members and their copy
for the answer would stand in one address space, and an ordinary CT series would not fit. What makes it safe here:
`zipfile` is Python and `zlib` the only C code that sees the bytes (bzip2, LZMA and others are refused); the number of
members is bounded before the directory is parsed; the bytes are counted while they are inflated, whatever the
directory declares; and zlib's work is linear in them. The members are images only once a child has decoded them.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from radiolens.errors import UnreadableImage
from radiolens.imaging.limits import Limits
from radiolens.quality import ProblemCode

__all__ = ["Member", "is_archive", "label", "read_archive"]

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DIRECTORY_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1  # general purpose bit 0
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LARGEST_RATIO = 200  # an all black CT slice shrinks to a hundredth; deflate ends at 1032
_RATIO_COUNTS_FROM = 1_000_000  # bytes inflated; below, a bomb is none
_LONGEST_PART = 80  # of a label: a UID has 64 characters
_MOST_PARTS = 4  # patient, study, series, file
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError)
"""What zipfile raises on damaged archives."""


@dataclass(frozen=True)
class Member:
    """One file of an archive or a folder; `name` is a label with "/" between its parts, safe to show and to join."""

    name: str
    data: bytes


def is_archive(data: bytes) -> bool:
    """Say whether `data` begins as a zip archive does."""
    return data.startswith(_MAGIC)


def read_archive(data: bytes, limits: Limits = Limits()) -> list[Member]:
    """Return the files of a zip archive in its order.

    An archive within it is returned as it is and never opened. Raises UnreadableImage if the archive is damaged,
    encrypted, empty, has too many members, or becomes too large.
    """
    _check_before_parsing(data, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = list(_members(archive, limits))
    except _DAMAGE as error:
        raise UnreadableImage("The zip archive is damaged or incomplete. Pack it again.") from error
    if not members:
        raise UnreadableImage("The zip archive holds no file. Pack the images again.")
    return members


def label(name: str) -> str:
    """Return a name that cannot leave the folder it is joined to: no root, drive, parent folder or control character.

    Empty parts are dropped and a name without any other becomes "unnamed".
    """
    printable = "".join(character if character.isprintable() else "_" for character in name)
    parts = [part[-_LONGEST_PART:] for part in re.split(r"[/\\:]", printable)]
    return "/".join([part for part in parts if part.strip(". ")][-_MOST_PARTS:]) or "unnamed"


def _check_before_parsing(data: bytes, limits: Limits) -> None:
    if len(data) > limits.file_bytes:
        raise _too_large(f"has {len(data) / 1e6:.0f} MB", f"{limits.file_bytes / 1e6:.0f} MB")
    # zipfile takes memory for each entry of the directory, and believes no declared number; nor does this.
    entries = data.count(_DIRECTORY_ENTRY)
    if entries > limits.archive_members:
        raise _too_large(f"has {entries} members", f"{limits.archive_members}")


def _members(archive: zipfile.ZipFile, limits: Limits) -> Iterator[Member]:
    left = limits.inflated_bytes
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        name = label(entry.filename)
        _check_readable(entry, name)
        content = _inflate(archive, entry, left, limits)
        left -= len(content)
        yield Member(name, content)


def _check_readable(entry: zipfile.ZipInfo, name: str) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise UnreadableImage(f"{name} in the zip archive is encrypted. Pack it again without a password.")
    if entry.compress_type not in _METHODS:
        raise UnreadableImage(
            f"{name} in the zip archive is compressed by method {entry.compress_type}; only deflate is read. "
            "Pack it again as an ordinary zip."
        )


def _inflate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, limits: Limits) -> bytes:
    plausible = max(_RATIO_COUNTS_FROM, _LARGEST_RATIO * entry.compress_size)
    with archive.open(entry) as stream:
        content = stream.read(min(left, plausible) + 1)
    if len(content) > left:
        raise _too_large("becomes larger than allowed", f"{limits.inflated_bytes / 1e6:.0f} MB in all")
    if len(content) > plausible:
        raise UnreadableImage(
            f"The zip archive is compressed more than {_LARGEST_RATIO} times, which no image is. Pack it again.",
            ProblemCode.TOO_LARGE,
        )
    return content


def _too_large(found: str, expected: str) -> UnreadableImage:
    return UnreadableImage(
        f"The zip archive {found}; at most {expected} are read. Send it in parts.", ProblemCode.TOO_LARGE
    )
