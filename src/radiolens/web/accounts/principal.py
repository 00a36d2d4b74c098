"""Who asks, what they may do, and the dependency by which every route says what it demands.

    @router.get("/worklist", dependencies=[requires(Permission.READ_CASES)])
    def worklist() -> Response: ...

    @router.post("/answers")
    def answer(principal: Annotated[Principal, requires(Permission.ANSWER)]) -> Response: ...

A route that anybody may ask declares `public`. One that declares neither fails a test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from radiolens.locale.translate import gettext as _
from radiolens.web.accounts.csrf import check_request
from radiolens.web.accounts.redirects import away_to, is_navigation
from radiolens.web.problems import HTTPProblem

__all__ = [
    "LOCAL",
    "PERMISSIONS",
    "Identify",
    "Permission",
    "Principal",
    "Requirement",
    "Role",
    "public",
    "requires",
]


class Permission(StrEnum):
    """What can be allowed. A permission is about an action, never about one page."""

    READ_CASES = "read_cases"
    """See the work list, cases, their images and what may be disclosed of the answers."""
    UPLOAD = "upload"
    """Send images: one-off, through the API, or to the work list."""
    ANSWER = "answer"
    """Commit a reader's answer, agree, override, comment, attach the final diagnosis, close and erase a case."""
    EXPORT = "export"
    """Take data out: report, case JSON, CSV."""
    COMPARE = "compare"
    """See how reader, network and both did on the site's cases."""
    PLAN = "plan"
    """Plan the site's thresholds and save them as its profile."""
    READ_MODELS = "read_models"
    """See the installed bundles with their cards and evidence."""
    MANAGE_MODELS = "manage_models"
    """Activate, roll back, and run a version in the shadow."""
    MANAGE_USERS = "manage_users"
    """Make, change and switch off accounts."""
    READ_AUDIT = "read_audit"
    """See who did what and when."""
    SITE_SETTINGS = "site_settings"
    """Change second-reader mode, retention and what else the site sets."""
    OWN_ACCOUNT = "own_account"
    """Change the own password, make and revoke own API tokens, sign out."""


class Role(StrEnum):
    """What a person is in this site; one person may be several."""

    CLINICIAN = "clinician"
    RESEARCHER = "researcher"
    ADMINISTRATOR = "administrator"


_EVERYBODY = frozenset({Permission.READ_MODELS, Permission.OWN_ACCOUNT})

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.CLINICIAN: _EVERYBODY
        | {Permission.READ_CASES, Permission.UPLOAD, Permission.ANSWER, Permission.EXPORT, Permission.COMPARE},
        Role.RESEARCHER: _EVERYBODY
        | {Permission.READ_CASES, Permission.UPLOAD, Permission.EXPORT, Permission.COMPARE, Permission.PLAN},
        # No READ_CASES: who runs the computer need not see patients. A clinician who runs it holds both roles.
        Role.ADMINISTRATOR: _EVERYBODY
        | {
            Permission.PLAN,
            Permission.MANAGE_MODELS,
            Permission.MANAGE_USERS,
            Permission.READ_AUDIT,
            Permission.SITE_SETTINGS,
        },
    }
)
"""What each role may do."""


@dataclass(frozen=True)
class Principal:
    """Who asks. `user_id` is the id of the row in `users`; `name` is the login name, which the audit log shows.

    Who has to change the password may nothing else before.
    """

    user_id: UUID
    name: str
    roles: frozenset[Role]
    withheld: frozenset[Permission] = frozenset()
    must_change_password: bool = False

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the roles allow together, without what is withheld (of an API token, say)."""
        return frozenset[Permission]().union(*(PERMISSIONS[role] for role in self.roles)) - self.withheld

    def may(self, permission: Permission) -> bool:
        """Say whether this is allowed."""
        return permission in self.permissions


LOCAL = Principal(UUID(int=0), "local", frozenset(Role))
"""Whoever sits at this computer while there are no accounts."""


Identify = Callable[[Request], Awaitable[Principal]]
"""Says who asks, and sets `request.state.csrf_token` for a session; raises HTTPProblem 401 if nobody is signed in.

`app.state.identify` is one.
"""


@dataclass(frozen=True)
class Requirement:
    """What a route demands: a permission, or None of a route that anybody may ask. A dependency of FastAPI.

    `streamed`: the route receives its body itself, by `uploads.received`, which then looks for the CSRF token.
    """

    permission: Permission | None
    streamed: bool = False

    async def __call__(self, request: Request) -> Principal | None:
        """Return who asks; raise HTTPProblem 401 if nobody is signed in, 403 without the permission or CSRF token."""
        if self.permission is None:
            await _recognise(request)
            return None
        identify: Identify = request.app.state.identify
        principal = await identify(request)
        request.state.principal = principal
        self._check(request, principal)
        expected = getattr(request.state, "csrf_token", "")
        if expected:
            await check_request(request, expected, streamed=self.streamed)
        return principal

    def _check(self, request: Request, principal: Principal) -> None:
        if principal.must_change_password and self.permission is not Permission.OWN_ACCOUNT:
            if is_navigation(request):
                raise away_to(request, "/account")
            detail = _("The password of this account has to be changed first, on the page Account.")
            raise HTTPProblem(403, _("Change the password"), detail)
        if self.permission and not principal.may(self.permission):
            detail = _(
                "The account %(name)s lacks the permission %(permission)s. Ask an administrator of this site for a "
                "role that has it.",
                name=principal.name,
                permission=self.permission.value,
            )
            raise HTTPProblem(403, _("Not allowed"), detail)


async def _recognise(request: Request) -> None:
    """Note who opens a page that everybody may open, so that it shows what belongs to the person."""
    if is_navigation(request):
        with suppress(HTTPException):  # nobody is signed in
            request.state.principal = await request.app.state.identify(request)


def requires(permission: Permission, *, streamed: bool = False) -> Any:  # noqa: ANN401  as FastAPI declares Depends
    """Return the dependency of a route that demands a permission; its value is the Principal."""
    return Depends(Requirement(permission, streamed))


public: Any = Depends(Requirement(None))
"""The dependency of a route that anybody may ask, signed in or not; it tells nothing about patients."""
