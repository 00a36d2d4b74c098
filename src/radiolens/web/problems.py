"""The one error shape: problem details of RFC 9457, with the prediction object's keys where a file was the reason."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiolens.errors import InputError, InvalidAccount, RadiolensError, StoreError, StoreFull, UnknownCase, WrongState
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.web.headers import HEADERS
from radiolens.web.passages import told_of_file

__all__ = ["MEDIA_TYPE", "ErrorPage", "HTTPProblem", "install", "problem"]

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

ErrorPage = Callable[[Request, int, str, str], Awaitable[Response | None]]
"""Returns the page for a status, title and detail; None where a program asked, which is given problem details."""

_STATUS: Mapping[type[RadiolensError], tuple[int, str]] = MappingProxyType(
    {
        UnknownCase: (404, N_("No such case")),
        InvalidAccount: (422, N_("The account cannot be so")),
        WrongState: (409, N_("Not possible now")),
        InputError: (422, N_("The request cannot be used")),
        StoreFull: (507, N_("No room is left")),
        StoreError: (503, N_("The storage does not answer")),
        RadiolensError: (500, N_("The program is not set up rightly")),
    }
)
"""What errors become that no route has translated; the first that fits counts."""
_PHRASES = (N_("Not Found"), N_("Method Not Allowed"))
"""Phrases of HTTP that a person may see, here only to be translated."""


class HTTPProblem(HTTPException):
    """Ends a request with a problem that has a title, and perhaps members, of its own."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.title = title
        self.members = members or {}


def problem(status: int, title: str, detail: str, members: Mapping[str, Any] | None = None) -> JSONResponse:
    """Return problem details; `members` are added to those of the RFC and never replace them."""
    content = {**(members or {}), "type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(content, status, media_type=MEDIA_TYPE)


def install(app: FastAPI, page: ErrorPage | None = None) -> None:
    """Give every error of the app the one shape; `page` shows it to people who opened a page in a browser."""

    async def told(
        request: Request, status: int, title: str, detail: str, members: Mapping[str, Any] | None = None
    ) -> Response:
        shown = await page(request, status, title, detail) if page else None
        return shown or problem(status, title, detail, members)

    async def too_long(request: Request) -> Response:
        refusal = _too_long()
        return await told(request, refusal.status_code, refusal.title, refusal.detail)

    app.add_middleware(_RefusedBodies, answer=too_long)

    @app.exception_handler(HTTPException)
    async def http(request: Request, raised: HTTPException) -> Response:
        error = _of_body(raised)
        title, members = _(HTTPStatus(error.status_code).phrase), None
        if isinstance(error, HTTPProblem):
            title, members = error.title, error.members
        if error.status_code // 100 == 3:  # the browser is sent elsewhere
            return Response(status_code=error.status_code, headers=error.headers)
        answer = await told(request, error.status_code, title, _detail(request, error), members)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RadiolensError)
    async def ours(request: Request, error: RadiolensError) -> Response:
        status, title = next(answer for kind, answer in _STATUS.items() if isinstance(error, kind))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("%s: %s", type(error).__name__, error)
        return await told(request, status, _(title), told_of_file(str(error)).text)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return await told(request, 422, _("The request cannot be used"), " ".join(map(_sentence, error.errors())))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        """Answer for an error nobody thought of; the server logs its trace, since Starlette raises it again."""
        answer = problem(
            500, _("Internal error"), _("Something unexpected happened; the log of the program tells what.")
        )
        answer.headers.update(HEADERS)  # this answer is made outside of the guard
        return answer


def _of_body(error: HTTPException) -> HTTPException:
    """Return what FastAPI says of a body that it does not take, in words that help; any other error as it is."""
    if isinstance(error, HTTPProblem):
        return error
    if error.status_code == HTTPStatus.BAD_REQUEST:  # no UTF-8, nested without end, a number of thousands of digits
        detail = _("The body cannot be read. Expected a form, or JSON in UTF-8, as /docs describes it.")
        return HTTPProblem(422, _("The request cannot be used"), detail)
    return _too_long() if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else error


def _too_long() -> HTTPProblem:
    return HTTPProblem(413, _("The request is too large"), _("The text is longer than is taken here. Shorten it."))


class _RefusedBodies:
    """ASGI middleware: answers where Starlette does so in its own words, to a declared body over a route's limit."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        refused = False

        async def in_one_shape(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                refused = Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")
                if refused:
                    answer = await self._answer(Request(scope))
                    await answer(scope, receive, send)
            if not refused:
                await send(message)

        await self._app(scope, receive, in_one_shape)


def _sentence(error: Mapping[str, Any]) -> str:
    """Return what is wrong with one field of a request, without repeating what was sent."""
    place = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    return f"{place[:80]}: {error['msg']}."


def _detail(request: Request, error: HTTPException) -> str:
    """Return the detail; where there is but the status's own phrase, say what was asked and where to look."""
    if error.detail != HTTPStatus(error.status_code).phrase:
        return error.detail
    asked = f"{request.method} {request.url.path}"
    return _("%(asked)s is not answered here. The interface is described at /docs.", asked=asked)
