"""Where a browser is sent, and how it is known: never to another site."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["away_to", "is_navigation", "own_path", "root_of"]


def root_of(request: Request) -> str:
    """Return what stands before every path of the app, empty or for instance `/radiolens`."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def own_path(address: str) -> str:
    """Return an address if it is a path of this server, else nothing."""
    if not address.startswith("/") or address.startswith(("//", "/\\")) or "\\" in address or not address.isprintable():
        return ""
    parts = urlsplit(address)
    return "" if parts.scheme or parts.netloc else address


def is_navigation(request: Request) -> bool:
    """Say whether a person opens a page with a browser; scripts and programs want a problem document instead."""
    return (
        request.method in ("GET", "HEAD")
        and "text/html" in request.headers.get("accept", "")
        and request.headers.get("sec-fetch-mode", "navigate") == "navigate"
    )


def away_to(request: Request, path: str, *, back: bool = False) -> HTTPException:
    """Return the exception that sends the browser to a path of the app; with `back` it may return here later."""
    query = f"?next={quote(_here(request), safe='')}" if back else ""
    return HTTPException(303, headers={"Location": f"{root_of(request)}{path}{query}"})


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
