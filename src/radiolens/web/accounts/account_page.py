"""The page of one's own account: password and API tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from radiolens.errors import InvalidAccount
from radiolens.locale.translate import gettext as _
from radiolens.store import accounts, logins
from radiolens.store.accounts import Account
from radiolens.store.audit import append
from radiolens.store.logins import ApiToken
from radiolens.web.accounts.passwords import SHORTEST
from radiolens.web.accounts.principal import LOCAL, Permission, Principal, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.accounts.secret import TOKEN_BEGINNING, new_token, sha256_of
from radiolens.web.accounts.service import accounts_of
from radiolens.web.accounts.sign_in_pages import Password, Text, welcome
from radiolens.web.problems import HTTPProblem
from radiolens.web.templating import templates

__all__ = ["TOKEN_DAYS", "AccountPage", "add_token", "change_password", "revoke_token", "router", "show_account"]

router = APIRouter(prefix="/account", include_in_schema=False, max_body_size=100_000)

TOKEN_DAYS = (30, 90, 365)
"""How long a token may last; the first is proposed."""

_PREFIX = len(TOKEN_BEGINNING) + 2  # what is shown of a token: too little to guess the rest by

_Who = Annotated[Principal, requires(Permission.OWN_ACCOUNT)]


@dataclass(frozen=True)
class AccountPage:
    """What `account.html` shows; `secret` is a new token, which is shown this once."""

    account: Account | None
    tokens: tuple[ApiToken, ...] = ()
    secret: str = ""
    notice: str = ""
    shortest: int = SHORTEST
    token_days: tuple[int, ...] = TOKEN_DAYS


@router.api_route("", methods=["GET", "HEAD"])
def show_account(request: Request, principal: _Who) -> Response:
    """Show the own account."""
    return _page(request, principal)


@router.post("/password")
def change_password(request: Request, principal: _Who, current: Password, new: Password, again: Password) -> Response:
    """Change the own password; other browsers are signed out, this one gets a new session."""
    _check_account(principal)
    try:
        if new != again:
            raise InvalidAccount(_("The two passwords differ. Type the same one twice."))
        account = accounts_of(request).change_password(principal, current, new)
    except InvalidAccount as error:
        return _page(request, principal, notice=str(error), status=422)
    except HTTPProblem as error:
        wrong = _("The current password is wrong.") if error.status_code == 401 else error.detail
        return _page(request, principal, notice=wrong, status=422 if error.status_code == 401 else error.status_code)
    with accounts_of(request).database.reading() as session:
        changed = accounts.find_account(session, account.id)
    return welcome(request, changed, "password changed", "")


@router.post("/tokens")
def add_token(request: Request, principal: _Who, name: Text, days: Annotated[int, Form()] = TOKEN_DAYS[0]) -> Response:
    """Make an API token; it is shown once."""
    _check_account(principal)
    if days not in TOKEN_DAYS:
        known = ", ".join(map(str, TOKEN_DAYS))
        raise HTTPProblem(422, _("No such time"), _("A token lasts one of %(known)s days.", known=known))
    secret = new_token()
    try:
        with accounts_of(request).database.session() as session:
            lasts = timedelta(days=days)
            token = logins.add_token(session, principal.user_id, name, secret[:_PREFIX], sha256_of(secret), lasts)
            _note(session, principal, "token.create", token)
    except InvalidAccount as error:
        return _page(request, principal, notice=str(error), status=422)
    return _page(request, principal, secret=secret)


@router.post("/tokens/{token_id}/revoke")
def revoke_token(request: Request, principal: _Who, token_id: UUID) -> Response:
    """End a token at once."""
    with accounts_of(request).database.session() as session:
        token = logins.revoke_token(session, principal.user_id, token_id)
        _note(session, principal, "token.revoke", token)
    return RedirectResponse(f"{root_of(request)}/account", 303)


def _page(request: Request, principal: Principal, *, secret: str = "", notice: str = "", status: int = 200) -> Response:
    page = AccountPage(None)
    if principal != LOCAL:
        with accounts_of(request).database.reading() as session:
            account = accounts.find_account(session, principal.user_id)
            tokens = tuple(logins.list_tokens(session, principal.user_id))
        page = AccountPage(account, tokens, secret, notice)
    return templates.TemplateResponse(request, "account.html", {"page": page}, status)


def _check_account(principal: Principal) -> None:
    if principal == LOCAL:
        detail = _("There are no accounts on this computer yet. Make the first one on the page /first-run.")
        raise HTTPProblem(409, _("No account"), detail)


def _note(session: Session, principal: Principal, action: str, token: ApiToken) -> None:
    detail = {"name": token.name, "prefix": token.prefix}
    append(session, principal.user_id, action, f"token:{token.id}", detail)
