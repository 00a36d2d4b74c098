"""The headers of every answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["HEADERS", "HTTPS_HEADERS"]

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        # data: is for the images of an answer, which are part of its page and have no address of their own.
        "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: with it browsers send `Origin: null` with a form, which the guard must refuse.
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)
"""Only scripts and styles of our own, nothing in frames, nothing kept by the browser or a proxy."""

HTTPS_HEADERS: Mapping[str, str] = MappingProxyType({**HEADERS, "Strict-Transport-Security": "max-age=31536000"})
"""Over HTTPS: for a year the browser asks this site by HTTPS alone."""
