"""Secrets that browsers and programs bring, their hashes, and the cookies that hold them."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

__all__ = [
    "FORM_COOKIE",
    "SESSION_COOKIE",
    "TOKEN_BEGINNING",
    "cookie",
    "delete_cookie",
    "new_secret",
    "new_token",
    "same",
    "set_cookie",
    "sha256_of",
]

SESSION_COOKIE = "radiolens_session"
FORM_COOKIE = "radiolens_form"
"""Of who is not signed in yet: what the form has to send again (double submit)."""

TOKEN_BEGINNING = "radiolens_"  # noqa: S105  no secret: by it a scanner of leaked secrets knows one


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """Return a new API token."""
    return TOKEN_BEGINNING + secrets.token_urlsafe(32)


def sha256_of(secret: str) -> str:
    """Return the hash under which a random secret is kept; it needs no salt, since nobody can guess 256 bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(first: str, second: str) -> bool:
    """Compare two secrets in a time that tells nothing of them; empty ones are never the same."""
    return bool(first) and hmac.compare_digest(first.encode(), second.encode())


def cookie(request: Request, name: str) -> str:
    """Return the cookie of this name, empty if there is none."""
    return request.cookies.get(_full(request, name), "")


def set_cookie(request: Request, answer: Response, name: str, value: str, lasts_s: int | None = None) -> None:
    """Give the browser a cookie that no script reads and no other site sends along.

    Over HTTPS its name begins with `__Host-`, so that it is sent over HTTPS alone and no neighbour can set it.
    """
    secure = request.url.scheme == "https"
    answer.set_cookie(
        _full(request, name), value, max_age=lasts_s, path="/", secure=secure, httponly=True, samesite="lax"
    )


def delete_cookie(request: Request, answer: Response, name: str) -> None:
    """Take a cookie away."""
    secure = request.url.scheme == "https"
    answer.delete_cookie(_full(request, name), path="/", secure=secure, httponly=True, samesite="lax")


def _full(request: Request, name: str) -> str:
    return f"__Host-{name}" if request.url.scheme == "https" else name
