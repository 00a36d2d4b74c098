"""What each role may do, and that every route says what it demands."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from radiolens.settings import Settings
from radiolens.web import problems
from radiolens.web.accounts.principal import LOCAL, PERMISSIONS, Permission, Principal, Role, public, requires
from radiolens.web.app import create_app
from tests.web.accounts.routes import declared_routes


def test_every_route_declares_one_requirement() -> None:
    routes = list(declared_routes(create_app(Settings())))
    assert len(routes) > 8
    assert [str(route) for route in routes if len(route.requirements) != 1] == []


def test_a_route_that_declares_nothing_would_be_found() -> None:
    app = create_app(Settings())
    app.add_api_route("/forgotten", lambda: "open to all", methods=["GET"])
    assert [str(route) for route in declared_routes(app) if not route.requirements] == ["GET /forgotten"]


def test_every_permission_is_given_to_somebody_and_every_role_has_some() -> None:
    assert frozenset().union(*PERMISSIONS.values()) == frozenset(Permission)
    assert PERMISSIONS.keys() == set(Role)


@pytest.mark.parametrize(
    ("role", "allowed", "denied"),
    [
        (Role.CLINICIAN, Permission.ANSWER, Permission.MANAGE_USERS),
        (Role.RESEARCHER, Permission.PLAN, Permission.ANSWER),
        (Role.ADMINISTRATOR, Permission.READ_AUDIT, Permission.READ_CASES),
    ],
)
def test_a_role_may_what_it_is_for_and_no_more(role: Role, allowed: Permission, denied: Permission) -> None:
    one = Principal(UUID(int=1), "one", frozenset({role}))
    assert one.may(allowed)
    assert not one.may(denied)


def test_roles_add_up_and_what_is_withheld_is_not_allowed() -> None:
    both = Principal(UUID(int=1), "both", frozenset({Role.CLINICIAN, Role.ADMINISTRATOR}))
    assert both.may(Permission.ANSWER)
    assert both.may(Permission.MANAGE_USERS)
    token = Principal(both.user_id, both.name, both.roles, frozenset({Permission.MANAGE_USERS}))
    assert token.may(Permission.ANSWER)
    assert not token.may(Permission.MANAGE_USERS)


def test_whoever_sits_at_the_computer_may_everything_while_there_are_no_accounts() -> None:
    assert LOCAL.permissions == frozenset(Permission)


def app_for(principal: Principal) -> TestClient:
    app = FastAPI()
    problems.install(app)

    async def identify(request: Request) -> Principal:
        return principal

    app.state.identify = identify

    @app.get("/audit")
    def audit(who: Annotated[Principal, requires(Permission.READ_AUDIT)]) -> str:
        return who.name

    @app.get("/open", dependencies=[public])
    def everybody() -> str:
        return "everybody"

    return TestClient(app)


def test_a_route_is_given_who_asks_and_refuses_who_may_not() -> None:
    admin = app_for(Principal(UUID(int=1), "ada", frozenset({Role.ADMINISTRATOR})))
    assert admin.get("/audit").json() == "ada"
    doctor = app_for(Principal(UUID(int=2), "bob", frozenset({Role.CLINICIAN})))
    refused = doctor.get("/audit")
    assert refused.status_code == 403
    assert "bob lacks the permission read_audit" in refused.json()["detail"]
    assert doctor.get("/open").json() == "everybody"
