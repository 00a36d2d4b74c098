"""Sessions, API tokens and failed sign-ins, as the database keeps them: hashes of secrets, never a secret."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from radiolens.errors import InvalidAccount
from radiolens.locale.translate import gettext as _
from radiolens.store.accounts import Account, login_name
from radiolens.store.clock import moment
from radiolens.store.schema import ApiTokenRow, LoginFailureRow, LoginSessionRow, UserRow

__all__ = [
    "ApiToken",
    "LoginSession",
    "add_token",
    "clear_failures",
    "close_session",
    "find_session",
    "find_token",
    "list_tokens",
    "locked_until",
    "name_key",
    "note_failure",
    "open_session",
    "revoke_token",
    "touch_session",
    "touch_token",
]

_FORGOTTEN = timedelta(days=1)
"""After which failures are no more counted."""


@dataclass(frozen=True)
class LoginSession:
    """A browser in which somebody is signed in."""

    id: UUID
    account: Account
    csrf_token: str
    last_seen: datetime
    expires: datetime


@dataclass(frozen=True)
class ApiToken:
    """A secret with which a program acts for an account; `prefix` are its first characters."""

    id: UUID
    account: Account
    name: str
    prefix: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None
    revoked: datetime | None

    @classmethod
    def of(cls, row: ApiTokenRow) -> Self:
        """Return the token of a row."""
        account = Account.of(row.user)
        return cls(row.id, account, row.name, row.prefix, row.created, row.expires, row.last_used, row.revoked)


def open_session(session: Session, user_id: UUID, token_sha256: str, csrf_token: str, lasts: timedelta) -> None:
    """Keep that somebody signed in; sessions that are over are forgotten."""
    now = moment(session)
    session.execute(delete(LoginSessionRow).where(LoginSessionRow.expires <= now))
    session.add(
        LoginSessionRow(
            user_id=user_id,
            token_sha256=token_sha256,
            csrf_token=csrf_token,
            created=now,
            last_seen=now,
            expires=now + lasts,
        )
    )


def find_session(session: Session, token_sha256: str, idle: timedelta) -> LoginSession | None:
    """Return the session of a cookie; None if there is none, it is over, or its account is switched off."""
    row = session.scalar(select(LoginSessionRow).where(LoginSessionRow.token_sha256 == token_sha256))
    now = moment(session)
    if row is None or not row.user.active or row.expires <= now or row.last_seen + idle <= now:
        return None
    return LoginSession(row.id, Account.of(row.user), row.csrf_token, row.last_seen, row.expires)


def touch_session(session: Session, session_id: UUID) -> None:
    """Keep that the session was used now."""
    row = session.get(LoginSessionRow, session_id)
    if row:
        row.last_seen = moment(session)


def close_session(session: Session, token_sha256: str) -> None:
    """End the session of a cookie."""
    session.execute(delete(LoginSessionRow).where(LoginSessionRow.token_sha256 == token_sha256))


def add_token(session: Session, user_id: UUID, name: str, prefix: str, token_sha256: str, lasts: timedelta) -> ApiToken:
    """Keep an API token; raise InvalidAccount without a name."""
    if not name.strip():
        raise InvalidAccount(_("A token needs a name by which you know it again, for instance that of the program."))
    now = moment(session)
    row = ApiTokenRow(
        user=session.get_one(UserRow, user_id),
        name=name.strip()[:100],
        prefix=prefix,
        token_sha256=token_sha256,
        created=now,
        expires=now + lasts,
    )
    session.add(row)
    session.flush()
    return ApiToken.of(row)


def find_token(session: Session, token_sha256: str) -> ApiToken | None:
    """Return a token; None if there is none, it is revoked or over, or its account is switched off."""
    row = session.scalar(select(ApiTokenRow).where(ApiTokenRow.token_sha256 == token_sha256))
    if row is None or row.revoked or not row.user.active or (row.expires and row.expires <= moment(session)):
        return None
    return ApiToken.of(row)


def touch_token(session: Session, token_id: UUID) -> None:
    """Keep that the token was used now."""
    row = session.get(ApiTokenRow, token_id)
    if row:
        row.last_used = moment(session)


def list_tokens(session: Session, user_id: UUID) -> list[ApiToken]:
    """Return the tokens of an account, the last one first."""
    rows = session.scalars(
        select(ApiTokenRow).where(ApiTokenRow.user_id == user_id).order_by(ApiTokenRow.created.desc(), ApiTokenRow.id)
    )
    return [ApiToken.of(row) for row in rows]


def revoke_token(session: Session, user_id: UUID, token_id: UUID) -> ApiToken:
    """End a token of this account at once; raise InvalidAccount if it has no such token."""
    row = session.get(ApiTokenRow, token_id)
    if row is None or row.user_id != user_id:
        raise InvalidAccount(_("There is no such token in this account. Look at the list of your tokens."))
    row.revoked = row.revoked or moment(session)
    return ApiToken.of(row)


def name_key(name: str) -> str:
    """Return the key under which failures of a typed name are counted, whether anybody has the name or not."""
    return hashlib.sha256(login_name(name).encode()).hexdigest()


def locked_until(session: Session, name_sha256: str) -> datetime | None:
    """Return when a name may be tried again, None if it may be now; the same for names that nobody has."""
    row = session.get(LoginFailureRow, name_sha256)
    locked = row.locked_until if row else None
    return locked if locked and locked > moment(session) else None


def note_failure(session: Session, name_sha256: str, at_most: int, locks_for: timedelta) -> bool:
    """Count a wrong password; say whether it was the one that locked the name."""
    now = moment(session)
    session.execute(delete(LoginFailureRow).where(LoginFailureRow.last <= now - _FORGOTTEN))
    row = session.get(LoginFailureRow, name_sha256, with_for_update=True)
    if row is None:
        row = _first_failure(session, name_sha256)
    row.failures, row.last = row.failures + 1, now
    if row.failures < at_most:
        return False
    row.failures, row.locked_until = 0, now + locks_for
    return True


def _first_failure(session: Session, name_sha256: str) -> LoginFailureRow:
    """Return a new row for a name; another request may have made it at this moment, but on SQLite."""
    row = LoginFailureRow(name_sha256=name_sha256, failures=0, last=moment(session))
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return session.get_one(LoginFailureRow, name_sha256, with_for_update=True)
    return row


def clear_failures(session: Session, names_sha256: Collection[str]) -> None:
    """Forget the failures of these names, and unlock them."""
    session.execute(delete(LoginFailureRow).where(LoginFailureRow.name_sha256.in_(names_sha256)))
