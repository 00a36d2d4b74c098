"""The two steps of signing in with the provider of the site: going there, and coming back."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from radiolens.errors import InvalidAccount, PeerError
from radiolens.locale.translate import gettext as _
from radiolens.store import accounts
from radiolens.store.accounts import Account
from radiolens.store.audit import PROGRAM, append
from radiolens.web.accounts.principal import public
from radiolens.web.accounts.redirects import own_path, root_of
from radiolens.web.accounts.secret import cookie, delete_cookie, set_cookie
from radiolens.web.accounts.service import accounts_of
from radiolens.web.accounts.sign_in_pages import SignInPage, show_form, welcome
from radiolens.web.problems import HTTPProblem

if TYPE_CHECKING:  # its library is an extra
    from radiolens.web.accounts.oidc import Identity, Provider

__all__ = ["finish_elsewhere", "router", "start_elsewhere"]

router = APIRouter(prefix="/sign-in", include_in_schema=False)

_COOKIE = "radiolens_elsewhere"
_SECONDS = 600
_Text = Annotated[str, Query(max_length=2000)]


@router.get("/elsewhere", dependencies=[public])
def start_elsewhere(request: Request, next: _Text = "") -> Response:  # noqa: A002  its name in the address
    """Send the browser to the provider."""
    provider = _provider(request)
    accounts_ = accounts_of(request)
    accounts_.limits.check("sign-in", _address(request), accounts_.policy.sign_ins_per_minute)
    try:
        started = provider.start(_callback(request))
    except PeerError as error:
        return show_form(request, SignInPage(own_path(next), notice=str(error)), 502)
    answer = RedirectResponse(started.address, 303)
    kept = json.dumps({**asdict(started), "address": "", "next": own_path(next)})
    set_cookie(request, answer, _COOKIE, base64.urlsafe_b64encode(kept.encode()).decode(), _SECONDS)
    return answer


@router.get("/callback", dependencies=[public])
def finish_elsewhere(request: Request) -> Response:
    """Sign in who comes back from the provider, if an administrator has made an account for it."""
    from_browser = _kept(request)
    wanted = own_path(str(from_browser.pop("next", "")))
    try:
        identity = _identity(request, from_browser)
        account = _account(request, identity)
    except PeerError as error:
        answer = show_form(request, SignInPage(wanted, notice=str(error)), 502)
    except InvalidAccount as error:
        answer = show_form(request, SignInPage(wanted, notice=str(error)), 403)
    else:
        answer = welcome(request, account, "openid", wanted)
    delete_cookie(request, answer, _COOKIE)
    return answer


def _provider(request: Request) -> Provider:
    found: Provider | None = getattr(request.app.state, "provider", None)
    if found is None:
        detail = _("This site has no OpenID Connect provider (RADIOLENS_OIDC_ISSUER). Sign in with a password.")
        raise HTTPProblem(404, _("Not found"), detail)
    return found


def _kept(request: Request) -> dict[str, Any]:
    """Return what the browser kept; empty if it kept nothing, or nonsense."""
    try:
        found = json.loads(base64.urlsafe_b64decode(cookie(request, _COOKIE)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _identity(request: Request, kept: dict[str, Any]) -> Identity:
    provider = _provider(request)
    accounts_ = accounts_of(request)
    state, nonce, verifier = (str(kept.get(name, "")) for name in ("state", "nonce", "verifier"))
    return provider.finish(
        _callback(request), dict(request.query_params), state, nonce, verifier, clock=accounts_.database.now
    )


def _account(request: Request, identity: Identity) -> Account:
    """Return the account of an identity; the first time, one without a password is tied to it by its name."""
    accounts_ = accounts_of(request)
    issuer = _provider(request).issuer
    with accounts_.database.session() as session:
        account = accounts.find_by_subject(session, issuer, identity.subject)
        if account is None:
            account = accounts.find_by_name(session, identity.name)
            if account is not None and account.signs_in_elsewhere:
                accounts.set_subject(session, account.id, issuer, identity.subject)
                append(session, account.id, "user.tied", f"user:{account.id}", {"issuer": issuer})
        fits = account is not None and account.active and account.signs_in_elsewhere
        if not fits:
            append(session, PROGRAM, "session.refused", f"user:{account.id if account else 'unknown'}")
    if account is None or not fits:
        raise InvalidAccount(
            _(
                "There is no account here that signs in as %(name)s with the provider. Ask an administrator of this "
                "site to make it.",
                name=identity.name[:70],
            )
        )
    return account


def _callback(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{root_of(request)}/sign-in/callback"


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
