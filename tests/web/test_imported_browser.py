"""Imported networks in a real browser: found by eye, keyboard and screen reader, and marked wherever they answer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from radiolens.bundle import RELEASED
from radiolens.explain.overlay import overlay
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.predict import Predictor
from radiolens.safety.gate import Gate
from tests.web.browsing import done, headlines, pick, pixels_of, watched_page
from tests.web.imported import fill_home
from tests.web.serving import Server, film, head_series, png, serving
from tests.web.test_accessibility import TABLET, violations

FILM = png(film())
MARK = "(imported network, not calibrated)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with two imported networks, and a third that cannot be used."""
    home = fill_home(tmp_path_factory.mktemp("site"))
    (home / "bundles" / "pneumonia_model" / "0.0.1" / "model.onnx").write_bytes(b"cut")
    with serving(home) as found:
        yield found


@pytest.fixture
def page(browser: Browser, site: Server) -> Iterator[Page]:
    with watched_page(browser, site, viewport=TABLET) as found:
        yield found


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_in_either_theme(browser: Browser, site: Server, scheme: str) -> None:
    with watched_page(browser, site, color_scheme=scheme, viewport=TABLET) as page:
        expect(page.get_by_text("The bundle pneumonia_model 0.0.1 cannot be used.")).to_be_visible()
        assert violations(page) == []
        page.get_by_label("braintumor").check()
        pick(page, *[(f"IM{number}", content) for number, content in enumerate(head_series(3))])
        done(page)
        page.locator(".show-1").check()
        assert violations(page) == []


def test_an_imported_network_is_chosen_by_keyboard_alone_and_its_answer_is_marked(page: Page) -> None:
    page.get_by_label("Whole chest").focus()
    for _ in range(6):  # over the six released studies to the first imported one
        page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Tuberculosis_model")).to_be_checked()
    group = page.get_by_role("group", name="Imported networks: not calibrated, not measured by radiolens")
    expect(group.get_by_role("radio")).to_have_count(2)
    pick(page, ("film.png", FILM))
    done(page)
    (headline,) = headlines(page)
    assert headline.endswith(MARK)
    expect(page.locator("#status")).to_contain_text(MARK)
    card = page.get_by_role("article")
    for text in ("An imported network answered.", "score 0.", "not a calibrated probability", "not measured by"):
        expect(card).to_contain_text(text)
    expect(card.get_by_role("group", name="Occlusion map").get_by_role("radio")).to_have_count(2)


def test_many_answers_are_marked_each_and_in_their_summary(page: Page) -> None:
    page.get_by_label("Tuberculosis_model").check()
    pick(page, ("one.png", FILM), ("two.png", png(film(1))))
    done(page, "Done: 2 results")
    expect(page.locator("#status")).to_contain_text("An imported network answered; it is not calibrated.")
    assert all(headline.endswith(MARK) for headline in headlines(page))
    expect(page.locator("#queue a")).to_have_text([f"{headline}" for headline in headlines(page)])


def test_the_occlusion_map_is_the_networks_own(page: Page, site: Server) -> None:
    image = read_untrusted([FILM])
    predictor = Predictor.open([RELEASED, site.log_file.parent / "bundles"], gate=Gate.HEADER)
    explanation = predictor.predict_image(image, "chest-xray", bundle="Tuberculosis_model").explanation
    assert explanation
    page.get_by_label("Tuberculosis_model").check()
    pick(page, ("film.png", FILM))
    done(page)
    heat = page.locator(".heat-1")
    expect(heat).to_have_attribute("alt", "Occlusion map of tuberculosis, over the image")
    expected = overlay(explanation, "tuberculosis", image.pixels.shape[1:])
    # Another number of threads adds float32 in another order.
    assert np.abs(pixels_of(heat).astype(int) - expected).max() <= 1
    page.get_by_role("article").get_by_label("Tuberculosis", exact=True).check()
    expect(heat).to_be_visible()
    expect(page.get_by_text("hidden one after the other")).to_be_visible()


def test_the_same_images_can_be_asked_of_another_network(page: Page) -> None:
    page.get_by_label("Tuberculosis", exact=False).first.check()
    pick(page, ("film.png", FILM))
    done(page)
    page.get_by_label("Tuberculosis_model").check()
    page.get_by_role("button", name="Analyse").click()
    expect(page.locator(".card")).to_have_count(2)
    found = headlines(page)
    assert [MARK in headline for headline in found] == [True, False]
