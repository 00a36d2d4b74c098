"""The letters at the edges of a film are those of its header, and turn with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.phantoms import dicom
from tests.tiny_bundle import make_bundle
from tests.web.browsing import payload, watched_page
from tests.web.serving import film, serving

pytestmark = pytest.mark.slow

LONG_MS = 120_000
"""For an answer, or a viewer that a busy machine starts for the first time."""


def send(page: Page, name: str, content: bytes) -> None:
    """Send a film from the work list and open its case."""
    page.locator("[name=task]").first.select_option("chest-xray")
    page.set_input_files("#files", [payload(name, content)])
    link = page.locator("#queue a").last
    expect(link).not_to_have_text("waiting for the network", timeout=LONG_MS)
    link.click()
    expect(page.locator("#viewer[data-shown]")).to_be_visible(timeout=LONG_MS)


def expect_edges(page: Page, letters: str) -> None:
    """Wait until these letters stand left, right, above and below."""
    for edge, letter in zip(("left", "right", "top", "bottom"), letters, strict=True):
        expect(page.locator(f".edge.{edge}")).to_have_text(letter)


def test_the_letters_of_a_film_turn_with_it(browser: Browser, tmp_path: Path) -> None:
    sided, silent = (dicom(film(), Modality="DX", **told) for told in ({"PatientOrientation": ["L", "F"]}, {}))
    make_bundle(tmp_path / "bundles", version="9.0.0")
    with serving(tmp_path) as desk, watched_page(browser, desk, "/cases") as page:
        send(page, "sided.dcm", sided)
        expect_edges(page, "RLHF")
        expect(page.locator("#no-sides")).to_be_hidden()
        page.locator("#screen").focus()
        for letters in ("FHRL", "LRFH", "HFLR", "RLHF"):
            page.keyboard.press("r")
            expect_edges(page, letters)
        page.goto(f"{desk.address}/cases")
        send(page, "silent.dcm", silent)
        expect(page.locator("#no-sides")).to_be_visible()
        assert page.locator(".edge").all_inner_texts() == [""] * 4
