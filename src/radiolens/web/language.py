"""The language of a request: chosen on the page and kept in a cookie, else what the browser asks for."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import SimpleCookie
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from jinja2 import Environment
from markupsafe import Markup
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiolens.locale import writing
from radiolens.locale.languages import ENGLISH, LANGUAGES, Language, current_language, find_language, negotiate, using
from radiolens.locale.translate import gettext, ngettext, plural_forms
from radiolens.web.accounts.principal import public
from radiolens.web.accounts.redirects import own_path
from radiolens.web.problems import HTTPProblem

__all__ = ["COOKIE", "OWN_SCRIPT", "RequestLanguage", "choose", "install", "language_of", "router"]

COOKIE = "radiolens_language"
OWN_SCRIPT: Mapping[str, str] = MappingProxyType({"x-requested-with": "radiolens"})
"""The header by which the pages' own scripts tell that a person reads what is answered."""

_YEAR_S = 365 * 24 * 3600
_FOR_PROGRAMS = ("/api/", "/upload/", "/healthz", "/readyz", "/openapi.json")

router = APIRouter(include_in_schema=False, max_body_size=10_000)  # its form has two short fields


class RequestLanguage:
    """Answers each request in its language, and names it in Content-Language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its language set for all that answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        language = language_of(scope)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Language"] = language.code
            await send(message)

        with using(language):
            await self._app(scope, receive, named)


def language_of(scope: Scope) -> Language:
    """Return the language that a request is answered in.

    Programs get English, whatever else they send, so that a text of the interface is the same for everybody.
    """
    headers = Headers(scope=scope)
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    by_person = all(headers.get(name) == value for name, value in OWN_SCRIPT.items())
    if path.startswith(_FOR_PROGRAMS) and not by_person:
        return ENGLISH
    chosen = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    return (chosen and find_language(chosen.value)) or negotiate(headers.get("accept-language", ""))


@router.post("/language", dependencies=[public])
def choose(
    request: Request, language: Annotated[str, Form(max_length=20)], back: Annotated[str, Form(max_length=2000)] = "/"
) -> Response:
    """Keep the chosen language for this browser, and show the page again from which it was chosen."""
    found = find_language(language)
    if found is None:
        known = ", ".join(entry.code for entry in LANGUAGES)
        raise HTTPProblem(422, "Unknown language", f"There is no language {language!r}. Choose one of {known}.")
    root = request.scope.get("root_path", "")
    answer = RedirectResponse(own_path(back) or f"{root}/", status_code=303)
    answer.set_cookie(
        COOKIE, found.code, max_age=_YEAR_S, path=root or "/", secure=request.url.scheme == "https", httponly=True
    )
    return answer


def install(environment: Environment) -> None:
    """Give the templates the texts, numbers and dates of the request's language."""
    environment.add_extension("jinja2.ext.i18n")
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # the switch that the extension adds
    words: dict[str, Any] = {
        "_": gettext,
        "gettext": _block,
        "ngettext": _plural_block,
        "plural_forms": plural_forms,
        "current_language": current_language,
        "languages": LANGUAGES,
    }
    environment.globals.update(words)
    environment.filters.update({name: getattr(writing, name) for name in writing.__all__})


def _block(text: str, /, **values: object) -> Markup:
    """Return the text of a `{% trans %}` block, which may hold markup of our own; values are escaped."""
    return Markup(gettext(text)) % values  # noqa: S704  the catalogues are ours


def _plural_block(one: str, many: str, count: int, /, **values: object) -> Markup:
    """Return the form for a count of a `{% trans %}` block with `{% pluralize %}`, or of a call; as `_block`."""
    return Markup(ngettext(one, many, count)) % {"count": count, **values}  # noqa: S704  as above
