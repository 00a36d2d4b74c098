"""The audit log: who did what to which object and when, each entry chained to the one before by its hash.

An entry belongs to the transaction of what it tells: either both are kept or neither. It is written when the
transaction ends, after everything else, so that nobody waits for the end of the chain longer than a commit takes, and
no two transactions wait for each other.

Nobody can change, remove or insert an entry without breaking the chain after it, except who computes all later hashes
anew: against that, note the last number and hash elsewhere (`radiolens audit verify` prints them) and give them as an
anchor. No entry holds a patient's data; ids are random.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from radiolens.store.clock import moment
from radiolens.store.schema import AuditEntryRow, AuditHeadRow, UserRow

__all__ = [
    "CONSOLE",
    "FIRST_HASH",
    "PROGRAM",
    "Anchor",
    "Break",
    "Entry",
    "append",
    "entries",
    "head",
    "verify",
    "write",
]

CONSOLE = "console"
"""The actor of what was done on the command line."""

PROGRAM = "radiolens"
"""The actor of what the program does by itself, for instance erasing what is too old."""

FIRST_HASH = "0" * 64
"""What the first entry is chained to."""

_PENDING = "audit"
_BATCH = 1000
_LONGEST_ACTION = 80
_LONGEST_TARGET = 200


@dataclass(frozen=True)
class Entry:
    """One line of the log; `actor_id` is None where no user acted. `at` is in UTC, hashes are hexadecimal."""

    number: int
    at: datetime
    actor_id: UUID | None
    actor: str
    action: str
    target: str
    detail: Mapping[str, Any]
    previous_hash: str
    hash: str

    def expected_hash(self) -> str:
        """Return the SHA-256 over all that the entry says and the hash before it."""
        said = [
            self.number,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            str(self.actor_id) if self.actor_id else None,
            self.actor,
            self.action,
            self.target,
            self.detail,
            self.previous_hash,
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Anchor:
    """The end of the log at some time: the last number and its hash."""

    number: int
    hash: str


@dataclass(frozen=True)
class Break:
    """The first place where the chain does not hold."""

    number: int
    reason: str


@dataclass(frozen=True)
class _Pending:
    at: datetime
    actor: UUID | str
    action: str
    target: str
    detail: dict[str, Any]


def append(
    session: Session, actor: UUID | str, action: str, target: str = "", detail: Mapping[str, Any] | None = None
) -> None:
    """Add an entry to the session's transaction.

    `actor` is a user's id, or CONSOLE or PROGRAM where no user acts. `action` is what was done (`case.close`), at most
    80 characters; `target` to what (`case:<id>`), at most 200. `detail` is a small JSON object, without anything of a
    patient. Raises ValueError for longer words, TypeError for a detail that is no JSON.
    """
    if not 0 < len(action) <= _LONGEST_ACTION or len(target) > _LONGEST_TARGET:
        raise ValueError(
            f"expected an action of 1 to {_LONGEST_ACTION} and a target of at most {_LONGEST_TARGET} characters; "
            f"found {len(action)} and {len(target)}"
        )
    plain = json.loads(json.dumps(dict(detail or {}), allow_nan=False))  # as it will be read
    session.info.setdefault(_PENDING, []).append(_Pending(moment(session), actor, action, target, plain))


def write(session: Session) -> None:
    """Chain the session's entries; `Database.session` calls it right before the commit."""
    pending: list[_Pending] = session.info.pop(_PENDING, [])
    if not pending:
        return
    session.flush()
    end = head(session, lock=True)
    for one in pending:
        entry = _chained(session, one, end)
        session.execute(insert(AuditEntryRow).values(**vars(entry)))
        end = Anchor(entry.number, entry.hash)
    session.execute(update(AuditHeadRow).values(number=end.number, hash=end.hash))


def head(session: Session, *, lock: bool = False) -> Anchor:
    """Return the end of the log, to be noted elsewhere; with `lock`, nobody else appends until the transaction ends."""
    query = select(AuditHeadRow.number, AuditHeadRow.hash)
    row = session.execute(query.with_for_update() if lock else query).one()
    return Anchor(row.number, row.hash)


def entries(
    session: Session,
    *,
    actor: str = "",
    action: str = "",
    target: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int | None = None,
    newest_first: bool = True,
) -> Iterator[Entry]:
    """Yield entries of an actor, of actions and targets that begin so, from `since` on and before `until`.

    `before` is the number to go on below; without `limit` all are given, read in pieces.
    """
    number = AuditEntryRow.number
    query = select(AuditEntryRow).order_by(number.desc() if newest_first else number)
    if actor:
        query = query.where(AuditEntryRow.actor == actor)
    if action:
        query = query.where(AuditEntryRow.action.startswith(action, autoescape=True))
    if target:
        query = query.where(AuditEntryRow.target.startswith(target, autoescape=True))
    if since:
        query = query.where(AuditEntryRow.at >= since)
    if until:
        query = query.where(AuditEntryRow.at < until)
    if before is not None:
        query = query.where(number < before)
    return map(_entry, session.scalars(query.limit(limit).execution_options(yield_per=_BATCH)))


def verify(session: Session, anchor: Anchor | None = None) -> Break | None:
    """Return the first broken link of the log, None if it holds, from the first entry to the end that is on record.

    With `anchor` the log must also hold the entry that was noted, as it was.
    """
    number, previous = 0, FIRST_HASH
    for entry in entries(session, newest_first=False):
        number += 1
        if entry.number != number:
            return Break(number, f"entry {number} is missing; the next one is {entry.number}")
        if entry.previous_hash != previous:
            return Break(number, f"entry {number} is not chained to the one before it")
        if entry.hash != entry.expected_hash():
            return Break(number, f"entry {number} was changed: its hash does not fit what it says")
        if anchor and anchor.number == number and anchor.hash != entry.hash:
            return Break(number, f"entry {number} is not the one whose hash was noted")
        previous = entry.hash
    end = head(session)
    if end.number > number or (anchor and anchor.number > number):
        return Break(number + 1, f"the end is missing: entry {number + 1} and what came after it")
    if end != Anchor(number, previous):
        return Break(end.number + 1, f"entry {end.number + 1} was not written by radiolens: the log ended before it")
    return None


def _chained(session: Session, one: _Pending, end: Anchor) -> Entry:
    user = session.get_one(UserRow, one.actor) if isinstance(one.actor, UUID) else None
    unsealed = Entry(
        number=end.number + 1,
        at=one.at.astimezone(UTC),
        actor_id=user.id if user else None,
        actor=user.name if user else str(one.actor),
        action=one.action,
        target=one.target,
        detail=one.detail,
        previous_hash=end.hash,
        hash="",
    )
    return replace(unsealed, hash=unsealed.expected_hash())


def _entry(row: AuditEntryRow) -> Entry:
    return Entry(
        number=row.number,
        at=row.at,
        actor_id=row.actor_id,
        actor=row.actor,
        action=row.action,
        target=row.target,
        detail=row.detail,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )
