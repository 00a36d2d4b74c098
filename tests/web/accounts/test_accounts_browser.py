"""The first run, signing in and the lock-out, as people see them: by keyboard, in both themes, clean for axe."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from radiolens.store.accounts import add_account
from radiolens.store.database import open_database
from radiolens.web.accounts.passwords import Passwords
from radiolens.web.accounts.principal import Role
from tests.web.accounts.site import PASSWORD
from tests.web.browsing import done, keep_picture, pick, watched_page
from tests.web.serving import CHEAP_KIB, Server, film, png, serving
from tests.web.test_accessibility import violations

pytestmark = pytest.mark.slow

WRONG = "violet kettle marble monday"
NEW = "copper lantern walnut friday"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server without accounts."""
    with serving(tmp_path_factory.mktemp("clinic")) as found:
        yield found


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that has an account, and locks a name after three wrong passwords."""
    home = tmp_path_factory.mktemp("staffed")
    database = open_database(f"sqlite:///{home}/radiolens.db")
    with database.session() as session:
        add_account(session, "ada", tuple(Role), Passwords(CHEAP_KIB).hash(PASSWORD))
    database.close()
    with serving(home, {"RADIOLENS_LOCKOUT_FAILURES": "3"}) as found:
        yield found


def looked_at(page: Page, name: str) -> None:
    """Let axe judge the page in both themes, and keep a picture of it if somebody wants to look."""
    page.wait_for_load_state()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
        keep_picture(page, f"accounts-{name}-{scheme}")


def signed_in(page: Page, name: str, password: str) -> None:
    """Sign in by keyboard alone; the first field has the focus."""
    page.wait_for_selector("#name:focus, #password:focus")
    if page.evaluate("document.activeElement.id") == "name":
        page.keyboard.type(name)
        page.keyboard.press("Tab")
    page.keyboard.type(password)
    with page.expect_navigation():  # or what comes next would be seen on the page before
        page.keyboard.press("Enter")


def test_first_run_from_no_accounts_to_the_first_administrator_and_a_second_person(
    browser: Browser, clinic: Server
) -> None:
    with watched_page(browser, clinic) as page:
        pick(page, ("film.png", png(film())))
        done(page)  # without accounts the work begins at once
        page.get_by_role("link", name="Set up accounts").click()
        looked_at(page, "first-run")
        for label, text in (
            ("Your name for signing in", "ada"),
            ("Your full name", "Dr Ada Example"),
            ("Password", PASSWORD),
            ("The same password again", WRONG),
        ):
            page.get_by_label(label, exact=label == "Password").fill(text)
        page.get_by_role("button", name="Make the first administrator").click()
        expect(page.get_by_role("alert")).to_contain_text("The two passwords differ")
        looked_at(page, "first-run-refused")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The same password again").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Account: ada")).to_be_visible()
        page.get_by_role("link", name="Users").click()
        page.get_by_label("Name for signing in").fill("bob")
        page.get_by_role("button", name="Make the account").click()
        given = page.locator("code.secret").inner_text()
        looked_at(page, "users")
        page.get_by_role("link", name="bob").click()
        looked_at(page, "user")
        page.get_by_role("link", name="Audit log").click()
        expect(page.get_by_role("row").nth(1)).to_contain_text("user.add")
        page.get_by_role("link", name="Check the chain").click()
        expect(page.get_by_role("status")).to_contain_text("The chain holds")
        looked_at(page, "audit")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(re.compile("/sign-in$"))
        signed_in(page, "bob", given)
        expect(page.get_by_role("heading", name="Change the password")).to_be_visible()
        page.get_by_label("Current password").fill(given)
        page.get_by_label("New password").fill(NEW)
        page.get_by_label("The same password again").fill(NEW)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Account: bob")).to_be_visible()
        assert page.get_by_role("link", name="Users").count() == 0
        page.get_by_role("link", name="Account: bob").click()
        page.get_by_label("What is it for?").fill("the scanner")
        page.get_by_role("button", name="Make a token").click()
        expect(page.locator("code.secret")).to_contain_text("radiolens_")
        looked_at(page, "account")


def test_signing_in_leads_back_works_with_scripts_and_a_locked_name_is_told_as_such(
    browser: Browser, staffed: Server
) -> None:
    with watched_page(browser, staffed, "/?from=a-link") as page:
        expect(page).to_have_url(re.compile(r"/sign-in\?next="))
        looked_at(page, "sign-in")
        signed_in(page, "ada", WRONG)
        expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
        assert page.get_by_label("Name").input_value() == "ada"
        looked_at(page, "sign-in-wrong")
        signed_in(page, "ada", PASSWORD)
        expect(page).to_have_url(re.compile(r"/\?from=a-link$"))
        pick(page, ("film.png", png(film())))  # the page's script brings the session's token
        done(page)
        page.get_by_role("button", name="Sign out").click()
        for _ in range(3):
            signed_in(page, "eve", WRONG)
            expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("locked")
        looked_at(page, "locked")
        page.goto(staffed.address)
        expect(page).to_have_url(re.compile("/sign-in"))
        assert page.get_by_role("article").count() == 0  # what was seen is not shown again


def test_the_skip_link_is_first_and_the_page_that_is_not_there_is_told_to_people(
    browser: Browser, staffed: Server
) -> None:
    with watched_page(browser, staffed, "/sign-in") as page:
        page.locator("body").evaluate("body => { document.activeElement.blur(); body.tabIndex = -1; body.focus(); }")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.goto(f"{staffed.address}/nowhere")
        expect(page.get_by_role("heading", level=1)).to_have_text("Not Found")
        looked_at(page, "not-found")
