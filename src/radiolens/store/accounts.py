"""The people of the site, as the database keeps them. Passwords come and go as hashes; no hash is computed here.

A change of an account ends its sessions where they would allow more than it now does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from radiolens.errors import InvalidAccount
from radiolens.locale.translate import gettext as _
from radiolens.store.clock import moment
from radiolens.store.schema import LOCAL_USER_ID, ApiTokenRow, LoginSessionRow, UserRow

__all__ = [
    "ADMINISTRATOR",
    "Account",
    "accounts_exist",
    "add_account",
    "find_account",
    "find_by_name",
    "find_by_subject",
    "list_accounts",
    "login_name",
    "note_login",
    "password_hash",
    "set_active",
    "set_hash",
    "set_password",
    "set_roles",
    "set_subject",
]

ADMINISTRATOR = "administrator"
"""The role of which one active account must be left."""

_NAME = re.compile(r"\w[\w.@+-]{0,63}")


@dataclass(frozen=True)
class Account:
    """One person. `signs_in_elsewhere`: by OpenID Connect, without a password here; moments are UTC."""

    id: UUID
    name: str
    display_name: str
    roles: frozenset[str]
    active: bool
    must_change_password: bool
    signs_in_elsewhere: bool
    created: datetime
    password_changed: datetime | None
    last_login: datetime | None

    @classmethod
    def of(cls, row: UserRow) -> Self:
        """Return the account of a row."""
        return cls(
            row.id,
            row.name,
            row.display_name,
            frozenset(row.roles),
            row.active,
            row.must_change_password,
            row.password_hash is None,
            row.created,
            row.password_changed,
            row.last_login,
        )


def login_name(text: str) -> str:
    """Return a typed name as it is kept: without spaces around it, case-folded, in one Unicode form (NFKC)."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def accounts_exist(session: Session) -> bool:
    """Say whether anybody has an account; the row of single-user mode is none."""
    return session.scalar(select(UserRow.id).where(UserRow.id != LOCAL_USER_ID).limit(1)) is not None


def list_accounts(session: Session) -> list[Account]:
    """Return all accounts by name."""
    rows = session.scalars(select(UserRow).where(UserRow.id != LOCAL_USER_ID).order_by(UserRow.name))
    return [Account.of(row) for row in rows]


def find_account(session: Session, user_id: UUID) -> Account:
    """Return an account; raise InvalidAccount if there is none."""
    return Account.of(_row(session, user_id))


def find_by_name(session: Session, name: str) -> Account | None:
    """Return the account of a typed name, None if there is none."""
    row = session.scalar(select(UserRow).where(UserRow.name == login_name(name), UserRow.id != LOCAL_USER_ID))
    return Account.of(row) if row else None


def find_by_subject(session: Session, issuer: str, subject: str) -> Account | None:
    """Return the account that is linked to a subject of an OpenID Connect provider."""
    row = session.scalar(select(UserRow).where(UserRow.oidc_issuer == issuer, UserRow.oidc_subject == subject))
    return Account.of(row) if row else None


def password_hash(session: Session, user_id: UUID) -> str | None:
    """Return the hash of an account's password, None if it signs in elsewhere."""
    return _row(session, user_id).password_hash


def add_account(
    session: Session,
    name: str,
    roles: Collection[str],
    hashed: str | None,
    *,
    display_name: str = "",
    must_change_password: bool = False,
) -> Account:
    """Make an account; without a hash it signs in by OpenID Connect. Raises InvalidAccount for the name or no role."""
    known = login_name(name)
    if not _NAME.fullmatch(known) or known in {"local", "console", "radiolens"}:
        raise InvalidAccount(
            _(
                "%(name)s cannot be a name. It has 1 to 64 letters, digits or . @ + - _, begins with a letter or "
                "digit, and is not local, console or radiolens, which stand for no person.",
                name=repr(name[:70]),
            )
        )
    if find_by_name(session, known):
        raise InvalidAccount(
            _("The name %(name)s is taken. Choose another, or change the account that has it.", name=repr(known))
        )
    if ADMINISTRATOR not in roles and not accounts_exist(session):
        raise InvalidAccount(_("The first account has to be an administrator's, or nobody could make others."))
    row = UserRow(
        name=known,
        display_name=display_name.strip()[:100],
        roles=_checked(roles),
        password_hash=hashed,
        must_change_password=must_change_password,
        created=moment(session),
        password_changed=moment(session) if hashed else None,
    )
    session.add(row)
    session.flush()
    return Account.of(row)


def set_password(session: Session, user_id: UUID, hashed: str, *, must_change: bool) -> None:
    """Set the hash of a password and end all sessions of the account; `must_change` asks for another at once."""
    row = _row(session, user_id)
    row.password_hash, row.password_changed, row.must_change_password = hashed, moment(session), must_change
    row.oidc_issuer = row.oidc_subject = None
    _end_sessions(session, user_id)


def set_hash(session: Session, user_id: UUID, hashed: str) -> None:
    """Set another hash of the same password."""
    _row(session, user_id).password_hash = hashed


def set_roles(session: Session, user_id: UUID, roles: Collection[str]) -> None:
    """Set what a person is; raise InvalidAccount if no administrator would be left, or no role is given."""
    row = _row(session, user_id)
    if ADMINISTRATOR not in roles:
        _check_not_last(session, row)
    row.roles = _checked(roles)


def set_active(session: Session, user_id: UUID, *, active: bool) -> None:
    """Switch an account on or off; off ends its sessions and revokes its tokens. Raises as `set_roles`."""
    row = _row(session, user_id)
    if active:
        row.active = True
        return
    _check_not_last(session, row)
    row.active = False
    _end_sessions(session, user_id)
    for token in session.scalars(
        select(ApiTokenRow).where(ApiTokenRow.user_id == user_id, ApiTokenRow.revoked.is_(None))
    ):
        token.revoked = moment(session)


def set_subject(session: Session, user_id: UUID, issuer: str, subject: str) -> None:
    """Tie an account without a password to a subject of an OpenID Connect provider; raise InvalidAccount if it is."""
    row = _row(session, user_id)
    if row.password_hash is not None or row.oidc_subject is not None:
        raise InvalidAccount(_("The account %(name)s has another way to sign in already.", name=repr(row.name)))
    row.oidc_issuer, row.oidc_subject = issuer, subject


def note_login(session: Session, user_id: UUID) -> None:
    """Keep when a person signed in last."""
    _row(session, user_id).last_login = moment(session)


def _row(session: Session, user_id: UUID) -> UserRow:
    row = session.get(UserRow, user_id) if user_id != LOCAL_USER_ID else None
    if row is None:
        raise InvalidAccount(_("There is no such account. Look at the list of users."))
    return row


def _checked(roles: Collection[str]) -> list[str]:
    if not roles:
        raise InvalidAccount(_("An account needs at least one role. Choose what this person does here."))
    return sorted(set(roles))


def _check_not_last(session: Session, row: UserRow) -> None:
    """Raise InvalidAccount if no other active account is an administrator's.

    The rows are locked where the database can, so that two administrators cannot take away each other's role at once.
    """
    if ADMINISTRATOR not in row.roles or not row.active:
        return
    active = session.scalars(select(UserRow).where(UserRow.active).with_for_update())
    if not any(ADMINISTRATOR in other.roles for other in active if other.id != row.id):
        raise InvalidAccount(
            _("%(name)s is the last administrator. Make another account administrator first.", name=repr(row.name))
        )


def _end_sessions(session: Session, user_id: UUID) -> None:
    session.execute(delete(LoginSessionRow).where(LoginSessionRow.user_id == user_id))
