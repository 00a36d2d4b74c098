"""Puts the files of one DICOM series together: they get one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radiolens.errors import UnreadableImage
from radiolens.imaging.archive import Member
from radiolens.imaging.formats import Format, recognise
from radiolens.imaging.limits import Limits
from radiolens.imaging.sandbox import readers_sandbox

__all__ = ["Group", "group", "looks_like_dicom", "series_uid"]

_DICOM_MAGIC, _DICOM_MAGIC_AT = b"DICM", 128  # PS3.10 7.1


@dataclass(frozen=True)
class Group:
    """One input: the files of a series, or one file of any other kind, under the name of the first."""

    name: str
    files: tuple[bytes, ...]


def group(members: Sequence[Member], limits: Limits = Limits()) -> tuple[Group, ...]:
    """Return one group for each DICOM series and each other file, in the order of their first files.

    A file whose header cannot be read stays by itself, so that its own answer says why.
    """
    found: dict[str, list[Member]] = {}
    for number, member in enumerate(members):
        key = series_uid(member.data, limits) if len(members) > 1 else None
        found.setdefault(key or f"file {number}", []).append(member)
    return tuple(Group(entries[0].name, tuple(entry.data for entry in entries)) for entries in found.values())


def looks_like_dicom(head: bytes) -> bool:
    """Say whether a file that begins with `head` (132 bytes or more) is DICOM, with any preamble or without."""
    if head[_DICOM_MAGIC_AT : _DICOM_MAGIC_AT + 4] == _DICOM_MAGIC:
        return True
    try:
        return recognise(head) is Format.DICOM
    except UnreadableImage:
        return False


def series_uid(data: bytes, limits: Limits = Limits()) -> str | None:
    """Return the SeriesInstanceUID of a DICOM file, read in the sandbox; None for anything else."""
    if not looks_like_dicom(data):
        return None
    try:
        facts = readers_sandbox().run("radiolens.imaging.confined:read_series_uid", [data], {}, limits).facts
    except UnreadableImage:
        return None
    uid = facts.get("series_instance_uid")
    return uid if isinstance(uid, str) else None
