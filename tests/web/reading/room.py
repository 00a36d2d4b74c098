"""The reading room in a real browser, for stories: files are sent, cases opened, keys pressed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web.browsing import payload
from tests.web.serving import film, png

LONG_MS = 120_000
"""For an answer, or a viewer that a busy machine starts for the first time."""

FILM = png(film())
SEED = 3
"""Of a chest network whose maps show something."""


def choose(page: Page, *files: tuple[str, bytes], task: str = "chest-xray") -> None:
    """Send files from the work list."""
    page.locator("[name=task]").first.select_option(task)
    page.set_input_files("#files", [payload(name, content) for name, content in files])


def send(page: Page, *files: tuple[str, bytes], task: str = "chest-xray") -> str:
    """Send files, open the first case that they make once it is answered, and return its address."""
    choose(page, *files, task=task)
    link = page.locator("#queue a").last
    expect(link).not_to_have_text("waiting for the network", timeout=LONG_MS)
    link.click()
    opened(page)
    return page.url


def opened(page: Page) -> None:
    """Wait until the viewer has drawn the image; with its first drawing it gives the map's canvas a size."""
    expect(page.locator("#viewer[data-shown]")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#heat[width]")).to_be_attached(timeout=LONG_MS)


def reach(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(80):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {selector}")
