"""Answers only this computer until accounts exist, and sets the security headers."""

from __future__ import annotations

import ipaddress
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiolens.web.headers import HEADERS
from radiolens.web.problems import problem

__all__ = ["LoopbackGuard"]

_SAFE_METHODS = ("GET", "HEAD")
_FORWARDING = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")
_FORWARDING_PREFIX = "x-forwarded"
_SAME_SITE = ("same-origin", "none")  # not same-site: another port of this computer is another program


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
    if scope["method"] not in _SAFE_METHODS and _is_cross_site(headers):
        return "The request comes from another site. Open radiolens by its own address."
    if allow_remote:
        return ""
    if any(name in _FORWARDING or name.startswith(_FORWARDING_PREFIX) for name in headers):
        return "The request came through a proxy. radiolens answers only this computer until accounts exist."
    addresses = [_address(scope.get("client")), _address(scope.get("server")), _host(headers)]
    if not all(_is_loopback(address) for address in addresses):
        return (
            "radiolens answers only this computer until accounts exist. Open it there by http://127.0.0.1 and its port."
        )
    return ""


def _is_cross_site(headers: Headers) -> bool:
    """Say whether a browser sent the request for a page of another origin; a program sends neither header."""
    if headers.get("sec-fetch-site", "none") not in _SAME_SITE:
        return True
    origin = headers.get("origin")
    return origin is not None and _authority(origin) != headers.get("host", "")


def _authority(origin: str) -> str | None:
    """Return host and port of an origin, None for `null` and anything else that is none."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _address(pair: tuple[str, int] | None) -> str:
    return pair[0] if pair else ""


def _host(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(address: str) -> bool:
    """Say so for 127.0.0.0/8, alone or mapped into IPv6, for ::1, and for `localhost` (RFC 6761: no name server's)."""
    if address == "localhost":
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
