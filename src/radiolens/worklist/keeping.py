"""Keeps de-identified copies of images where the site has opted in: made as their working copies go, for a stated time.

A copy holds what the network was given: the decoded pixels of a film, or of the middle slices of a volume, which do not
make up a face, and of the header what `imaging.deidentify` lets through. It is sealed as working copies are. No copy is
made where text is burnt in, as the file says or the pixels look, where the file says that the patient could be
recognised, nor of a photograph. Whether one is made never depends on what the answering network said, so that
second-reader mode has nothing to hide here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from radiolens.errors import RadiolensError, StoreError, StoreFull
from radiolens.image import Image
from radiolens.imaging.deidentify import deidentified
from radiolens.imaging.untrusted import read_untrusted
from radiolens.quality import ProblemCode
from radiolens.safety.appearance import check_colour
from radiolens.safety.burnt_in import looks_burnt_in
from radiolens.store import audit, site_settings
from radiolens.store.clock import moment
from radiolens.store.database import Database
from radiolens.store.schema import CaseRow, ImageRow, ImageState, KeptImageRow
from radiolens.worklist.disclosure import Failure
from radiolens.worklist.facts import ImageFacts, NotKept, facts_from_record, facts_of, said_against_keeping
from radiolens.worklist.kept_file import header_of, kept_to_bytes
from radiolens.worklist.results import answer_of
from radiolens.worklist.working_store import WorkingStore

__all__ = [
    "EVERY_KEPT",
    "Copy",
    "Keeping",
    "KeptFilter",
    "KeptImage",
    "enter_copies",
    "erase_kept",
    "kept_bytes",
    "kept_count",
    "kept_images",
]

_SHARE = 0.5
"""Of the quota, for kept images: the rest stays free for open cases, however long the site keeps images."""

_JUDGED_ALL_THE_SAME = (Failure.NETWORK_FAILED, Failure.SCORING_FAILED)
"""Ends of images that would have been answered by another network."""


@dataclass(frozen=True)
class Copy:
    """What is to be entered for one image: the copy made of a working copy, or why there is none.

    `facts` are those of the image, with `not_kept` if no copy is kept. `store_name` is empty then.
    """

    image_id: UUID
    working_name: str
    facts: ImageFacts | None
    store_name: str = ""
    size_bytes: int = 0
    header: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class KeptImage:
    """An image that is kept, as commands list it. `header` is what of its header is allowed to stay."""

    kept_id: UUID
    image_id: UUID
    case_id: UUID
    position: int
    store_name: str
    size_bytes: int
    created: datetime
    erase_after: datetime
    header: Mapping[str, Any]


@dataclass(frozen=True)
class KeptFilter:
    """Which kept images: of a case, kept before a moment, those whose time is over at a moment; None asks nothing."""

    case_id: UUID | None = None
    kept_before: datetime | None = None
    over_at: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield what the tables are asked for."""
        yield KeptImageRow.erased.is_(None)
        if self.case_id is not None:
            yield ImageRow.case_id == self.case_id
        if self.kept_before is not None:
            yield KeptImageRow.created < self.kept_before
        if self.over_at is not None:
            yield KeptImageRow.erase_after <= self.over_at


EVERY_KEPT = KeptFilter()
"""All of them."""


class Keeping:
    """Makes the copies of a site; one image at a time is decoded for it. Thread-safe.

    Kept images take at most half of `quota_bytes`; beyond it no more are kept.
    """

    def __init__(self, database: Database, store: WorkingStore, quota_bytes: int) -> None:
        self._database = database
        self._store = store
        self._most_bytes = int(quota_bytes * _SHARE)
        self._one = threading.Lock()

    @contextmanager
    def copies_of(self, case_id: UUID) -> Iterator[tuple[Copy, ...]]:
        """Give the copies of a case's images, sealed and on the disk, for the block to `enter_copies`.

        None if the site keeps no images. They are erased again if the block raises. What goes wrong with one image is
        why it is not kept, and no error: the case's own images are to be erased in any case.
        """
        with ExitStack() as undo:
            copies = self._made(case_id)
            for copy in copies:
                if copy.store_name:
                    undo.callback(self._forget, copy.store_name)
            yield tuple(map(self._renewed, copies))
            undo.pop_all()

    def _forget(self, name: str) -> None:
        with suppress(StoreError):  # what stays is named by no row, and swept away later
            self._store.erase(name)

    def _renewed(self, copy: Copy) -> Copy:
        """Return a copy that is as old as if it were made now: the first may be so old that it is swept away."""
        if copy.store_name:
            try:
                self._store.renew(copy.store_name)
            except RadiolensError:  # swept away already
                return _refused(replace(copy, store_name="", size_bytes=0, header=None), NotKept.NOT_STORED)
        return copy

    def _made(self, case_id: UUID) -> tuple[Copy, ...]:
        with self._database.reading() as session:
            if not site_settings.read(session).keep_images:
                return ()
            rows = session.scalars(
                select(ImageRow)
                .where(ImageRow.case_id == case_id, ImageRow.store_name.is_not(None))
                .order_by(ImageRow.position)
            )
            wanted = [
                Copy(row.id, str(row.store_name), facts_from_record(row.facts) if row.facts else None)
                for row in rows
                if _is_judged(row)
            ]
            taken = kept_bytes(session)
        made: list[Copy] = []
        for copy in wanted:
            with self._one:
                made.append(self._copy(copy, self._most_bytes - taken))
            taken += made[-1].size_bytes
        return tuple(made)

    def _copy(self, copy: Copy, room_bytes: int) -> Copy:
        """Return the copy with what is kept, or with why nothing is."""
        try:
            image = read_untrusted(self._store.get(copy.working_name))
        except RadiolensError:  # damaged, its key lost, or no sandbox; the case is closed all the same
            return _refused(copy, NotKept.UNREADABLE)
        copy = replace(copy, facts=copy.facts or facts_of(image))
        why_not = _why_not(image)
        if why_not:
            return _refused(copy, why_not)
        image = deidentified(image)
        content = kept_to_bytes(image)
        if len(content) > room_bytes:
            return _refused(copy, NotKept.NO_ROOM)
        try:
            name = self._store.put([content])
        except StoreFull:
            return _refused(copy, NotKept.NO_ROOM)
        except StoreError:
            return _refused(copy, NotKept.NOT_STORED)
        return replace(copy, store_name=name, size_bytes=len(content), header=header_of(image))


