"""Before there are accounts, and how the first one comes about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radiolens.store import accounts
from radiolens.web.accounts.principal import Role
from tests.web.accounts.site import PAGE, PASSWORD, Site, hidden, running_site, sign_in

FORM = {"name": "Ada", "display_name": "Dr Ada", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def empty() -> Iterator[Site]:
    """Return a site without accounts."""
    with running_site() as found:
        yield found


def test_a_computer_without_accounts_is_used_without_signing_in_until_the_first_one_is_made(empty: Site) -> None:
    browser = empty.browser()
    start = browser.get("/", headers=PAGE)
    assert start.status_code == 200
    assert "Set up accounts" in start.text
    assert "Sign out" not in start.text
    assert browser.get("/sign-in").headers["location"] == "/"
    assert "without signing in" in browser.get("/account").text
    assert browser.get("/users").status_code == 200
    token = hidden(browser.get("/first-run").text, "form_token")
    wrong = browser.post("/first-run", data={**FORM, "again": "another one", "form_token": token})
    assert wrong.status_code == 422
    assert "differ" in wrong.text
    assert 'value="Ada"' in wrong.text
    assert PASSWORD not in wrong.text
    assert browser.post("/first-run", data=FORM).status_code == 422  # the form's token is missing
    done = browser.post("/first-run", data={**FORM, "form_token": token})
    assert done.status_code == 303
    assert "Account: ada" in browser.get("/", headers=PAGE).text
    assert 'name="csrf-token" content=""' not in browser.get("/docs", headers=PAGE).text  # it is tried there
    assert browser.get("/users").status_code == 200
    other = empty.browser()
    assert other.get("/", headers=PAGE).headers["location"].startswith("/sign-in")
    assert other.get("/first-run").status_code == 404
    assert other.post("/first-run", data={**FORM, "name": "eve", "form_token": token}).status_code == 404
    with empty.database.reading() as session:
        (ada,) = accounts.list_accounts(session)
    assert ada.roles == frozenset(Role)
    assert empty.log("user.first")[0].actor == "ada"


def test_the_first_account_is_an_administrators(empty: Site) -> None:
    answer = empty.browser().post("/users", data={"name": "bob", "roles": "clinician"})
    assert answer.status_code == 422
    assert "has to be an administrator" in answer.text.replace("&#39;", "'")


def test_a_site_that_lets_others_in_answers_nobody_until_an_administrator_is_made() -> None:
    with running_site(allow_remote=True, trusted_proxies="127.0.0.1") as site:
        forwarded = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}
        here, there = site.browser(), site.browser("https://films.example")
        there.headers.update(forwarded)
        assert here.get("/", headers=PAGE).headers["location"] == "/first-run"
        assert here.get("/api/v1/tasks").status_code == 401
        told = there.get("/api/v1/tasks")
        assert told.status_code == 401
        assert "radiolens users add" in told.json()["detail"]
        assert there.get("/first-run").status_code == 403
        assert there.post("/first-run", data=FORM).status_code == 403
        site.add(Role.ADMINISTRATOR, name="ada")
        assert sign_in(there, "ada").status_code == 303
        assert there.get("/users").status_code == 200
        assert here.get("/api/v1/tasks").status_code == 401


def test_the_app_stands_below_a_path_whether_the_proxy_cuts_it_off_or_not() -> None:
    with running_site(root_path="/radiolens") as site:
        site.add(Role.ADMINISTRATOR, Role.CLINICIAN, name="ada")
        for prefix in ("", "/radiolens"):
            browser = site.browser()
            sent = browser.get(f"{prefix}/users", headers=PAGE)
            assert sent.headers["location"] == "/radiolens/sign-in?next=%2Fradiolens%2Fusers"
            page = browser.get(f"{prefix}/sign-in").text
            assert 'action="/radiolens/sign-in"' in page
            form = {"name": "ada", "password": PASSWORD, "form_token": hidden(page, "form_token")}
            answer = browser.post(f"{prefix}/sign-in", data={**form, "next": "/radiolens/users"})
            assert answer.headers["location"] == "/radiolens/users"
            start = browser.get(f"{prefix}/", headers=PAGE).text
            assert 'href="/radiolens/users"' in start
            assert '"/static' not in start
            assert browser.get(f"{prefix}/static/frame.css").status_code == 200
