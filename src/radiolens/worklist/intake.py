"""Sorts what was sent: archives are unpacked, files of a series become one input, inputs of a patient one case."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from radiolens.errors import UnreadableImage
from radiolens.imaging.archive import Member, is_archive, read_archive
from radiolens.imaging.companions import without_companions
from radiolens.imaging.identity import NOBODY, Identity, identities
from radiolens.imaging.limits import Limits
from radiolens.quality import ProblemCode

__all__ = ["CaseFiles", "InputFiles", "LeftOut", "Sorted", "sort_upload"]

_SALT_BYTES = 32


@dataclass(frozen=True)
class InputFiles:
    """What gets one answer: a file, or the files of one series. `name` is that of the first, for the sender alone."""

    name: str
    files: tuple[bytes, ...]

    @property
    def size_bytes(self) -> int:
        """Return the size of all its files."""
        return sum(map(len, self.files))


@dataclass(frozen=True)
class CaseFiles:
    """What is read together. `patient_group` is a keyed hash whose key is forgotten, None where no file tells one."""

    inputs: tuple[InputFiles, ...]
    patient_group: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file that is not taken, and why."""

    name: str
    code: ProblemCode
    message: str


@dataclass(frozen=True)
class Sorted:
    """An upload, sorted."""

    cases: tuple[CaseFiles, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def inputs(self) -> tuple[InputFiles, ...]:
        """Return the inputs of all cases."""
        return tuple(entry for case in self.cases for entry in case.inputs)


def sort_upload(members: list[Member], *, together: bool = False, limits: Limits = Limits()) -> Sorted:
    """Return the cases in some files and zip archives, in the order of their first files; `members` is emptied.

    `together` says that all are of one patient. All archives together may become as large as `limits` allow one.
    Files that only come along with images are passed over, if others are there.
    """
    left_out: list[LeftOut] = []
    members[:] = without_companions(members)
    found = list(_unpacked(members, limits, left_out))
    left_out += [_empty(member.name) for member in found if not member.data]
    found = [member for member in found if member.data]
    salt = secrets.token_bytes(_SALT_BYTES)  # drawn here and kept nowhere
    told = identities([member.data for member in found], salt, limits) if len(found) > 1 else (NOBODY,) * len(found)
    inputs = [
        (InputFiles(found[numbers[0]].name, tuple(found[number].data for number in numbers)), told[numbers[0]])
        for numbers in _alike(told, lambda identity: identity.series)
    ]
    return Sorted(tuple(_cases(inputs, together=together)), tuple(left_out))


def _unpacked(members: list[Member], limits: Limits, left_out: list[LeftOut]) -> Iterator[Member]:
    left_bytes, left_files = limits.inflated_bytes, limits.archive_members
    members.reverse()
    while members:
        member = members.pop()
        if not is_archive(member.data):
            yield member
            continue
        bounds = replace(limits, inflated_bytes=left_bytes, archive_members=left_files)
        try:
            entries = read_archive(member.data, bounds)
        except UnreadableImage as error:
            left_out.append(LeftOut(member.name, error.code, str(error)))
            continue
        left_files -= len(entries)
        left_bytes -= sum(len(entry.data) for entry in entries)
        yield from (Member(f"{member.name}/{entry.name}", entry.data) for entry in without_companions(entries))


def _empty(name: str) -> LeftOut:
    return LeftOut(name, ProblemCode.UNREADABLE, "The file is empty. Export it again from its source.")


def _alike(told: Sequence[Identity], key: Callable[[Identity], str | None]) -> list[list[int]]:
    """Return the numbers of those with the same key, in the order of their firsts; who has none stays alone."""
    groups: dict[str, list[int]] = {}
    for number, identity in enumerate(told):
        groups.setdefault(key(identity) or f"number {number}", []).append(number)
    return list(groups.values())


def _cases(inputs: Sequence[tuple[InputFiles, Identity]], *, together: bool) -> Iterator[CaseFiles]:
    if together and inputs:
        patients = {identity.patient for _, identity in inputs}
        yield CaseFiles(tuple(entry for entry, _ in inputs), patients.pop() if len(patients) == 1 else None)
        return
    for numbers in _alike([identity for _, identity in inputs], lambda identity: identity.patient):
        yield CaseFiles(tuple(inputs[number][0] for number in numbers), inputs[numbers[0]][1].patient)
