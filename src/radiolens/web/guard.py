"""Answers only this computer until accounts exist, and sets the security headers."""

from __future__ import annotations

import ipaddress
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiolens.web.problems import problem

__all__ = ["HEADERS", "LoopbackGuard"]

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
_SAME_SITE = ("same-origin", "none")


class LoopbackGuard:
    """Refuses with 403 what does not come from this computer, unless `allow_remote`; cross-site posts always."""

    def __init__(self, app: ASGIApp, *, allow_remote: bool) -> None:
        self._app = app
        self._allow_remote = allow_remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or pass the request on and add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = _refusal(scope, allow_remote=self._allow_remote)
        app = problem(403, "Forbidden", refusal) if refusal else self._app
        await app(scope, receive, with_headers)


def _refusal(scope: MutableMapping[str, Any], *, allow_remote: bool) -> str:
    """Return why a request is refused, or nothing."""
    headers = Headers(scope=scope)
    if scope["method"] not in ("GET", "HEAD") and _is_cross_site(headers):
        return "The request comes from another site. Open radiolens by its own address."
    if allow_remote:
        return ""
    if any(name in headers for name in _FORWARDING):
        return "The request came through a proxy. radiolens answers only this computer until accounts exist."
    addresses = [_address(scope.get("client")), _address(scope.get("server")), _host(headers)]
    if not all(_is_loopback(address) for address in addresses):
        return "radiolens answers only this computer until accounts exist. Open http://127.0.0.1:8000 on it."
    return ""


def _is_cross_site(headers: Headers) -> bool:
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "none") not in _SAME_SITE:
        return True
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _address(pair: tuple[str, int] | None) -> str:
    return pair[0] if pair else ""


def _host(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
