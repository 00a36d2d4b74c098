"""Makes docs/screenshot.png anew, from a generated film: `python -m tests.web.screenshot` from the project's root."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

import PIL.Image
from playwright.sync_api import sync_playwright

from tests.project.source_tree import ROOT
from tests.web.browsing import done, pick, watched_page
from tests.web.serving import film, png, serving

SCREENSHOT = ROOT / "docs" / "screenshot.png"
LARGEST_BYTES = 300_000
VIEW = {"width": 1080, "height": 1280}
GENERATED = {"RADIOLENS_GATE": "header"}
"""The film is no real one, and the gate network sees that."""


def screenshot() -> bytes:
    """Return a picture of an answer with its heat map, in 256 colours, since a noisy film compresses badly."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), GENERATED) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        with watched_page(browser, server, color_scheme="dark", viewport=VIEW) as page:
            pick(page, ("generated-film.png", png(film())))
            done(page)
            page.locator(".show-1").check()
            page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
            picture = PIL.Image.open(io.BytesIO(page.screenshot(full_page=True)))
    stream = io.BytesIO()
    picture.convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    SCREENSHOT.write_bytes(screenshot())
