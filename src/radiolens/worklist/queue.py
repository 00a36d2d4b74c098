"""The durable queue: the images that wait, in the database, taken by one worker at a time and finished once.

Several workers in several processes may share it, on SQLite and on PostgreSQL. A worker takes an image under a lease.
What a dead worker had in hand is taken up by another. A result is stored in one transaction with the end of its
image, and only by the worker that still has it, so no image has two. Nothing of this waits for the disk: what a power
cut takes back is judged again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session, joinedload

from radiolens.prediction import Prediction
from radiolens.store.clock import moment
from radiolens.store.database import Database
from radiolens.store.models import profile_id
from radiolens.store.schema import CaseRow, ImageRow, ImageState, PredictionRow
from radiolens.worklist.disclosure import Failure
from radiolens.worklist.owners import Owners
from radiolens.worklist.results import Result, answer_of, kept_record, standing

__all__ = ["ATTEMPTS", "Claimed", "Outcome", "Queue", "restate"]

ATTEMPTS = 3
"""So often an image is begun; if the program dies each time, the image is to blame."""

_LEASE = timedelta(minutes=10)
"""The sandbox gives up on a file after a minute or two; a network takes seconds for a slice."""


@dataclass(frozen=True)
class Claimed:
    """An image in hand; `bundle` is the network that was named, None where that of the task answers.

    `attempt` tells this time from another in which the same worker had it.
    """

    image_id: UUID
    case_id: UUID
    task: str
    bundle: str | None
    store_name: str
    attempt: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """How an image ended: with an answer or a refusal, or with a `problem` ("code", "message").

    `shadow` is what the version in the shadow says. `map_name` is the working copy of the heat maps.
    """

    state: ImageState
    prediction: Prediction | None = None
    shadow: Prediction | None = None
    problem: Mapping[str, str] | None = None
    facts: Mapping[str, Any] | None = None
    map_name: str | None = None


class Queue:
    """The queue as one process sees it. Thread-safe."""

    def __init__(self, database: Database, owners: Owners) -> None:
        self._database = database
        self._owners = owners

    def claim(self, *, likely: bool = False) -> Claimed | None:
        """Take the image that waits longest, None if none does; raise StoreError if the database gives none.

        Whoever does not find it `likely` that one waits looks first, and keeps nobody from writing if none does.
        """
        if not likely and not self._waits():
            return None
        with self._database.session(durable=False) as session:
            oldest = select(ImageRow, CaseRow.task, CaseRow.bundle_name).join(CaseRow, CaseRow.id == ImageRow.case_id)
            oldest = oldest.where(self._free()).order_by(ImageRow.created, ImageRow.case_id, ImageRow.position).limit(1)
            found = session.execute(oldest.with_for_update(skip_locked=True, of=ImageRow)).first()
            if found is None:
                return None
            row, task, bundle = found
            now = self._database.now()
            row.changed = now
            if row.attempts >= ATTEMPTS:
                _end(session, _locked_case(session, row.case_id), row, Outcome(ImageState.FAILED, problem=_FATAL))
                return None
            row.state, row.attempts = ImageState.SCORING, row.attempts + 1
            row.lease_owner, row.lease_until = self._owners.name, now + _LEASE
            return Claimed(row.id, row.case_id, task, bundle, str(row.store_name), row.attempts)

    def finish(self, claimed: Claimed, outcome: Outcome) -> bool:
        """Store how an image ended; say whether this worker still had it, else nothing is changed."""
        with self._database.session(durable=False) as session:
            case = _locked_case(session, claimed.case_id)  # before its image, as everybody does who changes both
            row = self._held(session, claimed)
            if row is None:
                return False
            _end(session, case, row, outcome)
            return True

    def give_back(self, claimed: Claimed) -> None:
        """Put an image back that nothing could be done with for now; it does not count as an attempt."""
        with self._database.session(durable=False) as session:
            row = self._held(session, claimed)
            if row is not None:
                row.state, row.attempts = ImageState.QUEUED, row.attempts - 1
                row.lease_owner, row.lease_until, row.changed = None, None, self._database.now()

    def take_back(self) -> int:
        """Put back what dead processes of this computer had in hand; return how many images that were."""
        with self._database.reading() as session:
            held = select(ImageRow.lease_owner).where(ImageRow.state == ImageState.SCORING).distinct()
            dead = [owner for owner in session.scalars(held) if owner and self._owners.is_dead(owner)]
        if not dead:
            return 0
        theirs = and_(ImageRow.state == ImageState.SCORING, ImageRow.lease_owner.in_(dead))
        free = {"state": ImageState.QUEUED, "lease_owner": None, "lease_until": None, "changed": self._database.now()}
        with self._database.session(durable=False) as session:
            return len(session.scalars(update(ImageRow).where(theirs).values(**free).returning(ImageRow.id)).all())

    def _waits(self) -> bool:
        with self._database.reading() as session:
            return session.scalar(select(ImageRow.id).where(self._free()).limit(1)) is not None

    def _free(self) -> ColumnElement[bool]:
        expired = and_(ImageRow.state == ImageState.SCORING, ImageRow.lease_until < self._database.now())
        return and_(ImageRow.store_name.is_not(None), or_(ImageRow.state == ImageState.QUEUED, expired))

    def _held(self, session: Session, claimed: Claimed) -> ImageRow | None:
        mine = select(ImageRow).where(
            ImageRow.id == claimed.image_id,
            ImageRow.state == ImageState.SCORING,
            ImageRow.lease_owner == self._owners.name,
            ImageRow.attempts == claimed.attempt,
        )
        return session.scalar(mine.with_for_update())


def restate(session: Session, case: CaseRow) -> None:
    """Derive the decision and urgency of a case, whose row is locked, from its images anew."""
    session.flush()
    images = select(ImageRow).where(ImageRow.case_id == case.id).options(joinedload(ImageRow.predictions))
    rows = session.scalars(images.execution_options(populate_existing=True)).unique()
    found = standing([_result(row) for row in rows])
    case.decision, case.urgency = found.decision, found.urgency
    case.changed = moment(session)


def _result(row: ImageRow) -> Result:
    answer = answer_of(row)
    return Result(row.state, answer.task, answer.findings) if answer else Result(row.state)


_FATAL = {
    "code": Failure.SCORING_FAILED.value,
    "message": f"The program ended {ATTEMPTS} times while it judged this image. Have it read by a radiologist, and "
    "tell the one who runs the program; its log tells more.",
}


def _locked_case(session: Session, case_id: UUID) -> CaseRow:
    return session.scalars(select(CaseRow).where(CaseRow.id == case_id).with_for_update()).one()


def _end(session: Session, case: CaseRow, row: ImageRow, outcome: Outcome) -> None:
    now = moment(session)
    row.state, row.finished, row.changed = outcome.state, now, now
    row.lease_owner = row.lease_until = None
    row.problem = dict(outcome.problem) if outcome.problem else None
    row.facts = dict(outcome.facts) if outcome.facts else None
    row.map_name = outcome.map_name
    for answer, shadow in ((outcome.prediction, False), (outcome.shadow, True)):
        if answer is not None:
            session.add(_row(session, row.id, answer, shadow=shadow))
    restate(session, case)


def _row(session: Session, image_id: UUID, answer: Prediction, *, shadow: bool) -> PredictionRow:
    bundle = answer.bundle
    return PredictionRow(
        image_id=image_id,
        bundle_name=bundle.name if bundle else "",
        bundle_version=bundle.version if bundle else "",
        bundle_sha256=bundle.sha256 if bundle else "",
        profile_id=profile_id(session, bundle.sha256) if bundle and not shadow else None,
        record=kept_record(answer),
        shadow=shadow,
        created=moment(session),
    )