def enter_copies(session: Session, actor: UUID | str, case_id: UUID, copies: Sequence[Copy]) -> None:
    """Enter the copies of a case, in the transaction that lets go of their working copies, and before it does.

    A copy whose working copy somebody else erased meanwhile is not entered; nothing names it, so it is swept away.
    """
    if not copies:
        return
    session.scalars(select(CaseRow.id).where(CaseRow.id == case_id).with_for_update()).one_or_none()
    now = moment(session)
    until = now + timedelta(days=site_settings.read(session).keep_days)
    for copy in copies:
        row = session.get(ImageRow, copy.image_id, populate_existing=True)
        if row is None or row.store_name != copy.working_name:
            continue
        row.facts = copy.facts.record() if copy.facts else None
        if copy.store_name:
            kept = KeptImageRow(
                id=uuid4(),
                image_id=row.id,
                store_name=copy.store_name,
                size_bytes=copy.size_bytes,
                header=dict(copy.header or {}),
                created=now,
                erase_after=until,
            )
            session.add(kept)
            told = {"case": str(case_id), "until": until.isoformat(timespec="seconds")}
            audit.append(session, actor, "kept_image.keep", f"kept_image:{kept.id}", told)
        else:
            why = copy.facts.not_kept if copy.facts else NotKept.UNREADABLE.value
            audit.append(session, actor, "kept_image.refuse", f"case:{case_id}", {"image": row.position, "reason": why})


def kept_images(session: Session, which: KeptFilter = EVERY_KEPT) -> tuple[KeptImage, ...]:
    """Return the images that are kept, those first that are erased first."""
    query = select(KeptImageRow, ImageRow).join(ImageRow, ImageRow.id == KeptImageRow.image_id)
    query = query.where(*which.conditions())
    rows = session.execute(query.order_by(KeptImageRow.erase_after, ImageRow.case_id, ImageRow.position))
    return tuple(
        KeptImage(
            kept.id,
            image.id,
            image.case_id,
            image.position,
            kept.store_name,
            kept.size_bytes,
            kept.created,
            kept.erase_after,
            kept.header,
        )
        for kept, image in rows
    )


def erase_kept(session: Session, actor: UUID | str, which: KeptFilter) -> tuple[str, ...]:
    """Let go of kept images, tell each in the audit log, and return what to erase once the transaction has ended."""
    found = kept_images(session, which)
    now = moment(session)
    for entry in found:
        row = session.get_one(KeptImageRow, entry.kept_id)
        row.erased, row.header = now, {}
        audit.append(session, actor, "kept_image.erase", f"kept_image:{entry.kept_id}", {"case": str(entry.case_id)})
    return tuple(entry.store_name for entry in found)


def kept_count(session: Session) -> int:
    """Return how many images are kept."""
    return int(session.scalar(select(func.count()).where(KeptImageRow.erased.is_(None))) or 0)


def kept_bytes(session: Session) -> int:
    """Return the size of all kept images."""
    return int(session.scalar(select(func.sum(KeptImageRow.size_bytes)).where(KeptImageRow.erased.is_(None))) or 0)


def _is_judged(row: ImageRow) -> bool:
    """Say whether the gate has looked at an image and took it for a medical one, whatever the network then said."""
    answer = answer_of(row)
    codes = {problem.code for problem in answer.quality.problems} if answer else set()
    if row.state in (ImageState.ANSWERED, ImageState.REFUSED):
        return ProblemCode.NOT_MEDICAL_IMAGE not in codes
    return row.problem is not None and row.problem["code"] in _JUDGED_ALL_THE_SAME


def _why_not(image: Image) -> NotKept | None:
    if next(check_colour(image.source.colour_fraction), None):
        return NotKept.NOT_MEDICAL_IMAGE
    said = said_against_keeping(image.source)
    if said is not NotKept.BURNT_IN_TEXT and looks_burnt_in(image.pixels):
        return NotKept.BURNT_IN_TEXT
    return said


def _refused(copy: Copy, why: NotKept) -> Copy:
    facts = replace(copy.facts, not_kept=why.value) if copy.facts else None
    return replace(copy, facts=facts)
