"""The durable queue: the images that wait, in the database, taken by one worker at a time and finished once.

Several workers in several processes may share it, on SQLite and on PostgreSQL. A worker takes an image under a lease.
What a dead worker had in hand is taken up by another. A result is stored in one transaction with the end of its
image, and only by the worker that still has it, so no image has two. Nothing of this waits for the disk: what a power
cut takes back is judged again. Statements are built once and address the tables, since every image pays for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update
from sqlalchemy.orm import Session

from radiolens.inference.record import prediction_from_record
from radiolens.prediction import Prediction
from radiolens.store.clock import moment
from radiolens.store.database import Database
from radiolens.store.models import deciding_profile
from radiolens.store.schema import CaseRow, ImageState
from radiolens.worklist.disclosure import Failure
from radiolens.worklist.owners import Owners
from radiolens.worklist.results import Result, Standing, kept_record, standing

__all__ = ["ATTEMPTS", "Claimed", "Outcome", "Queue", "restate"]

ATTEMPTS = 5
"""So often an image is begun; if the program dies each time, the image is to blame, and no power cut."""

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


_CASES, _IMAGES, _PREDICTIONS = (CaseRow.metadata.tables[name] for name in ("cases", "images", "predictions"))
_NOW = bindparam("now", type_=_IMAGES.c.changed.type)
_EXPIRED = and_(_IMAGES.c.state == ImageState.SCORING, _IMAGES.c.lease_until < _NOW)
_FREE = and_(_IMAGES.c.store_name.is_not(None), or_(_IMAGES.c.state == ImageState.QUEUED, _EXPIRED))
_WAITS = select(_IMAGES.c.id).where(_FREE).limit(1)
_OLDEST = select(_IMAGES.c.id).where(_FREE).order_by(_IMAGES.c.created, _IMAGES.c.case_id, _IMAGES.c.position).limit(1)
_CLAIM = (
    update(_IMAGES)
    .where(_IMAGES.c.id == _OLDEST.with_for_update(skip_locked=True).scalar_subquery())
    .values(
        state=ImageState.SCORING,
        attempts=_IMAGES.c.attempts + 1,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        changed=_NOW,
    )
    .returning(_IMAGES.c.id, _IMAGES.c.case_id, _IMAGES.c.store_name, _IMAGES.c.attempts)
)
_ASKED = select(_CASES.c.task, _CASES.c.bundle_name).where(_CASES.c.id == bindparam("case"))
_LOCK = select(_CASES.c.id).where(_CASES.c.id == bindparam("case")).with_for_update()
_RELEASE = (
    update(_IMAGES)
    .where(
        _IMAGES.c.id == bindparam("image"),
        _IMAGES.c.state == ImageState.SCORING,
        _IMAGES.c.lease_owner == bindparam("owner"),
        _IMAGES.c.attempts == bindparam("attempt"),
    )
    .values(lease_owner=None, lease_until=None, changed=_NOW)
)
"""Of an image that the worker still has; what is given with it is set, too."""
_ADD = insert(_PREDICTIONS).values(profile_id=deciding_profile(bindparam("decided")).scalar_subquery())
"""With the profile that decides on the bundle of the hash `decided`, if there is one."""
_ANSWERS = (
    select(_IMAGES.c.state, _PREDICTIONS.c.record)
    .outerjoin(_PREDICTIONS, and_(_PREDICTIONS.c.image_id == _IMAGES.c.id, _PREDICTIONS.c.shadow.is_(False)))
    .where(_IMAGES.c.case_id == bindparam("case"))
)
_RESTATE = (
    update(_CASES)
    .where(_CASES.c.id == bindparam("case"))
    .values(decision=bindparam("standing"), urgency=bindparam("rank"), changed=_NOW)
)


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
        now = self._database.now()
        with self._database.session(durable=False) as session:
            connection = session.connection()
            lease = {"owner": self._owners.name, "until": now + _LEASE, "now": now}
            row = connection.execute(_CLAIM, lease).first()
            if row is None:
                return None
            asked = connection.execute(_ASKED, {"case": row.case_id}).one()
            claimed = Claimed(row.id, row.case_id, asked.task, asked.bundle_name, row.store_name, row.attempts)
            if claimed.attempt > ATTEMPTS:
                self._end(session, claimed, Outcome(ImageState.FAILED, problem=_FATAL))
                return None
            return claimed

    def finish(self, claimed: Claimed, outcome: Outcome) -> bool:
        """Store how an image ended; say whether this worker still had it, else nothing is changed."""
        with self._database.session(durable=False) as session:
            return self._end(session, claimed, outcome)

    def give_back(self, claimed: Claimed) -> None:
        """Put an image back that nothing could be done with for now; it does not count as an attempt."""
        with self._database.session(durable=False) as session:
            waiting = _RELEASE.values(state=ImageState.QUEUED, attempts=_IMAGES.c.attempts - 1)
            session.connection().execute(waiting, self._mine(claimed, self._database.now()))

    def take_back(self) -> int:
        """Put back what dead processes of this computer had in hand; return how many images that were."""
        with self._database.reading() as session:
            held = select(_IMAGES.c.lease_owner).where(_IMAGES.c.state == ImageState.SCORING).distinct()
            dead = [owner for owner in session.scalars(held) if owner and self._owners.is_dead(owner)]
        if not dead:
            return 0
        theirs = and_(_IMAGES.c.state == ImageState.SCORING, _IMAGES.c.lease_owner.in_(dead))
        free = {"state": ImageState.QUEUED, "lease_owner": None, "lease_until": None, "changed": self._database.now()}
        with self._database.session(durable=False) as session:
            return len(session.scalars(update(_IMAGES).where(theirs).values(free).returning(_IMAGES.c.id)).all())

    def _waits(self) -> bool:
        with self._database.reading() as session:
            return session.connection().execute(_WAITS, {"now": self._database.now()}).first() is not None

    def _mine(self, claimed: Claimed, now: datetime) -> dict[str, Any]:
        return {"image": claimed.image_id, "owner": self._owners.name, "attempt": claimed.attempt, "now": now}

    def _end(self, session: Session, claimed: Claimed, outcome: Outcome) -> bool:
        connection, now = session.connection(), moment(session)
        connection.execute(_LOCK, {"case": claimed.case_id})  # so that nobody else restates it meanwhile
        told = {
            "state": outcome.state,
            "finished": now,
            "problem": dict(outcome.problem) if outcome.problem else None,
            "facts": dict(outcome.facts) if outcome.facts else None,
            "map_name": outcome.map_name,
        }
        if not connection.execute(_RELEASE, {**self._mine(claimed, now), **told}).rowcount:
            return False
        for answer, shadow in ((outcome.prediction, False), (outcome.shadow, True)):
            if answer is not None:
                connection.execute(_ADD, _row(claimed.image_id, answer, now, shadow=shadow))
        found = _standing(connection, claimed.case_id)
        told = {"case": claimed.case_id, "standing": found.decision, "rank": found.urgency, "now": now}
        connection.execute(_RESTATE, told)
        return True


def restate(session: Session, case: CaseRow) -> None:
    """Derive the decision and urgency of a case, whose row is locked, from its images anew."""
    session.flush()
    found = _standing(session.connection(), case.id)
    case.decision, case.urgency = found.decision, found.urgency
    case.changed = moment(session)


def _standing(connection: Connection, case_id: UUID) -> Standing:
    return standing([_result(state, record) for state, record in connection.execute(_ANSWERS, {"case": case_id})])


def _result(state: ImageState, record: Mapping[str, Any] | None) -> Result:
    if record is None:
        return Result(state)
    answer = prediction_from_record(record)
    return Result(state, answer.task, answer.findings)


_FATAL = {
    "code": Failure.SCORING_FAILED.value,
    "message": f"The program ended {ATTEMPTS} times while it judged this image. Have it read by a radiologist, and "
    "tell the one who runs the program; its log tells more.",
}


def _row(image_id: UUID, answer: Prediction, now: datetime, *, shadow: bool) -> dict[str, Any]:
    bundle = answer.bundle
    sha256 = bundle.sha256 if bundle else ""
    return {
        "id": uuid4(),
        "image_id": image_id,
        "bundle_name": bundle.name if bundle else "",
        "bundle_version": bundle.version if bundle else "",
        "bundle_sha256": sha256,
        "decided": "" if shadow else sha256,
        "record": kept_record(answer),
        "shadow": shadow,
        "created": now,
    }
