"""A real browser for the tests of pages, wherever they are written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

__all__ = ["browser"]


@pytest.fixture(scope="module")  # not longer: while Playwright runs, its event loop lets no other be run
def browser() -> Iterator[Browser]:
    """Return a real browser; skip where there is none."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
