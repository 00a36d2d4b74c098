"""The users of the site: making, changing and switching off their accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from radiolens.errors import InvalidAccount
from radiolens.locale.translate import N_
from radiolens.store import accounts, logins
from radiolens.store.accounts import Account
from radiolens.store.audit import append
from radiolens.web.accounts.passwords import temporary
from radiolens.web.accounts.principal import LOCAL, Permission, Principal, Role, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.accounts.service import accounts_of
from radiolens.web.accounts.sign_in_pages import Text
from radiolens.web.templating import templates

__all__ = [
    "ROLE_WORDS",
    "UserPage",
    "UsersPage",
    "add_user",
    "change_roles",
    "reset_password",
    "router",
    "show_user",
    "show_users",
    "switch_user",
    "unlock_user",
]

router = APIRouter(prefix="/users", include_in_schema=False, max_body_size=100_000)

ROLE_WORDS: Mapping[Role, tuple[str, str]] = MappingProxyType(
    {
        Role.CLINICIAN: (N_("Clinician"), N_("Reads cases, answers, writes reports.")),
        Role.RESEARCHER: (N_("Researcher"), N_("Reads cases, compares, plans thresholds; answers no case.")),
        Role.ADMINISTRATOR: (N_("Administrator"), N_("Keeps users, models and settings; sees no case.")),
    }
)
"""What a role is called, and what it may do."""

_Who = Annotated[Principal, requires(Permission.MANAGE_USERS)]
_Roles = Annotated[list[Role], Form(max_length=len(Role))]


@dataclass(frozen=True)
class UsersPage:
    """What `users.html` shows; `new` has a password that is shown this once, by the name of its account."""

    accounts: tuple[Account, ...]
    without_accounts: bool
    notice: str = ""
    new: tuple[str, str] | None = None
    roles: ClassVar[Mapping[Role, tuple[str, str]]] = ROLE_WORDS


@dataclass(frozen=True)
class UserPage:
    """What `user.html` shows of one account; `password` is a new one, which is shown this once."""

    account: Account
    locked: bool
    own: bool
    notice: str = ""
    password: str = ""
    roles: ClassVar[Mapping[Role, tuple[str, str]]] = ROLE_WORDS


@router.api_route("", methods=["GET", "HEAD"])
def show_users(request: Request, principal: _Who) -> Response:
    """List the accounts."""
    return _users(request, principal)


@router.post("")
def add_user(
    request: Request,
    principal: _Who,
    name: Text,
    display_name: Text = "",
    roles: _Roles = [],  # noqa: B006  FastAPI copies it
    elsewhere: Annotated[bool, Form()] = False,
) -> Response:
    """Make an account with a password for the first sign-in, or none if it signs in by OpenID Connect."""
    password = "" if elsewhere else temporary()
    try:
        with _changing(request, principal, "user.add", {"roles": sorted(roles)}) as change:
            hashed = accounts_of(request).passwords.hash(password) if password else None
            added = accounts.add_account(
                change.session, name, roles, hashed, display_name=display_name, must_change_password=bool(password)
            )
            change.user_id = added.id
    except InvalidAccount as error:
        return _users(request, principal, notice=str(error), status=422)
    return _users(request, principal, new=(added.name, password))


@router.api_route("/{user_id}", methods=["GET", "HEAD"])
def show_user(request: Request, principal: _Who, user_id: UUID) -> Response:
    """Show one account."""
    return _user(request, principal, user_id)


@router.post("/{user_id}/roles")
def change_roles(
    request: Request,
    principal: _Who,
    user_id: UUID,
    roles: _Roles = [],  # noqa: B006  as above
) -> Response:
    """Say what a person is; it holds from the next request on."""
    try:
        with _changing(request, principal, "user.roles", {"roles": sorted(roles)}, user_id) as change:
            accounts.set_roles(change.session, user_id, roles)
    except InvalidAccount as error:
        return _user(request, principal, user_id, notice=str(error), status=422)
    return _back(request, user_id)


@router.post("/{user_id}/active")
def switch_user(request: Request, principal: _Who, user_id: UUID, active: Annotated[bool, Form()]) -> Response:
    """Switch an account on or off."""
    try:
        with _changing(request, principal, "user.on" if active else "user.off", {}, user_id) as change:
            accounts.set_active(change.session, user_id, active=active)
    except InvalidAccount as error:
        return _user(request, principal, user_id, notice=str(error), status=422)
    return _back(request, user_id)


@router.post("/{user_id}/password")
def reset_password(request: Request, principal: _Who, user_id: UUID) -> Response:
    """Give an account a password for its next sign-in; all its sessions end."""
    password = temporary()
    hashed = accounts_of(request).passwords.hash(password)
    with _changing(request, principal, "user.reset", {}, user_id) as change:
        accounts.set_password(change.session, user_id, hashed, must_change=True)
    return _user(request, principal, user_id, password=password)


@router.post("/{user_id}/unlock")
def unlock_user(request: Request, principal: _Who, user_id: UUID) -> Response:
    """End the lock of a name."""
    with _changing(request, principal, "user.unlock", {}, user_id) as change:
        account = accounts.find_account(change.session, user_id)
        logins.clear_failures(change.session, [logins.name_key(account.name)])
    return _back(request, user_id)


@dataclass
class _Change:
    """A transaction that changes an account, which is noted at its end."""

    session: Session
    user_id: UUID | None


@contextmanager
def _changing(
    request: Request, principal: Principal, action: str, detail: Mapping[str, object], user_id: UUID | None = None
) -> Iterator[_Change]:
    with accounts_of(request).database.session() as session:
        change = _Change(session, user_id)
        yield change
        append(session, principal.user_id, action, f"user:{change.user_id}", dict(detail))


def _users(
    request: Request,
    principal: Principal,
    *,
    notice: str = "",
    new: tuple[str, str] | None = None,
    status: int = 200,
) -> Response:
    with accounts_of(request).database.reading() as session:
        listed = tuple(accounts.list_accounts(session))
    page = UsersPage(listed, principal == LOCAL, notice, new)
    return templates.TemplateResponse(request, "users.html", {"page": page}, status)


def _user(
    request: Request, principal: Principal, user_id: UUID, *, notice: str = "", password: str = "", status: int = 200
) -> Response:
    with accounts_of(request).database.reading() as session:
        account = accounts.find_account(session, user_id)
        locked = logins.locked_until(session, logins.name_key(account.name)) is not None
    page = UserPage(account, locked, account.id == principal.user_id, notice, password)
    return templates.TemplateResponse(request, "user.html", {"page": page}, status)


def _back(request: Request, user_id: UUID) -> Response:
    return RedirectResponse(f"{root_of(request)}/users/{user_id}", 303)
