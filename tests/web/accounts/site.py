"""A site with people, for tests: the real app on a database and a clock of its own, and browsers that are signed in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from radiolens.settings import Settings
from radiolens.store import accounts, audit
from radiolens.store.accounts import Account
from radiolens.store.database import Database
from radiolens.web.accounts.principal import Role
from radiolens.web.accounts.service import Accounts
from radiolens.web.app import create_app
from tests.web.serving import CHEAP_KIB, LOCAL

PASSWORD = "orange kettle marble sunday"  # noqa: S105  of people who do not exist
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
"""What a browser sends that opens a page."""


@dataclass
class MovableClock:
    """A clock that stands until it is moved."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass(frozen=True)
class Site:
    """The app while it runs."""

    app: FastAPI
    clock: MovableClock

    @property
    def database(self) -> Database:
        found: Database = self.app.state.database
        return found

    @property
    def accounts(self) -> Accounts:
        found: Accounts = self.app.state.accounts
        return found

    def browser(self, address: str = LOCAL, client: tuple[str, int] = ("127.0.0.1", 1)) -> TestClient:
        """Return a browser that has no cookies and shows where it is sent."""
        return TestClient(self.app, base_url=address, client=client, follow_redirects=False)

    def add(self, *roles: Role, name: str = "", password: str = PASSWORD) -> Account:
        """Make an account with a name of its own."""
        hashed = self.accounts.passwords.hash(password)
        with self.database.session() as session:
            return accounts.add_account(session, name or f"user-{uuid4().hex[:12]}", roles, hashed)

    def signed_in(self, *roles: Role) -> tuple[TestClient, Account]:
        """Return a browser in which a new account is signed in."""
        account, browser = self.add(*roles), self.browser()
        assert sign_in(browser, account.name).status_code == 303
        return browser, account

    def log(self, action: str) -> list[audit.Entry]:
        """Return the entries of the audit log with this action, the newest first."""
        with self.database.reading() as session:
            return list(audit.entries(session, action=action))


@contextmanager
def running_site(**settings: Any) -> Iterator[Site]:  # noqa: ANN401  any setting
    """Run the app in this process."""
    clock = MovableClock()
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        app = create_app(Settings(**{"home": home, "password_memory_kib": CHEAP_KIB, **settings}), clock)
        stack.enter_context(TestClient(app, base_url=LOCAL, client=("127.0.0.1", 1)))
        yield Site(app, clock)


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field of a page."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no hidden field {name}"
    return found[1]


def csrf(browser: TestClient) -> str:
    """Return the token that the pages of this browser bring."""
    found = re.search(r'<meta name="csrf-token" content="([^"]+)"', browser.get("/account").text)
    assert found, "nobody is signed in"
    return found[1]


def send(browser: TestClient, path: str, **fields: Any) -> Response:  # noqa: ANN401  any field of a form
    """Send a form of a page, as a browser does in which somebody is signed in."""
    return browser.post(path, data={"csrf_token": csrf(browser), **fields}, headers=PAGE)


def sign_in(browser: TestClient, name: str, password: str = PASSWORD, wanted: str = "") -> Response:
    """Fill in the form."""
    token = hidden(browser.get("/sign-in").text, "form_token")
    form = {"name": name, "password": password, "form_token": token, "next": wanted}
    return browser.post("/sign-in", data=form, headers=PAGE)
