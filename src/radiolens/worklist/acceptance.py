"""Accepts an upload: its images are on the disk, sealed, and in the queue when it returns."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from radiolens.errors import StoreError, StoreFull
from radiolens.imaging.archive import Member, is_archive
from radiolens.store import audit, site_settings
from radiolens.store.database import Database
from radiolens.store.schema import CaseRow, ImageKind, ImageRow, UploadRow
from radiolens.worklist.intake import CaseFiles, LeftOut, Sorted, sort_upload
from radiolens.worklist.keeping import kept_bytes
from radiolens.worklist.working_store import WorkingStore

__all__ = ["Acceptance", "Accepted", "AcceptedCase", "AcceptedImage", "bytes_kept"]

_TICK = timedelta(microseconds=1)  # between two images of an upload, so that they stay in their order


@dataclass(frozen=True)
class AcceptedImage:
    """One input of a case. `name` is that of its first file; it is told to the sender and kept nowhere."""

    image_id: UUID
    position: int
    name: str
    files: int
    size_bytes: int


@dataclass(frozen=True)
class AcceptedCase:
    """One case of an upload."""

    case_id: UUID
    images: tuple[AcceptedImage, ...]


@dataclass(frozen=True)
class Accepted:
    """What became of an upload."""

    cases: tuple[AcceptedCase, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _Asked:
    """What is asked of an upload, and which network was named for it."""

    task: str
    bundle: str | None


class Acceptance:
    """Takes uploads in. Thread-safe; no more than one unpacked archive is in memory.

    `quota_bytes` is what the images of all open cases, and those that the site keeps, may take.
    """

    def __init__(self, database: Database, store: WorkingStore, quota_bytes: int) -> None:
        self._database = database
        self._store = store
        self._quota_bytes = quota_bytes
        self._archive = threading.Lock()

    def accept(
        self, members: list[Member], task: str, user: UUID, *, together: bool = False, bundle: str | None = None
    ) -> Accepted:
        """Take in files and archives, asked for a task or `auto`; `members` is emptied.

        `bundle` names the network that shall answer, which is of that task; without, that of the task does.
        Raises StoreFull over the quota or on a full disk, another StoreError if the store or the database cannot be
        written. Then nothing was accepted, and nothing of it is left.
        """
        with self._archive if any(is_archive(member.data) for member in members) else ExitStack():
            found = sort_upload(members, together=together)
            size_bytes = sum(entry.size_bytes for entry in found.inputs)
            with self._database.reading() as session:  # before anything is sealed
                self._check_quota(bytes_kept(session), size_bytes)
            with ExitStack() as undo:
                names = [self._kept(case, undo) for case in found.cases]
                accepted = _numbered(found)
                if accepted.cases:
                    with self._database.session() as session:
                        _add(session, accepted, names, found, _Asked(task, bundle), user, self._database.now())
                        session.flush()
                        audit.head(session, lock=True)  # what others accepted meanwhile is seen, one after the other
                        self._check_quota(bytes_kept(session) - size_bytes, size_bytes)
                undo.pop_all()
        return accepted

    def _kept(self, case: CaseFiles, undo: ExitStack) -> list[str]:
        names = []
        for entry in case.inputs:
            names.append(self._store.put(entry.files))
            undo.callback(self._forget, names[-1])
        return names

    def _forget(self, name: str) -> None:
        with suppress(StoreError):  # what stays is swept away later
            self._store.erase(name)

    def _check_quota(self, taken: int, size_bytes: int) -> None:
        if taken + size_bytes > self._quota_bytes:
            raise StoreFull(
                f"The images of the site take {taken / 1e6:.0f} MB, and this upload {size_bytes / 1e6:.0f} MB more; "
                f"the site allows {self._quota_bytes / 1e6:.0f} MB. Close cases that are done, then send it again."
            )


def bytes_kept(session: Session) -> int:
    """Return the size of all images on the disk: working copies of open cases, and what the site keeps of others."""
    working = session.scalar(select(func.sum(ImageRow.size_bytes)).where(ImageRow.store_name.is_not(None)))
    return int(working or 0) + kept_bytes(session)


def _numbered(found: Sorted) -> Accepted:
    return Accepted(
        tuple(
            AcceptedCase(
                uuid4(),
                tuple(
                    AcceptedImage(uuid4(), position, entry.name, len(entry.files), entry.size_bytes)
                    for position, entry in enumerate(case.inputs)
                ),
            )
            for case in found.cases
        ),
        found.left_out,
    )


def _add(
    session: Session,
    accepted: Accepted,
    names: list[list[str]],
    found: Sorted,
    asked: _Asked,
    user: UUID,
    now: datetime,
) -> None:
    site = site_settings.read(session)
    images = [entry for case in accepted.cases for entry in case.images]
    upload = UploadRow(
        created=now,
        created_by=user,
        task=asked.task,
        files=sum(entry.files for entry in images),
        size_bytes=sum(entry.size_bytes for entry in images),
    )
    session.add(upload)
    session.flush()
    ticks = 0
    for case, files, kept in zip(accepted.cases, found.cases, names, strict=True):
        session.add(
            CaseRow(
                id=case.case_id,
                upload_id=upload.id,
                task=asked.task,
                bundle_name=asked.bundle,
                patient_group=files.patient_group,
                blinded=site.second_reader,
                created=now + ticks * _TICK,
                created_by=user,
                changed=now,
                erase_after=now + timedelta(hours=site.working_copy_hours),
            )
        )
        for entry, name in zip(case.images, kept, strict=True):
            session.add(_image(case, entry, name, now + ticks * _TICK))
            ticks += 1
    told = {"cases": len(accepted.cases), "images": len(images), "files": upload.files}
    audit.append(session, user, "case.upload", f"upload:{upload.id}", told)


def _image(case: AcceptedCase, entry: AcceptedImage, name: str, now: datetime) -> ImageRow:
    return ImageRow(
        id=entry.image_id,
        case_id=case.case_id,
        position=entry.position,
        kind=ImageKind.SERIES if entry.files > 1 else ImageKind.FILE,
        size_bytes=entry.size_bytes,
        files=entry.files,
        store_name=name,
        created=now,
        changed=now,
    )
