"""Says from where the app may be asked, and sets the security headers."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, MutableMapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from radiolens.web.headers import HEADERS, HTTPS_HEADERS
from radiolens.web.problems import problem

__all__ = ["LOCAL_KEY", "Guard"]

LOCAL_KEY = "radiolens.local"
"""Of the scope: whether the request comes from this computer, and through no proxy."""

_PEER = "radiolens.peer"
_SAFE_METHODS = ("GET", "HEAD")
_FORWARDING = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")
_FORWARDING_PREFIX = "x-forwarded"
_SAME_SITE = ("same-origin", "none")  # not same-site: another port of this computer is another program
_THIS_COMPUTER = (
    "radiolens answers only this computer: open it there by http://127.0.0.1 and its port. To let others in, make "
    "accounts and set RADIOLENS_ALLOW_REMOTE (docs/accounts.md)."
)
_TLS = (
    "Other computers are answered over HTTPS alone, since passwords and images would be readable on the way. Start "
    "radiolens with RADIOLENS_TLS_CERTIFICATE and RADIOLENS_TLS_KEY, or put a proxy with TLS before it and name it in "
    "RADIOLENS_TRUSTED_PROXIES (docs/accounts.md)."
)


class Guard:
    """Refuses with 403 what comes from where it may not; cross-site posts always.

    Without `allow_remote` this computer alone is answered. With it, others are too: over HTTPS, under one of the names
    of `hosts` (in lower case; empty for any), and through no other proxies than the `trusted` ones, whose word on
    client and scheme is believed. `root` is the path below which a proxy shows the app, empty for none. Whether people
    have to sign in is not decided here.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allow_remote: bool,
        trusted: Sequence[str] = (),
        hosts: Collection[str] = (),
        root: str = "",
    ) -> None:
        self._app = app
        self._allow_remote = allow_remote
        self._hosts = hosts
        self._root = root
        self._trusted = tuple(map(ipaddress.ip_network, trusted))
        # It changes client and scheme of requests that come from a trusted proxy, after it was seen who is the peer.
        # Any, since uvicorn has its own types for what Starlette describes with other ones.
        self._believing: Any = ProxyHeadersMiddleware(cast("Any", self._answer), list(trusted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or pass the request on and add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        addresses = [_address(scope.get("client")), _address(scope.get("server")), _host(headers)]
        scope[LOCAL_KEY] = all(map(_is_loopback, addresses)) and not _is_forwarded(headers)
        _put_below(scope, self._root)
        scope[_PEER] = _address(scope.get("client"))
        await self._believing(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        https = scope.get("scheme") == "https"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (HTTPS_HEADERS if https else HEADERS).items():
                    headers.setdefault(name, value)  # a page may have a stricter policy of its own
            await send(message)

        refusal = self._refusal(scope)
        app = problem(403, "Forbidden", refusal) if refusal else self._app
        await app(scope, receive, with_headers)

    def _refusal(self, scope: MutableMapping[str, Any]) -> str:
        """Return why a request is refused, or nothing."""
        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE_METHODS and _is_cross_site(headers):
            return "The request comes from another site. Open radiolens by its own address."
        if scope[LOCAL_KEY]:
            return ""
        if not self._allow_remote:
            return _THIS_COMPUTER
        peer, host = scope[_PEER], _host(headers)
        if _is_forwarded(headers) and not self._is_trusted(peer):
            return (
                f"The request came through a proxy at {peer}, which is not trusted. If it is yours, name it: "
                f"RADIOLENS_TRUSTED_PROXIES={peer}"
            )
        if self._hosts and host not in self._hosts:
            return f"This site is not called {host[:100]!r}. RADIOLENS_HOSTS has its names."
        return "" if scope.get("scheme") == "https" else _TLS

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _put_below(scope: Scope, root: str) -> None:
    """Say below which path the app stands, and give every path its beginning that a proxy may have cut off."""
    if not root:
        return
    scope["root_path"] = root
    if scope["path"] != root and not scope["path"].startswith(f"{root}/"):
        scope["path"] = root + scope["path"]
        scope["raw_path"] = root.encode() + (scope.get("raw_path") or b"")


def _is_forwarded(headers: Headers) -> bool:
    return any(name in _FORWARDING or name.startswith(_FORWARDING_PREFIX) for name in headers)


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
