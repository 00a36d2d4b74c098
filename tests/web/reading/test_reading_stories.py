"""What readers do, in a real browser: from the drop of a film to its report, by mouse, finger and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from radiolens.explain.overlay import overlay
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.predict import Predictor
from radiolens.safety.gate import Gate
from tests.tiny_bundle import make_bundle
from tests.web.browsing import drop, keep_picture, watched_page
from tests.web.reading.room import FILM, LONG_MS, SEED, opened, reach, send
from tests.web.serving import Server, film, head_series, serving
from tests.web.test_accessibility import SMALLEST_TARGET_PX, TABLET, UPRIGHT
from tests.worklist.site import wait_until

pytestmark = pytest.mark.slow


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


def canvas(page: Page, selector: str, rows: int, columns: int) -> NDArray[np.uint8]:
    """Return the colours RGBA (rows / 8 - 2, columns / 8 - 2, 4) in the middle of every eighth pixel of an image.

    The canvas shows the whole image, turned by nothing.
    """
    found = page.evaluate(
        """([selector, rows, columns]) => {
            const canvas = document.querySelector(selector);
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const scale = Math.min(height / rows, width / columns);
            const [top, left] = [(height - rows * scale) / 2, (width - columns * scale) / 2];
            const colours = [];
            for (let row = 8; row < rows - 8; row += 8) {
                for (let column = 8; column < columns - 8; column += 8) {
                    const [y, x] = [Math.floor(top + (row + 0.5) * scale), Math.floor(left + (column + 0.5) * scale)];
                    colours.push(...data.slice(4 * (y * width + x), 4 * (y * width + x) + 4));
                }
            }
            return colours;
        }""",
        [selector, rows, columns],
    )
    return np.array(found, np.uint8).reshape(len(range(8, rows - 8, 8)), len(range(8, columns - 8, 8)), 4)


def test_a_film_from_the_drop_to_the_report(browser: Browser, desk: Server, home: Path) -> None:
    with watched_page(browser, desk, "/cases", viewport=TABLET) as page:
        page.locator("[name=task]").first.select_option("chest-xray")
        drop(page, "#upload", ("anna-smith.png", FILM))
        expect(page.locator("#status")).to_contain_text("1 file was taken", timeout=LONG_MS)
        address = page.locator("#queue a").get_attribute("href")
        row = page.locator("tbody tr").filter(has=page.locator(f'a[href="{address}"]'))
        expect(row).to_be_visible(timeout=LONG_MS)  # by itself
        expect(row).not_to_contain_text("Waiting", timeout=LONG_MS)
        keep_picture(page, "list")
        row.locator("a").click()
        opened(page)
        expect(page.locator("main")).not_to_contain_text("smith")
        rows, columns = film().shape
        shown = canvas(page, "#film canvas", rows, columns)[..., 0].astype(int)
        assert np.abs(shown - film()[8:-8:8, 8:-8:8]).mean() < 3
        assert not canvas(page, "#heat", rows, columns)[..., 3].any(), "the map is off at first"
        engine = Predictor.open((home / "bundles",), gate=Gate.HEADER)
        explanation = engine.predict_image(read_untrusted([FILM]), "chest-xray", explain=True).explanation
        assert explanation
        for label in ("pneumonia", "tuberculosis"):
            page.get_by_role("radio", name=label.capitalize(), exact=True).check()
            page.locator("#opacity").fill("100")
            expected = overlay(explanation, label, (rows, columns))[8:-8:8, 8:-8:8].astype(int)
            alpha = expected[..., 3]
            wait_until(lambda alpha=alpha: np.abs(canvas(page, "#heat", rows, columns)[..., 3] - alpha).max() <= 4)
            drawn = canvas(page, "#heat", rows, columns).astype(int)
            strong = expected[..., 3] > 40  # a canvas keeps few digits of the colour of what is nearly transparent
            assert np.abs(drawn[..., 3] - expected[..., 3]).max() <= 4
            assert not strong.any() or np.abs(drawn[strong] - expected[strong]).mean() < 3
        assert expected[..., 3].any() or explanation.maps["pneumonia"].any(), "a network whose maps show something"
        keep_picture(page, "heat")
        page.get_by_role("button", name="I agree with the network").click()
        expect(page.get_by_role("status").first).to_contain_text("Your answer is recorded.")
        keep_picture(page, "agreed")
        report = page.request.get(
            f"{desk.address}{page.get_by_role('link', name='Report (PDF)').get_attribute('href')}"
        )
        assert report.body().startswith(b"%PDF")
        page.get_by_text("Close the case and erase its images").click()
        page.get_by_role("button", name="Close and erase").click()
        expect(page.locator(".look")).to_contain_text("its images are erased")
        keep_picture(page, "closed")


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
        expected = LENGTH_PX / scale(page, 96, 80)
        caption = measured(page)
        wait_until(lambda: length_mm(caption) == pytest.approx(expected, rel=0.02))  # it is drawn while it grows
        keep_picture(page, "series")


LENGTH_PX = 150


def scale(page: Page, rows: int, columns: int) -> float:
    """Return how many pixels of the screen a pixel of 1 mm has, the whole slice being shown."""
    box = page.locator("#film").bounding_box()
    assert box
    return min(box["height"] / rows, box["width"] / columns)


def measured(page: Page) -> Locator:
    """Draw a length across the middle of the image and return what tells it."""
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
    return caption


def length_mm(caption: Locator) -> float:
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


@pytest.mark.parametrize("viewport", [TABLET, UPRIGHT], ids=["lying", "upright"])
def test_a_tablet_reads_a_film_with_one_finger(browser: Browser, desk: Server, viewport: dict[str, int]) -> None:
    held = "lying" if viewport == TABLET else "upright"
    with watched_page(browser, desk, "/cases", viewport=viewport, has_touch=True, color_scheme="dark") as page:
        assert fits(page)
        assert small_targets(page, "main select, main input:not([type=checkbox]), main button, tbody a") == []
        send(page, ("film.png", FILM))
        assert fits(page)
        tapped = ".tools button, .maps label, #panel button, #panel summary, .choice, .links a"
        assert small_targets(page, tapped) == []
        screen = page.locator("#screen").bounding_box()
        assert screen
        assert screen["height"] > 0.4 * viewport["height"]
        page.get_by_role("radio", name="Pneumonia", exact=True).tap()
        keep_picture(page, f"tablet-{held}", full=True)
        told = page.locator("#told")
        before = told.inner_text()
        swipe(page, screen["x"] + screen["width"] / 2, screen["y"] + screen["height"] / 2)
        expect(told).not_to_have_text(before)
        page.locator("[data-do=fit]").tap()
        page.get_by_text("I see it differently, or want to say more").tap()
        form = page.locator(".mine .reader")
        form.get_by_role("group", name="Pneumonia").get_by_text("Absent").tap()
        form.get_by_label("Reason, if you differ from the network").select_option(index=1)
        keep_picture(page, f"tablet-{held}-answer")
        form.get_by_role("button", name="Record my answer").tap()
        expect(page.get_by_role("status").first).to_contain_text("Your answer is recorded.")


def swipe(page: Page, x: float, y: float) -> None:
    """Draw one finger across the image, to the lower right."""
    touch = page.context.new_cdp_session(page)
    for kind, far in (("touchStart", 0), ("touchMove", 30), ("touchMove", 60), ("touchMove", 90), ("touchEnd", 90)):
        points = [] if kind == "touchEnd" else [{"x": x + far, "y": y + far}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def fits(page: Page) -> bool:
    found: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return found


def small_targets(page: Page, selector: str) -> list[str]:
    """Return what a finger cannot hit."""
    found = []
    for target in page.locator(selector).all():
        box = target.bounding_box() if target.is_visible() else None
        if box and min(box["width"], box["height"]) < SMALLEST_TARGET_PX:
            found.append(f"{target.evaluate('element => element.outerHTML')[:100]}: {box}")
    return found
