"""Every route for every role, read from the router: a new route is tested without anybody writing it down here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from radiolens.settings import Settings
from radiolens.web.accounts.principal import PERMISSIONS, Role
from radiolens.web.app import create_app
from tests.web.accounts.routes import DeclaredRoute, declared_routes
from tests.web.accounts.site import PAGE, Site, csrf

ROUTES = sorted(declared_routes(create_app(Settings())), key=str)
GUARDED = [route for route in ROUTES if route.permission is not None]
PUBLIC = {
    "/healthz",
    "/readyz",
    "/docs",
    "/language",
    "/sign-in",
    "/sign-in/elsewhere",
    "/sign-in/callback",
    "/first-run",
}
"""Of them nothing of a patient is told, and nothing is changed but the language of a browser and the first account."""

ENDLESS = {"/api/v1/events"}
"""A stream that ends with its reader; that it is opened is tested where it is read."""

SAFE = ("GET", "HEAD")


def address(route: DeclaredRoute) -> str:
    """Return a path that fits the route, of things that are not there."""
    return re.sub(r"\{(\w+)\}", lambda found: str(UUID(int=7)) if found[1].endswith("_id") else "7", route.path)


def ask(browser: TestClient, route: DeclaredRoute, headers: Mapping[str, str] | None = None) -> int:
    return browser.request(route.method, address(route), headers=dict(headers or {})).status_code


def test_the_router_gave_all_parts_of_the_app() -> None:
    assert len(GUARDED) > 50
    for part in ("/", "/cases", "/api/v1/cases", "/upload/", "/models", "/thresholds", "/users", "/audit", "/site"):
        assert part in {route.path for route in GUARDED}


def test_only_known_routes_are_open_to_everybody() -> None:
    assert {route.path for route in ROUTES if route.permission is None} == PUBLIC


def test_nothing_is_told_to_who_is_not_signed_in(site: Site) -> None:
    browser = site.browser()
    assert {str(route): ask(browser, route) for route in GUARDED if ask(browser, route) != 401} == {}
    pages = [route for route in GUARDED if route.method in SAFE]
    sent = [browser.request(route.method, address(route), headers=PAGE) for route in pages]
    assert {answer.status_code for answer in sent} == {303}
    assert all(answer.headers["location"].startswith("/sign-in?next=") for answer in sent)


@pytest.mark.parametrize("role", Role)
def test_a_role_is_refused_what_it_may_not(site: Site, role: Role) -> None:
    browser, _ = site.signed_in(role)
    browser.headers["X-CSRF-Token"] = csrf(browser)
    refused = [route for route in GUARDED if route.permission not in PERMISSIONS[role]]
    assert refused
    assert {str(route): status for route in refused if (status := ask(browser, route)) != 403} == {}


@pytest.mark.parametrize("role", Role)
def test_a_role_is_let_through_to_what_it_may(site: Site, role: Role) -> None:
    browser, _ = site.signed_in(role)
    browser.headers["X-CSRF-Token"] = csrf(browser)
    allowed = [route for route in GUARDED if route.permission in PERMISSIONS[role] and route.path not in ENDLESS]
    found = {str(route): ask(browser, route) for route in allowed if route.path != "/sign-out"}
    assert len(found) > 10
    assert {name: status for name, status in found.items() if status in {401, 403} or status >= 500} == {}
    assert browser.post("/sign-out").status_code == 303


def test_nothing_is_changed_in_a_session_without_its_token(site: Site) -> None:
    browser, _ = site.signed_in(*Role)
    changing = [route for route in GUARDED if route.method not in SAFE]
    assert len(changing) > 15
    assert {str(route): status for route in changing if (status := ask(browser, route)) != 403} == {}
    forged = {"X-CSRF-Token": "guessed", "Content-Type": "multipart/form-data; boundary=x"}
    assert {str(route): status for route in changing if (status := ask(browser, route, forged)) != 403} == {}


def test_no_route_takes_a_token_that_is_none(site: Site) -> None:
    program = site.browser()
    program.headers["Authorization"] = "Bearer radiolens_guessed"
    assert {str(route): status for route in GUARDED if (status := ask(program, route)) != 401} == {}
