"""Print page and comparison in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from radiolens.store.database import open_database
from tests.web.browsing import watched_page
from tests.web.reading.compared import keep
from tests.web.reading.test_comparison import ILL, WELL
from tests.web.serving import Server, film, png, serving
from tests.web.test_accessibility import violations
from tests.worklist.site import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("printed")
    database = open_database(f"sqlite:///{home}/radiolens.db")
    keep(database, [*ILL, *WELL])
    database.close()
    with serving(home, {"RADIOLENS_GATE": "header"}) as running:
        yield running


@pytest.fixture(scope="module")
def case(server: Server) -> UUID:
    cases = f"{server.address}/api/v1/cases"
    sent = httpx2.post(cases, files={"file": ("a.png", png(film()))}, data={"task": "chest-xray"}, timeout=60)
    found = UUID(sent.json()["cases"][0]["case_id"])
    wait_until(lambda: httpx2.get(f"{cases}/{found}").json()["progress"]["done"] == 1)
    return found


def test_the_print_page_is_accessible_and_can_be_printed(browser: Browser, server: Server, case: UUID) -> None:
    with watched_page(browser, server, f"/cases/{case}/report") as page:
        assert violations(page) == []
        page.evaluate("window.print = () => { window.printed = true; }")
        page.get_by_role("button", name="Print").click()
        assert page.evaluate("window.printed")
        assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('1rem \"Radiolens Sans\"'))")
        widths = page.locator("figure img").evaluate_all("pictures => pictures.map(picture => picture.naturalWidth)")
        assert len(widths) == 3
        assert min(widths) > 0
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="Print")).to_be_hidden()
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_the_pdf_is_downloaded(browser: Browser, server: Server, case: UUID) -> None:
    with watched_page(browser, server, f"/cases/{case}/report") as page:
        with page.expect_download() as download:
            page.get_by_role("link", name="PDF").click()
        assert download.value.suggested_filename == f"radiolens-{str(case)[:8]}.pdf"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_comparison_is_accessible_in_both_themes(browser: Browser, server: Server, scheme: str) -> None:
    with watched_page(browser, server, "/comparison", color_scheme=scheme) as page:
        expect(page.get_by_role("table")).to_be_visible()
        page.locator("summary").click()
        assert violations(page) == []


def test_the_comparison_fits_a_narrow_screen(browser: Browser, server: Server) -> None:
    with watched_page(browser, server, "/comparison", viewport={"width": 400, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
