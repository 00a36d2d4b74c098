"""What readers do, in a real browser: from the drop of a film to its report, by mouse, finger and keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.tiny_bundle import make_bundle
from tests.web.browsing import payload, watched_page
from tests.web.serving import Server, film, head_series, png, serving
from tests.web.test_accessibility import TABLET

pytestmark = pytest.mark.slow

LONG_MS = 120_000
"""For an answer, or a viewer that a busy machine starts for the first time."""

FILM = png(film())
SEED = 3
"""Of a chest network whose maps show something."""
LOOK = os.environ.get("RADIOLENS_LOOK", "")
"""A folder for pictures of what the stories see, to be looked at."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reading")
    make_bundle(folder / "bundles", seed=SEED, version="9.0.0")
    return folder


@pytest.fixture(scope="module")
def desk(home: Path) -> Iterator[Server]:
    """Run a server whose chest network is a tiny one."""
    with serving(home) as found:
        yield found


def seen(page: Page, name: str) -> None:
    """Keep a picture of the page, if somebody wants to look."""
    if LOOK:
        page.screenshot(path=Path(LOOK) / f"{name}.png")


def send(page: Page, *files: tuple[str, bytes], task: str = "chest-xray") -> str:
    """Send files from the work list, open the first case that they make once it is answered, return its address."""
    page.locator("[name=task]").first.select_option(task)
    page.set_input_files("#files", [payload(name, content) for name, content in files])
    link = page.locator("#queue a").last
    expect(link).not_to_have_text("waiting for the network", timeout=LONG_MS)
    link.click()
    opened(page)
    return page.url


def opened(page: Page) -> None:
    expect(page.locator("#viewer[data-shown]")).to_be_visible(timeout=LONG_MS)


def test_a_series_is_read_slice_by_slice_with_the_keyboard(browser: Browser, desk: Server) -> None:
    with watched_page(browser, desk, "/cases", viewport=TABLET) as page:
        send(page, *[(f"IM{number}", content) for number, content in enumerate(head_series(6))], task="brain-mri")
        page.locator("#screen").focus()
        told = page.locator("#told")
        page.keyboard.press("Home")
        expect(told).to_contain_text("Slice 1 of 6")
        page.keyboard.press("ArrowDown")
        expect(told).to_contain_text("Slice 2 of 6")
        page.keyboard.press("End")
        expect(told).to_contain_text("Slice 6 of 6")
        assert page.locator(".edge").all_inner_texts() == ["R", "L", "A", "P"]
        page.keyboard.press("r")
        expect(page.locator(".edge.top")).to_have_text("R")
        page.keyboard.press("i")
        expect(page.locator("[data-do=invert]")).to_have_attribute("aria-pressed", "true")
        before = told.inner_text()
        page.keyboard.press("Alt+ArrowLeft")
        expect(told).not_to_have_text(before)
        page.keyboard.press("0")
        expect(page.locator(".edge.top")).to_have_text("A")
        length = measured(page)
        assert length == pytest.approx(LENGTH_PX / scale(page, 96, 80), rel=0.02)
        seen(page, "series")


LENGTH_PX = 150


def scale(page: Page, rows: int, columns: int) -> float:
    """Return how many pixels of the screen a pixel of 1 mm has, the whole slice being shown."""
    box = page.locator("#film").bounding_box()
    assert box
    return min(box["height"] / rows, box["width"] / columns)


def measured(page: Page) -> float:
    """Draw a length across the middle of the image and return what it says, in mm."""
    page.keyboard.press("l")
    box = page.locator("#film").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2 - LENGTH_PX / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + LENGTH_PX / 2, y, steps=3)
    page.mouse.move(x + LENGTH_PX, y, steps=3)
    page.mouse.up()
    caption = page.locator("#film svg text")
    expect(caption).to_contain_text("mm")
    return float((caption.text_content() or "").split()[0])


def test_a_reader_needs_no_mouse(browser: Browser, desk: Server) -> None:
    with watched_page(browser, desk, "/cases", viewport=TABLET) as page:
        address = send(page, ("film.png", FILM))
        page.goto(f"{desk.address}/cases?sort=-received")
        reach(page, f'a[href$="{address.rsplit("/", 1)[1]}"]')
        page.keyboard.press("Enter")
        opened(page)
        reach(page, "#screen")
        page.keyboard.press("h")
        expect(page.locator("[name=map]").nth(1)).to_be_checked()
        page.keyboard.press("+")
        reach(page, ".mine summary")
        page.keyboard.press("Enter")
        reach(page, ".mine .choice input")
        page.keyboard.press("ArrowRight")
        reach(page, ".mine .reader button")
        page.keyboard.press("Enter")
        expect(page.locator(".notice")).to_be_visible()


def reach(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(80):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {selector}")
