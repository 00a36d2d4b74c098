"""No other site can make a signed-in browser change something: such a request brings the session's CSRF token.

A script sends it in the header `X-CSRF-Token`, a form in the field `csrf_token`. What brings no session cookie (an API
token, or the one user of a computer without accounts) needs none: the guard's check of the origin stands before both.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from radiolens.locale.translate import gettext as _
from radiolens.web.accounts.secret import same
from radiolens.web.problems import HTTPProblem

__all__ = ["FIELD", "HEADER", "check_field", "check_request"]

HEADER, FIELD = "x-csrf-token", "csrf_token"
_SAFE = ("GET", "HEAD", "OPTIONS")
_FORM_BYTES = 100_000  # of a form without files


async def check_request(request: Request, expected: str, *, streamed: bool) -> None:
    """Raise HTTPProblem 403 unless the request is safe or brings the token of its session.

    The field of a body that the route receives itself (`streamed`) is left to `check_field`.
    """
    if request.method in _SAFE or same(expected, request.headers.get(HEADER, "")):
        return
    kind = request.headers.get("content-type", "")
    if streamed and kind.startswith("multipart/form-data") and HEADER not in request.headers:
        request.state.csrf_expected = expected
        return
    found = ""
    if kind.startswith("application/x-www-form-urlencoded") and _is_small(request):
        found = str((await request.form()).get(FIELD, ""))
    elif kind.startswith("multipart/form-data") and getattr(request, "_form", None) is not None:
        found = str((await request.form()).get(FIELD, ""))  # FastAPI has read it, for the route's own fields
    if not same(expected, found):
        raise _refusal()


def check_field(request: Request, fields: Mapping[str, str]) -> None:
    """Raise HTTPProblem 403 if the token is still asked for and not among the fields of an upload."""
    expected = getattr(request.state, "csrf_expected", "")
    if expected and not same(expected, fields.get(FIELD, "")):
        raise _refusal()


def _is_small(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isdigit() and int(length) <= _FORM_BYTES


def _refusal() -> HTTPProblem:
    detail = _("The page is out of date: somebody signed in or out since. Load it again, then repeat what you did.")
    return HTTPProblem(403, _("Not from this page"), detail)
