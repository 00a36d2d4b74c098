"""A page in a real browser, and what tests do with it."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from tests.web.serving import Server

WAIT_MS = 120_000  # the machine may do other things
expect.set_options(timeout=WAIT_MS)
LOOK = os.environ.get("RADIOLENS_LOOK", "")
"""A folder for pictures of what the stories see, to be looked at."""


@contextmanager
def watched_page(browser: Browser, server: Server, path: str = "/", **context: Any) -> Iterator[Page]:  # noqa: ANN401  options
    """Open a page of the server; fail at the end if it asked another origin or its policy stopped something."""
    with browser.new_context(**context) as opened:
        page = opened.new_page()
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(f"{server.address}{path}")
        yield page
        strangers = [url[:100] for url in asked if not url.startswith((f"{server.address}/", "data:", "blob:"))]
        assert strangers == [], strangers
        told = [text for text in wrong if not text.startswith("Failed to load resource")]
        assert told == [], told


def keep_picture(page: Page, name: str, *, full: bool = False) -> None:
    """Keep a picture of what is seen, or of the full page, if somebody wants to look."""
    if LOOK:
        page.screenshot(path=Path(LOOK) / f"{name}.png", full_page=full)


def payload(name: str, content: bytes) -> dict[str, Any]:
    """Return a file as Playwright gives it to a file field."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def pick(page: Page, *files: tuple[str, bytes]) -> None:
    page.set_input_files("#files", [payload(name, content) for name, content in files])


def choose_map(card: Locator, title: str) -> None:
    """Choose the heat map of a finding; that of a drawn film may be empty, and says so, since no network learnt it."""
    card.get_by_label(re.compile(rf"^{title}( \(empty\))?$")).check()


def drop(page: Page, target: str, *files: tuple[str, bytes]) -> None:
    """Drop files on an element, as a user does from the desktop."""
    encoded = [(name, base64.b64encode(content).decode()) for name, content in files]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        encoded,
    )
    page.dispatch_event(target, "dragover", {"dataTransfer": transfer})
    page.dispatch_event(target, "drop", {"dataTransfer": transfer})


def done(page: Page, text: str = "Done") -> None:
    """Wait until the page says that it has answered everything."""
    expect(page.locator("#status")).to_contain_text(text, timeout=WAIT_MS)


def headlines(page: Page) -> Sequence[str]:
    return page.locator(".card h2").all_inner_texts()


def focused(page: Page) -> str:
    """Return the text, or else the id, of the element that has the focus."""
    found: str = page.evaluate("(document.activeElement.innerText || document.activeElement.id || '').trim()")
    return found


def pixels_of(image: Locator) -> NDArray[np.uint8]:
    """Return the pixels of a picture that is part of the page."""
    address = image.get_attribute("src") or ""
    content = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.asarray(PIL.Image.open(io.BytesIO(content)))
