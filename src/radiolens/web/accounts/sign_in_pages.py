"""Signing in and out, and the first administrator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from radiolens.errors import InvalidAccount
from radiolens.locale.translate import gettext as _
from radiolens.store.accounts import Account
from radiolens.web.accounts.frame import home
from radiolens.web.accounts.passwords import SHORTEST
from radiolens.web.accounts.principal import Permission, Principal, public, requires
from radiolens.web.accounts.redirects import own_path, root_of
from radiolens.web.accounts.secret import (
    FORM_COOKIE,
    SESSION_COOKIE,
    cookie,
    delete_cookie,
    new_secret,
    same,
    set_cookie,
)
from radiolens.web.accounts.service import accounts_of, is_local, principal_of
from radiolens.web.problems import HTTPProblem
from radiolens.web.templating import templates

__all__ = [
    "FirstRunPage",
    "Password",
    "Path",
    "SignInPage",
    "Text",
    "add_first",
    "router",
    "show_first_run",
    "show_form",
    "show_sign_in",
    "sign_in",
    "sign_out",
    "welcome",
]

router = APIRouter(include_in_schema=False, max_body_size=100_000)

_FORM_SECONDS = 3600

Text = Annotated[str, Form(max_length=300)]
Password = Annotated[str, Form(max_length=2000)]
Path = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class SignInPage:
    """What `sign_in.html` shows; `elsewhere` is the provider with which one may sign in too, empty if there is none."""

    next: str
    name: str = ""
    notice: str = ""
    elsewhere: str = ""
    form_token: str = ""


@dataclass(frozen=True)
class FirstRunPage:
    """What `first_run.html` shows."""

    name: str = ""
    display_name: str = ""
    notice: str = ""
    shortest: int = SHORTEST
    form_token: str = ""


@router.api_route("/sign-in", methods=["GET", "HEAD"], dependencies=[public])
def show_sign_in(request: Request, next: Annotated[str, Query(max_length=2000)] = "") -> Response:  # noqa: A002  its name in the address
    """Show the form; without accounts there is nothing to sign in to."""
    if not accounts_of(request).exist():
        return RedirectResponse(f"{root_of(request)}/", 303)
    return show_form(request, SignInPage(own_path(next)))


@router.post("/sign-in", dependencies=[public])
def sign_in(
    request: Request,
    name: Text,
    password: Password,
    form_token: Text = "",
    next: Path = "",  # noqa: A002  as above
) -> Response:
    """Sign in and go where one wanted to."""
    accounts, wanted = accounts_of(request), own_path(next)
    try:
        _check_form(request, form_token)
        account = accounts.sign_in(name, password, _address(request))
    except HTTPProblem as error:
        page = SignInPage(wanted, name, error.detail)
        return show_form(request, page, error.status_code, error.headers)
    return welcome(request, account, "password", wanted)


@router.post("/sign-out")
def sign_out(request: Request, principal: Annotated[Principal, requires(Permission.OWN_ACCOUNT)]) -> Response:
    """End the session of this browser."""
    secret = cookie(request, SESSION_COOKIE)
    if secret:
        accounts_of(request).close_session(principal, secret)
    answer = RedirectResponse(f"{root_of(request)}/sign-in", 303)
    delete_cookie(request, answer, SESSION_COOKIE)
    return answer


@router.api_route("/first-run", methods=["GET", "HEAD"], dependencies=[public])
def show_first_run(request: Request) -> Response:
    """Show the form for the first administrator, on the computer that runs the program alone."""
    _check_first_run(request)
    return _form_page(request, "first_run.html", FirstRunPage())


@router.post("/first-run", dependencies=[public])
def add_first(
    request: Request,
    name: Text,
    password: Password,
    again: Password,
    display_name: Text = "",
    form_token: Text = "",
) -> Response:
    """Make the first administrator and sign in; from then on everybody signs in."""
    _check_first_run(request)
    try:
        _check_form(request, form_token)
        if password != again:
            raise InvalidAccount(_("The two passwords differ. Type the same one twice."))
        account = accounts_of(request).add_first(name, display_name, password)
    except (InvalidAccount, HTTPProblem) as error:
        notice = error.detail if isinstance(error, HTTPProblem) else str(error)
        page = FirstRunPage(name=name, display_name=display_name, notice=notice)
        return _form_page(request, "first_run.html", page, 422)
    return welcome(request, account, "first run", "")


def welcome(request: Request, account: Account, how: str, wanted: str) -> Response:
    """Open a session for an account and send the browser where it wanted to; its session until then ends."""
    secret = accounts_of(request).open_session(account, how, cookie(request, SESSION_COOKIE))
    principal = principal_of(account)
    begin = "/account" if account.must_change_password else home(principal, request.app.state.paths)
    # `wanted` is the address of the browser and has the root in it already.
    answer = RedirectResponse((wanted if not account.must_change_password else "") or root_of(request) + begin, 303)
    set_cookie(request, answer, SESSION_COOKIE, secret)
    delete_cookie(request, answer, FORM_COOKIE)
    return answer


def _check_first_run(request: Request) -> None:
    if accounts_of(request).exist():
        raise HTTPProblem(404, _("Not found"), _("There are accounts already. Sign in; an administrator makes others."))
    if not is_local(request):
        detail = _(
            "The first administrator is made on the computer that runs radiolens: open this page there, or use "
            "radiolens users add NAME --role administrator --role clinician"
        )
        raise HTTPProblem(403, _("Not from here"), detail)


def _check_form(request: Request, found: str) -> None:
    """Raise HTTPProblem 403 unless the form comes from a page that this browser was given."""
    if not same(cookie(request, FORM_COOKIE), found):
        detail = _("The page was open for too long, or the browser keeps no cookies. Try once more.")
        raise HTTPProblem(403, _("Not from this page"), detail)


def show_form(
    request: Request, page: SignInPage, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Show the form for signing in, with the provider beside it if the site has one."""
    provider = getattr(request.app.state, "provider", None)
    return _form_page(
        request, "sign_in.html", replace(page, elsewhere=provider.title if provider else ""), status, headers
    )


def _form_page(
    request: Request,
    template: str,
    page: SignInPage | FirstRunPage,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Show a form of somebody who has no session, with a token that stands in a cookie too."""
    token = cookie(request, FORM_COOKIE) or new_secret()
    shown = replace(page, form_token=token)
    answer = templates.TemplateResponse(request, template, {"page": shown}, status, dict(headers or {}))
    set_cookie(request, answer, FORM_COOKIE, token, _FORM_SECONDS)
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
