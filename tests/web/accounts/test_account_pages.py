"""One's own account, the users of the site, and API tokens."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from radiolens.web.accounts.account_page import TOKEN_DAYS
from radiolens.web.accounts.principal import Role
from radiolens.web.accounts.secret import TOKEN_BEGINNING
from tests.web.accounts.site import PAGE, PASSWORD, Site, csrf, send, sign_in
from tests.web.serving import film, png

NEW = "copper lantern walnut friday"


def secret_of(page: str) -> str:
    """Return what a page shows this once."""
    found = re.search(r'<code class="secret">([^<]+)</code>', page)
    assert found, "the page shows no secret"
    return found[1]


def bearer(site: Site, secret: str) -> TestClient:
    program = site.browser()
    program.headers["Authorization"] = f"Bearer {secret}"
    return program


def made_token(browser: TestClient, days: int = 30) -> str:
    return secret_of(send(browser, "/account/tokens", name="a program", days=days).text)


def test_a_password_is_changed_by_who_knows_it_and_other_browsers_are_signed_out(site: Site) -> None:
    browser, account = site.signed_in(Role.CLINICIAN)
    other = site.browser()
    sign_in(other, account.name)
    answer = send(browser, "/account/password", current=PASSWORD, new=NEW, again=NEW)
    assert answer.status_code == 303
    assert browser.get("/api/v1/tasks").status_code == 200
    assert other.get("/api/v1/tasks").status_code == 401
    assert sign_in(site.browser(), account.name).status_code == 401
    assert sign_in(site.browser(), account.name, NEW).status_code == 303
    assert site.log("user.password")[0].actor == account.name


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"current": NEW, "new": NEW, "again": NEW}, "The current password is wrong"),
        ({"current": PASSWORD, "new": NEW, "again": PASSWORD}, "The two passwords differ"),
        ({"current": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "is the current one"),
        ({"current": PASSWORD, "new": "short", "again": "short"}, "has 5 characters"),
        ({"current": PASSWORD, "new": "x" * 129, "again": "x" * 129}, "has 129 characters"),
        ({"current": PASSWORD, "new": "passwordpassword", "again": "passwordpassword"}, "easily guessed"),
        ({"current": PASSWORD, "new": "aaaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaaa"}, "easily guessed"),
        ({"current": PASSWORD, "new": "radiolens1234", "again": "radiolens1234"}, "easily guessed"),
    ],
)
def test_a_password_that_will_not_do_is_told_why_and_nothing_changes(
    site: Site, fields: dict[str, str], said: str
) -> None:
    browser, account = site.signed_in(Role.CLINICIAN)
    answer = send(browser, "/account/password", **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert sign_in(site.browser(), account.name).status_code == 303


def test_guessing_the_current_password_locks_the_name_too(site: Site) -> None:
    browser, account = site.signed_in(Role.CLINICIAN)
    for _ in range(5):
        send(browser, "/account/password", current=NEW, new=NEW, again=NEW)
    assert sign_in(site.browser(), account.name).status_code == 429


def test_a_new_user_has_to_choose_a_password_before_anything_else(site: Site) -> None:
    administrator, _ = site.signed_in(Role.ADMINISTRATOR)
    name = f"new-{uuid4().hex[:8]}"
    page = send(administrator, "/users", name=name, display_name="Dr New", roles=["clinician"])
    assert page.status_code == 200
    password = secret_of(page.text)
    assert password not in administrator.get("/users").text
    browser = site.browser()
    assert sign_in(browser, name, password, wanted="/?study=chest").headers["location"] == "/account"
    assert browser.get("/", headers=PAGE).headers["location"] == "/account"
    assert browser.get("/api/v1/tasks").status_code == 403
    assert send(browser, "/account/tokens", name="early").status_code == 200  # its own account; but it opens nothing
    early = secret_of(send(browser, "/account/tokens", name="early").text)
    assert bearer(site, early).get("/api/v1/tasks").status_code == 401
    assert send(browser, "/account/password", current=password, new=NEW, again=NEW).status_code == 303
    assert browser.get("/", headers=PAGE).status_code == 200


def test_a_token_lets_a_program_do_what_its_person_may_but_make_no_accounts(site: Site) -> None:
    browser, account = site.signed_in(Role.CLINICIAN, Role.ADMINISTRATOR)
    secret = made_token(browser)
    assert secret.startswith(TOKEN_BEGINNING)
    assert secret not in browser.get("/account").text
    program = bearer(site, secret)
    answer = program.post("/api/v1/predictions", files={"file": ("a.png", png(film()))}, data={"task": "chest-xray"})
    assert answer.json()["status"] == "answered"
    assert program.get("/users").status_code == 403
    assert program.post("/account/tokens", data={"name": "more"}).status_code == 403
    entry = site.log("token.create")[0]
    assert entry.actor == account.name
    assert secret not in str(entry)


def test_a_token_is_revoked_at_once_and_ends_by_itself(site: Site) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    program = bearer(site, made_token(browser, TOKEN_DAYS[0]))
    assert program.get("/api/v1/tasks").status_code == 200
    (token_id,) = re.findall(r"/account/tokens/([0-9a-f-]{36})/revoke", browser.get("/account").text)
    stranger, _ = site.signed_in(Role.ADMINISTRATOR)
    assert send(stranger, f"/account/tokens/{token_id}/revoke").status_code == 422
    assert program.get("/api/v1/tasks").status_code == 200
    assert send(browser, f"/account/tokens/{token_id}/revoke").status_code == 303
    assert program.get("/api/v1/tasks").status_code == 401
    later = bearer(site, made_token(browser, TOKEN_DAYS[0]))
    site.clock.move(days=TOKEN_DAYS[0] + 0.01)
    assert later.get("/api/v1/tasks").status_code == 401


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Bearer guessed", "Basic Zmlyc3Q6cGFzcw==", "radiolens_x"])
def test_what_is_no_token_opens_nothing_even_with_a_session(site: Site, value: str) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    assert browser.get("/api/v1/tasks", headers={"Authorization": value}).status_code == (401 if value else 200)


@pytest.mark.parametrize("fields", [{"name": " "}, {"name": "x", "days": 10_000}, {"name": "x" * 400}])
def test_a_token_has_a_name_and_an_end(site: Site, fields: dict[str, object]) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    assert send(browser, "/account/tokens", **fields).status_code == 422


def test_roles_hold_from_the_next_request_on(site: Site) -> None:
    administrator, _ = site.signed_in(Role.ADMINISTRATOR)
    browser, account = site.signed_in(Role.CLINICIAN)
    assert browser.get("/users").status_code == 403
    assert send(administrator, f"/users/{account.id}/roles", roles=["researcher", "administrator"]).status_code == 303
    assert browser.get("/users").status_code == 200
    assert site.log("user.roles")[0].detail == {"roles": ["administrator", "researcher"]}
    none = send(administrator, f"/users/{account.id}/roles")
    assert none.status_code == 422
    assert "at least one role" in none.text
    assert send(administrator, f"/users/{account.id}/roles", roles=["king"]).status_code == 422


def test_an_account_is_switched_off_reset_and_unlocked(site: Site) -> None:
    administrator, _ = site.signed_in(Role.ADMINISTRATOR)
    browser, account = site.signed_in(Role.CLINICIAN)
    program = bearer(site, made_token(browser))
    assert send(administrator, f"/users/{account.id}/active", active="false").status_code == 303
    assert program.get("/api/v1/tasks").status_code == 401
    assert sign_in(site.browser(), account.name).status_code == 401
    assert "switched off" in administrator.get("/users").text
    assert send(administrator, f"/users/{account.id}/active", active="true").status_code == 303
    assert program.get("/api/v1/tasks").status_code == 401  # a revoked token stays so
    for _ in range(5):
        sign_in(site.browser(), account.name, NEW)
    assert "Unlock the name" in administrator.get(f"/users/{account.id}").text
    assert send(administrator, f"/users/{account.id}/unlock").status_code == 303
    assert sign_in(site.browser(), account.name).status_code == 303
    given = secret_of(send(administrator, f"/users/{account.id}/password").text)
    assert sign_in(site.browser(), account.name).status_code == 401
    assert sign_in(site.browser(), account.name, given).headers["location"] == "/account"


@pytest.mark.parametrize("name", ["", "two words", "first", "FIRST", "local", "console", "x" * 65, "a<b>", ".dot"])
def test_a_name_that_cannot_be_is_told_why(site: Site, name: str) -> None:
    administrator, _ = site.signed_in(Role.ADMINISTRATOR)
    answer = send(administrator, "/users", name=name, roles=["clinician"])
    assert answer.status_code == 422
    if name:
        assert 'role="alert"' in answer.text


def test_an_account_that_is_not_there_is_no_error_of_the_server(site: Site) -> None:
    administrator, _ = site.signed_in(Role.ADMINISTRATOR)
    assert administrator.get(f"/users/{uuid4()}").status_code == 422
    assert administrator.get("/users/7").status_code == 422
    assert send(administrator, f"/users/{uuid4()}/password").status_code == 422


@pytest.mark.parametrize("path", ["/account/tokens", "/cases/00000000-0000-4000-8000-000000000000/answer", "/language"])
def test_a_form_that_is_too_large_is_refused(site: Site, path: str) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    form, token = {"name": "x" * 300_000}, {"X-CSRF-Token": csrf(browser)}
    answer = browser.post(path, data=form, headers=token)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    page = browser.post(path, data=form, headers=PAGE | token)
    assert (page.status_code, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "The text is longer than is taken here. Shorten it." in page.text
