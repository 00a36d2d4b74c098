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

__all__ = ["DAMAGE", "Member", "is_archive", "label", "read_archive"]

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DICOM_MAGIC, _DICOM_MAGIC_AT = b"DICM", 128  # PS3.10 7.1; the content of an archive's first file begins after it
_DIRECTORY_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER = 30  # bytes that stand before each file, beside its name
_ENCRYPTED = 0x1  # general purpose bit 0
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LARGEST_RATIO = 200  # an all black CT slice shrinks to a hundredth; deflate ends at 1032
_RATIO_COUNTS_FROM = 1_000_000  # bytes inflated; below, a bomb is none
_LONGEST_PART = 80  # of a label: a UID has 64 characters
_MOST_PARTS = 4  # patient, study, series, file
_STEP = 1 << 20  # bytes inflated at a time: zlib joins its pieces, so a member as one piece would stand there twice

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, ValueError, NotImplementedError)
"""What zipfile raises on damaged archives, and for methods that it lacks, beside OSError."""


@dataclass(frozen=True)
class Member:
    """One file of an archive or a folder; `name` is a label with "/" between its parts, safe to show and to join."""

    name: str
    data: bytes


def is_archive(data: bytes) -> bool:
    """Say whether `data` is a zip archive, told by its beginning; one that is a DICOM file as well is none."""
    is_dicom = data[_DICOM_MAGIC_AT : _DICOM_MAGIC_AT + len(_DICOM_MAGIC)] == _DICOM_MAGIC
    return data.startswith(_MAGIC) and not is_dicom


def read_archive(data: bytes, limits: Limits = Limits()) -> list[Member]:
    """Return the files of a zip archive in its order.

    An archive within it is returned as it is and never opened. Raises UnreadableImage if it is damaged, encrypted,
    empty, has too many members, or if it and its files together are larger than `limits.inflated_bytes`.
    """
    _check_before_parsing(data, limits)
    try:
        with zipfile.ZipFile(_Archive(data)) as archive:
            members = list(_members(archive, len(data), limits))
    except UnreadableImage as error:
        problem = error.with_traceback(None)
    except (*DAMAGE, OSError) as error:
        problem = UnreadableImage("The zip archive is damaged or incomplete. Pack it again.")
        problem.__cause__ = error.with_traceback(None)
    else:
        if members:
            return members
        problem = UnreadableImage("The zip archive holds no file. Pack the images again.")
    # Without the trace of where it happened, whose frames would hold all that was inflated as long as the error lives.
    raise problem


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


def _check_apart(archive: zipfile.ZipFile) -> None:
    """Raise BadZipFile if files share bytes, as in a bomb (Fifield 2019); zipfile does so from Python 3.11.8 on."""
    end = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise zipfile.BadZipFile("files that overlap")
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size


def _members(archive: zipfile.ZipFile, archive_bytes: int, limits: Limits) -> Iterator[Member]:
    _check_apart(archive)
    left = limits.inflated_bytes - archive_bytes  # the archive stands in memory beside its members
    for entry in archive.infolist():
        if entry.filename.endswith("/"):  # ZipInfo.is_dir fails on an empty name
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
    content = io.BytesIO()  # grows in place and gives its bytes away without a copy
    with archive.open(entry) as stream:
        while piece := stream.read(_STEP):
            content.write(piece)
            if content.tell() > left:
                allowed = f"{limits.inflated_bytes / 1e6:.0f} MB with all that it holds"
                raise _too_large("becomes larger than allowed", allowed)
            if content.tell() > plausible:
                raise _too_large("is compressed more than any image", f"{_LARGEST_RATIO} times")
    return content.getvalue()


class _Archive(io.BytesIO):
    """The bytes of an archive, of which `zipfile` reads a step at a time, and its directory as a whole.

    So the directory is bounded, too: each of its names may have 64 kB, and takes four times as much as a text.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _STEP:
            raise zipfile.BadZipFile("a directory that is too long")
        return super().read(size)


def _too_large(found: str, expected: str) -> UnreadableImage:
    return UnreadableImage(
        f"The zip archive {found}; at most {expected} are read. Send it in parts.", ProblemCode.TOO_LARGE
    )
