"""A story in a real browser: a site opts in beside the warning, and sees what is kept of a case that is closed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.phantoms import chest_film, dicom
from tests.web.browsing import keep_picture, watched_page
from tests.web.reading.desk import FILM, install
from tests.web.serving import Server, serving
from tests.web.test_accessibility import TABLET, violations
from tests.worklist.site import LEAN, LEAN_ENVIRONMENT, wait_until

pytestmark = pytest.mark.slow

DECLARED = dicom(np.rint(chest_film(seed=3) * 4095).astype(np.uint16), BurnedInAnnotation="YES")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("keeping")
    install(home)
    with serving(home, {**LEAN_ENVIRONMENT, "RADIOLENS_GATE": "header"}, LEAN) as running:
        yield running


def sent(server: Server, content: bytes) -> str:
    """Send a film, wait until it is judged, and return the address of its case."""
    cases = f"{server.address}/api/v1/cases"
    told = httpx2.post(cases, files={"file": ("film", content)}, data={"task": "chest-xray"}, timeout=60).json()
    found = told["cases"][0]["case_id"]
    wait_until(lambda: httpx2.get(f"{cases}/{found}").json()["progress"]["done"] == 1)
    return f"{server.address}/cases/{found}"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_site_opts_in_and_a_case_says_what_is_kept(browser: Browser, server: Server, scheme: str) -> None:
    with watched_page(browser, server, "/site", color_scheme=scheme, viewport=TABLET) as page:
        box = page.get_by_role("checkbox", name="Keep de-identified copies of images")
        expect(box).to_have_accessible_description(re.compile("burnt into the pixels cannot be taken out"))
        box.set_checked(True)
        page.get_by_label("Days that such a copy is kept").fill("30")
        page.get_by_role("button", name="Save the settings").click()
        expect(page.get_by_role("status")).to_have_text("The settings were saved.")
        assert violations(page) == []
        keep_picture(page, f"keeping-site-{scheme}", full=True)

        page.goto(sent(server, FILM))
        expect(page.get_by_text("de-identified copies are then kept for 30 days")).to_be_visible()
        page.get_by_text("Close the case and erase its images").click()
        expect(page.get_by_text("De-identified copies are kept where that can be done safely.")).to_be_visible()
        page.get_by_role("button", name="Close and erase").click()
        expect(page.get_by_text("A de-identified copy of this image is kept, encrypted, until")).to_be_visible()
        assert violations(page) == []
        keep_picture(page, f"keeping-closed-{scheme}")

        page.goto(sent(server, DECLARED))
        expect(page.get_by_text("No copy of this image is kept: text may be burnt into its pixels.")).to_be_visible()
        keep_picture(page, f"keeping-burnt-in-{scheme}")
