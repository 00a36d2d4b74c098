"""WCAG 2.2 AA, as far as axe can tell, in both themes and on a tablet; and what it cannot tell."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.web.browsing import choose_map, done, pick, watched_page
from tests.web.serving import Server, film, head_series, png

FILM = png(film())
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
TABLET = {"width": 1280, "height": 800}
UPRIGHT = {"width": 800, "height": 1280}
SMALLEST_TARGET_PX = 24  # WCAG 2.2, 2.5.8


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{entry['id']}: {node['html'][:150]}" for entry in found for node in entry["nodes"]]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_in_either_theme(browser: Browser, server: Server, scheme: str) -> None:
    with watched_page(browser, server, color_scheme=scheme, viewport=TABLET) as page:
        assert violations(page) == []
        page.locator("summary").click()
        pick(page, ("film.png", FILM), ("letter.pdf", b"%PDF-1.7"))
        done(page, "Done: 2 results")
        page.locator(".show-1").first.check()
        assert violations(page) == []
        page.get_by_label("Brain tumour").check()
        pick(page, *[(f"IM{number}", content) for number, content in enumerate(head_series(3))])
        expect(page.locator(".card")).to_have_count(3)
        expect(page.get_by_role("button", name="Analyse")).to_be_enabled()
        page.get_by_role("button", name="Analyse").click()
        expect(page.locator("#status")).to_contain_text("analysed already")
        assert violations(page) == []


@pytest.mark.parametrize("viewport", [TABLET, UPRIGHT], ids=["lying", "upright"])
def test_a_tablet_shows_all_of_it_with_targets_for_fingers(
    browser: Browser, server: Server, viewport: dict[str, int]
) -> None:
    with watched_page(browser, server, viewport=viewport, has_touch=True) as page:
        pick(page, ("film.png", FILM))
        done(page)
        page.locator(".show-1").tap()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        buttons = "button:not(dialog *, .start-tour, .language *)"  # the tour is closed, and no other language chosen
        targets = page.locator(f".study, summary, input[type=file], {buttons}, .maps label, .opacity, footer a")
        for index in range(targets.count()):
            box = targets.nth(index).bounding_box()
            assert box, targets.nth(index)
            assert min(box["width"], box["height"]) >= SMALLEST_TARGET_PX or targets.nth(index).evaluate(
                "element => element.tagName === 'A'"  # a link in a sentence is excepted
            )
        picture = page.locator(".picture").bounding_box()
        assert picture
        assert picture["width"] > 0.5 * viewport["width"] - 50


def test_the_page_reads_well_at_four_times_the_size(browser: Browser, server: Server) -> None:
    with watched_page(browser, server, viewport={"width": 320, "height": 640}) as page:  # 1280 at 400 %, WCAG 1.4.10
        pick(page, ("film.png", FILM))
        done(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_screen_reader_is_told_what_happens(page: Page) -> None:
    assert page.locator("#status").get_attribute("role") == "status"
    pick(page, ("film.png", FILM))
    done(page, "Done: ")
    card = page.get_by_role("article")
    headline = card.get_by_role("heading", level=2).inner_text()
    assert card.get_attribute("aria-labelledby") == card.get_by_role("heading", level=2).get_attribute("id")
    expect(page.locator("#status")).to_contain_text(headline)
    expect(card.get_by_role("group", name="Heat map").get_by_role("radio")).to_have_count(3)
    expect(card.get_by_role("img", name="The image that was analysed")).to_be_visible()
    choose_map(card, "Pneumonia")
    expect(card.get_by_role("img", name="Heat map of pneumonia, over the image")).to_be_visible()
