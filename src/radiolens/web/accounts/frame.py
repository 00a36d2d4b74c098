"""What stands around every page: navigation by what one may do, who is signed in, and the CSRF token."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from radiolens.locale.translate import N_
from radiolens.web.accounts.principal import LOCAL, Permission, Principal
from radiolens.web.accounts.redirects import root_of

__all__ = ["NAVIGATION", "Entry", "Frame", "frame_context", "home"]


@dataclass(frozen=True)
class Entry:
    """A page that the navigation names; `permission` None is for everybody."""

    path: str
    title: str
    permission: Permission | None


NAVIGATION = (
    Entry("/cases", N_("Work list"), Permission.READ_CASES),
    Entry("/", N_("One-off reading"), Permission.UPLOAD),
    Entry("/comparison", N_("Reader and network"), Permission.COMPARE),
    Entry("/thresholds", N_("Thresholds"), Permission.PLAN),
    Entry("/models", N_("Models"), Permission.READ_MODELS),
    Entry("/site", N_("Site settings"), Permission.SITE_SETTINGS),
    Entry("/users", N_("Users"), Permission.MANAGE_USERS),
    Entry("/audit", N_("Audit log"), Permission.READ_AUDIT),
    Entry("/help", N_("Help"), None),
)
"""In the order of a day's work; one whose page this app does not have is left out."""


@dataclass(frozen=True)
class Frame:
    """What `layout.html` shows around a page.

    `root` stands before every path. `principal` is None on a page that everybody may open. `without_accounts`: whoever
    sits at this computer uses the program without signing in.
    """

    root: str
    path: str
    csrf_token: str
    principal: Principal | None
    entries: tuple[Entry, ...]

    @property
    def without_accounts(self) -> bool:
        """Say whether nobody has to sign in."""
        return self.principal == LOCAL


def frame_context(request: Request) -> dict[str, Any]:
    """Return what every template is given beside its own page."""
    principal: Principal | None = getattr(request.state, "principal", None)
    root = root_of(request)
    path = request.url.path.removeprefix(root) or "/"
    entries = _entries(principal, getattr(request.app.state, "paths", ()))
    return {"frame": Frame(root, path, getattr(request.state, "csrf_token", ""), principal, entries)}


def home(principal: Principal, paths: Collection[str]) -> str:
    """Return the page on which somebody begins."""
    return next((entry.path for entry in _entries(principal, paths) if entry.permission), "/account")


def _entries(principal: Principal | None, paths: Collection[str]) -> tuple[Entry, ...]:
    if principal is None or principal.must_change_password:
        return ()
    return tuple(
        entry
        for entry in NAVIGATION
        if entry.path in paths and (entry.permission is None or principal.may(entry.permission))
    )
