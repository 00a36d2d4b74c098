"""The tour and the picker of languages in a real browser, with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browsing import done, keep_picture, pick, watched_page
from tests.web.serving import Server, film, png
from tests.web.test_accessibility import TABLET, violations

pytestmark = pytest.mark.slow

FILM = png(film())


@pytest.fixture
def start_page(browser: Browser, server: Server) -> Iterator[Page]:
    with watched_page(browser, server, viewport=TABLET, color_scheme="light") as page:
        yield page


def test_the_tour_is_offered_once_and_walked_with_the_keyboard(start_page: Page) -> None:
    page, tour = start_page, start_page.locator("#tour")
    offer = page.get_by_role("region", name="Tour")
    expect(offer).to_be_visible()
    assert violations(page) == []
    offer.get_by_role("button", name="Show me").press("Enter")
    expect(page.get_by_role("dialog", name="What to look for")).to_be_visible()
    expect(page.get_by_role("heading", name="What to look for")).to_be_focused()
    expect(page.locator(".toured")).to_have_count(1)
    assert violations(page) == []
    expect(tour.get_by_role("button", name="Back")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name="Your image")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    tour.get_by_role("button", name="Next").press("Enter")
    expect(page.get_by_role("heading", name="Your image")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    tour.get_by_role("button", name="Done").press("Enter")
    expect(tour).to_be_hidden()
    expect(page.locator(".toured")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Tour", exact=True)).to_be_visible()
    expect(offer).to_be_hidden()


def test_escape_ends_the_tour_and_no_thanks_is_remembered(start_page: Page) -> None:
    page = start_page
    page.get_by_role("button", name="Tour", exact=True).click()
    expect(page.locator("#tour")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator(".toured")).to_have_count(0)  # by now it has noted that the tour was seen
    page.evaluate("localStorage.clear()")
    page.reload()
    page.get_by_role("button", name="No, thanks").click()
    expect(page.locator("#tour-offer")).to_be_hidden()
    page.reload()
    expect(page.locator("#tour-offer")).to_be_hidden()


def test_the_help_leads_to_the_tour_of_the_work_list(start_page: Page, server: Server) -> None:
    page = start_page
    page.goto(f"{server.address}/help")
    for guide in ("Help for researchers", "Help for administrators", "Help for clinicians"):
        page.get_by_role("link", name=guide).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(guide)
        assert violations(page) == []
    page.get_by_role("link", name="Take the one-minute tour").click()
    expect(page.get_by_role("dialog", name="Add images here")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_reader_changes_the_language_and_reads_an_answer_in_it(browser: Browser, server: Server, scheme: str) -> None:
    with watched_page(browser, server, viewport=TABLET, color_scheme=scheme) as page:
        for code, analyse, finished, disclaimer in (
            ("fr", "Analyser", "Terminé", "Ce n'est pas un dispositif médical"),
            ("hi", "विश्लेषण करें", "पूरा हुआ", "यह चिकित्सा उपकरण नहीं है"),
        ):
            expect(page.locator(".language button")).to_be_hidden()
            page.locator("#language").select_option(code)
            with page.expect_navigation():  # or a file would be chosen before the scripts are there
                page.locator(".language button").press("Enter")
            expect(page.locator("html")).to_have_attribute("lang", code)
            expect(page.get_by_role("button", name=analyse)).to_be_visible()
            pick(page, ("film.png", FILM))
            done(page, finished)
            expect(page.locator(".card .disclaimer")).to_contain_text(disclaimer)
            page.locator(".show-1").first.check()
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            keep_picture(page, f"language-{code}-{scheme}", full=True)
            page.reload()
            expect(page.locator("html")).to_have_attribute("lang", code)
        page.locator("#language").select_option("en")
        page.locator(".language button").click()
        expect(page.get_by_role("button", name="Analyse")).to_be_visible()
