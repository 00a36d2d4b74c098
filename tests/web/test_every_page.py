"""axe on every page, for every role that may see it, in both themes: the pages are those of the router."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from radiolens.bundle import InstalledBundle, read_bundle, write_evidence_hashes
from radiolens.settings import Settings
from radiolens.store import models
from radiolens.store.accounts import add_account
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web.accounts.passwords import Passwords
from radiolens.web.accounts.principal import PERMISSIONS, Role
from radiolens.web.app import create_app
from tests.tiny_bundle import make_bundle
from tests.web.accounts.routes import DeclaredRoute, declared_routes
from tests.web.accounts.site import PASSWORD
from tests.web.administration.outcomes import add_case, answer, fill
from tests.web.browsing import keep_picture, watched_page
from tests.web.reading.compared import keep
from tests.web.reading.room import FILM, opened
from tests.web.reading.test_comparison import ILL, WELL
from tests.web.serving import CHEAP_KIB, Server, serving
from tests.web.test_accessibility import TABLET, violations
from tests.worklist.site import wait_until

pytestmark = pytest.mark.slow

ROUTES = sorted((route for route in declared_routes(create_app(Settings())) if route.method == "GET"), key=str)
ENDLESS = "/api/v1/events"
NO_PAGE_HERE = {
    "/first-run": "there are accounts; tests/web/accounts/test_accounts_browser.py judges it",
    "/sign-in/elsewhere": "there is no provider to be led to",
    "/sign-in/callback": "nobody comes back from a provider",
}
"""Public pages that this site does not have, and why."""
QUERIES = {"/thresholds/curves": "?question={sha256}:tuberculosis"}
"""What a route has to be asked for more than its path says."""


@dataclass(frozen=True)
class Site:
    """A running program with people, cases, outcomes and two versions of a network; `names` fill in addresses."""

    server: Server
    names: Mapping[str, str]
    judged: set[str] = field(default_factory=set)
    """Contents of pages that another role has seen, too."""

    def address(self, route: DeclaredRoute) -> str:
        """Return an address of the route that leads to something; a parameter that is not known here fails."""
        evidence = {"name": "model_card.md"} if "/evidence/" in route.path else {}
        query = QUERIES.get(route.path, "")
        return self.server.address + f"{route.path}{query}".format(**{**self.names, **evidence})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("pages")
    old, new = (read_bundle(make_bundle(home / "bundles", seed=seed, version=f"{seed}.0.0")) for seed in (7, 8))
    (old.folder / "evidence").mkdir()
    (old.folder / "evidence/model_card.md").write_text("# A card\n\nOf nothing.\n")
    write_evidence_hashes(old.folder)
    database = open_database(f"sqlite:///{home}/radiolens.db")
    fill_database(database, old, new)
    with serving(home, {"RADIOLENS_GATE": "header"}) as server:
        case_id, image_id = send_film(server)
        with database.session() as session:
            for role in reversed(Role):  # the administrator first, as it has to be
                account = add_account(session, role, (role,), Passwords(CHEAP_KIB).hash(PASSWORD))
        names = {"case_id": case_id, "image_id": image_id, "user_id": str(account.id), "sha256": old.sha256}
        yield Site(server, {**names, "name": "chest-xray", "role": "clinician", "label": "pneumonia", "place": "0"})
    database.close()


def fill_database(database: Database, old: InstalledBundle, new: InstalledBundle) -> None:
    """Leave what months of work leave: outcomes to plan by, readings to compare, and a version in the shadow."""
    fill(database, old, ill=12, well=12)  # axe takes long for long lists
    keep(database, [*ILL, *WELL])
    with database.session() as session:
        models.activate(session, old, None, LOCAL_USER_ID)
        models.start_shadow(session, new, None, LOCAL_USER_ID)
    scores = {"pneumonia": 0.2, "tuberculosis": 0.2}
    for score in (0.1, 0.9):
        add_case(database, [(answer(old, scores), False), (answer(new, {**scores, "tuberculosis": score}), True)])


def send_film(server: Server) -> tuple[str, str]:
    """Send a film while there are no accounts, and return the ids of its case and of its image."""
    cases = f"{server.address}/api/v1/cases"
    sent = httpx2.post(cases, files={"file": ("a.png", FILM)}, data={"task": "chest-xray"}, timeout=60).json()
    (case,) = sent["cases"]
    wait_until(lambda: httpx2.get(f"{cases}/{case['case_id']}").json()["progress"]["done"] == 1)
    return case["case_id"], case["images"][0]["image_id"]


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def is_page(page: Page, site: Site, route: DeclaredRoute) -> bool:
    """Say whether the route answers with a page; one that gives no answer at all is known to do so."""
    if route.path == ENDLESS:
        return False
    found = page.request.get(site.address(route), max_redirects=0)
    assert (found.status == 200) == (route.path not in NO_PAGE_HERE), f"{route}: {found.status}"
    return found.ok and found.headers["content-type"].startswith("text/html")


def drawn(page: Page) -> None:
    """Wait for what scripts draw."""
    if page.locator("#viewer").count():
        opened(page)
    if page.locator("#swagger-ui").count():
        page.locator("#swagger-ui .opblock").first.wait_for()


def content(page: Page) -> str:
    """Return what the page holds below the navigation, without what is new on each visit."""
    return re.sub(
        r'value="[\w.-]{40,}"', "", page.evaluate("(document.querySelector('#content') ?? document.body).innerHTML")
    )


def judged(page: Page, name: str) -> list[str]:
    """Return what axe finds on an open page with all that is folded away, in either theme."""
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{name}, {scheme}: {violation}" for violation in violations(page)]
        keep_picture(page, f"page-{name}-{scheme}", full=True)
    return found


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_axe_finds_nothing_on_any_page_that_a_role_may_see(browser: Browser, site: Site, role: Role | None) -> None:
    allowed = PERMISSIONS[role] if role else {None}
    found, pages = [], []
    with watched_page(browser, site.server, "/sign-in", viewport=TABLET) as page:
        if role:
            sign_in(page, role)
        for route in ROUTES:
            if route.permission in allowed and is_page(page, site, route):
                pages.append(route.path)
                page.goto(site.address(route))
                drawn(page)
                if content(page) in site.judged:
                    continue
                site.judged.add(content(page))
                found += judged(page, f"{role}{re.sub('[^a-z]+', '-', route.path)}")
    assert found == []
    assert len(pages) > (8 if role else 1)
