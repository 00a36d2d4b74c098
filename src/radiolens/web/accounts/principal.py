"""Who asks, what they may do, and the dependency by which every route says what it demands.

    @router.get("/worklist", dependencies=[requires(Permission.READ_CASES)])
    def worklist() -> Response: ...

    @router.post("/answers")
    def answer(principal: Annotated[Principal, requires(Permission.ANSWER)]) -> Response: ...

A route that anybody may ask declares `public`. One that declares neither fails a test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import Depends, Request

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
    """Who asks. `user_id` is the id of the row in `users`; `name` is the login name, which the audit log shows."""

    user_id: UUID
    name: str
    roles: frozenset[Role]
    withheld: frozenset[Permission] = frozenset()

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
"""Says who asks; raises HTTPProblem 401 if nobody is signed in. `app.state.identify` is one."""


@dataclass(frozen=True)
class Requirement:
    """What a route demands: a permission, or None of a route that anybody may ask. A dependency of FastAPI."""

    permission: Permission | None

    async def __call__(self, request: Request) -> Principal | None:
        """Return who asks; raise HTTPProblem 401 if nobody is signed in, 403 without the permission."""
        if self.permission is None:
            return None
        identify: Identify = request.app.state.identify
        principal = await identify(request)
        if not principal.may(self.permission):
            detail = (
                f"The account {principal.name!r} lacks the permission {self.permission.value!r}. "
                "Ask an administrator of this site for a role that has it."
            )
            raise HTTPProblem(403, "Not allowed", detail)
        return principal


def requires(permission: Permission) -> Any:  # noqa: ANN401  as FastAPI declares Depends
    """Return the dependency of a route that demands a permission; its value is the Principal."""
    return Depends(Requirement(permission))


public: Any = Depends(Requirement(None))
"""The dependency of a route that anybody may ask, signed in or not; it tells nothing about patients."""
