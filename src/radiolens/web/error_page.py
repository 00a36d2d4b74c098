"""What a person sees where a page cannot be shown."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from radiolens.web.accounts.redirects import is_navigation
from radiolens.web.templating import templates

__all__ = ["ErrorView", "show_error"]

_FOR_PROGRAMS = ("/api/", "/upload/", "/healthz", "/readyz", "/openapi.json", "/static/")


@dataclass(frozen=True)
class ErrorView:
    """What `error.html` shows."""

    status: int
    title: str
    detail: str


async def show_error(request: Request, status: int, title: str, detail: str) -> Response | None:
    """Return the page for who opened a page or sent a form in a browser, None for programs and scripts."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    by_form = request.method == "POST" and request.headers.get("sec-fetch-mode", "") == "navigate"
    if path.startswith(_FOR_PROGRAMS) or not (is_navigation(request) or by_form):
        return None
    return templates.TemplateResponse(request, "error.html", {"page": ErrorView(status, title, detail)}, status)
