"""Second-reader mode in a real browser: two films are read before the network's answers are shown, and compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from radiolens.bundle import read_bundle
from radiolens.store.accounts import add_account
from radiolens.store.database import open_database
from radiolens.web.accounts.passwords import Passwords
from radiolens.web.accounts.principal import Role
from tests.tiny_bundle import CHANNELS, Weights, make_bundle
from tests.web.accounts.site import PASSWORD
from tests.web.browsing import keep_picture, watched_page
from tests.web.reading.room import LONG_MS, choose, opened
from tests.web.serving import CHEAP_KIB, Server, film, png, serving
from tests.web.test_accessibility import TABLET

pytestmark = pytest.mark.slow

VERSION = "9.8.7"
DARK, BRIGHT = png(np.rint(255 * (film() / 255) ** 2).astype(np.uint8)), png(film())
"""Of the first the network says that nothing is found, of the second that pneumonia is suspected."""
RECORD_EVENTS = """
    const Native = EventSource;
    window.EventSource = class extends Native {
        constructor(address) {
            super(address);
            for (const kind of ["case", "progress"]) this.addEventListener(kind, ({ data }) => {
                sessionStorage.told = (sessionStorage.told ?? "") + data;
            });
        }
    };
"""
"""A stream has no end, so the browser's tools do not give its text."""


def by_brightness() -> Weights:
    """Return the weights of a network that suspects pneumonia in bright films, and never tuberculosis."""
    kernel, head = np.zeros((CHANNELS, 1, 4, 4), np.float32), np.zeros((CHANNELS, 2), np.float32)
    kernel[0], head[0, 0] = 1 / 16, 60.0
    return kernel, head, np.array([-14.0, -3.0], np.float32)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with such a network and a clinician who is also the administrator."""
    folder = tmp_path_factory.mktemp("blinded")
    make_bundle(folder / "bundles", weights=by_brightness(), version=VERSION)
    database = open_database(f"sqlite:///{folder}/radiolens.db")
    with database.session() as session:
        add_account(session, "ada", (Role.CLINICIAN, Role.ADMINISTRATOR), Passwords(CHEAP_KIB).hash(PASSWORD))
    database.close()
    return folder


@pytest.fixture(scope="module")
def clinic(home: Path) -> Iterator[Server]:
    with serving(home, {"RADIOLENS_GATE": "header"}) as found:
        yield found


class Heard:
    """Everything that came to the browser but scripts, styles and pixels; what streams told is kept by the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.texts: list[str] = []
        page.route(re.compile(r"^((?!/static/|/slices/|/events).)*$"), self._hear)

    def _hear(self, route: Route) -> None:
        answer = route.fetch()
        self.texts.append(f"{answer.url} {answer.headers} {answer.text()}")
        route.fulfill(response=answer)

    def end(self) -> str:
        """Return all that was told, and listen no more."""
        self.page.unroute_all(behavior="wait")
        events: str = self.page.evaluate("sessionStorage.told ?? ''")
        assert "case_id" in events
        assert any("text/html" in text for text in self.texts)
        return "\n".join([*self.texts, events])


def sign_in(page: Page) -> None:
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def without_chance(page: Page, address: str) -> str:
    """Return the page's elements and texts without what differs between two cases whatever is on them."""
    case_id = address.rsplit("/", 1)[1]
    text = page.content().replace(case_id, "CASE").replace(case_id[:8], "CASE")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    return re.sub(r'\d+ \w+ \d{4}, [\d:]+|token" content="[^"]*"|value="[\w.-]{40,}"', "", text)


def answer(page: Page, presence: str) -> None:
    """Say of pneumonia what one thinks, and of tuberculosis that it is absent."""
    form = page.locator("form.reader").first
    form.get_by_role("group", name="Pneumonia").get_by_label(presence, exact=True).check()
    form.get_by_role("group", name="Tuberculosis").get_by_label("Absent", exact=True).check()


def receive(page: Page, name: str, content: bytes) -> str:
    """Send a film, wait until it is scored, and return the address of its case."""
    choose(page, (name, content))
    link = page.locator("#queue li", has_text=name).locator("a")
    expect(link).to_have_text("ready for your answer", timeout=LONG_MS)
    return link.get_attribute("href") or ""


def diagnose_and_close(page: Page) -> None:
    """Attach what another test told, and close the case; its image is not erased while the viewer still asks for it."""
    opened(page)
    page.get_by_text("Enter the final diagnosis").click()
    truth = page.locator("form[action$='/diagnosis']")
    truth.get_by_role("group", name="Pneumonia").get_by_label("Present", exact=True).check()
    truth.get_by_role("group", name="Tuberculosis").get_by_label("Absent", exact=True).check()
    truth.get_by_label("By which test").fill("Xpert MTB/RIF")
    keep_picture(page, "second-reader-diagnosis", full=True)
    truth.get_by_role("button", name="Record the diagnosis").click()
    expect(page.get_by_role("region", name="Answers so far")).to_contain_text("Xpert MTB/RIF")
    opened(page)
    page.get_by_text("Close the case and erase its images").click()
    page.get_by_role("button", name="Close and erase").click()
    expect(page.locator(".look")).to_contain_text("its images are erased")


def order(page: Page) -> list[str | None]:
    return [link.get_attribute("href") for link in page.locator("tbody th a").all()]


def test_a_reader_answers_first_then_sees_the_networks_answer_changes_and_compares(
    browser: Browser, clinic: Server, home: Path
) -> None:
    sha256 = read_bundle(home / "bundles" / "chest-xray" / VERSION).sha256
    telling = re.compile(  # of a time, "50.81", the seconds have two digits
        rf"{re.escape(VERSION)}|{sha256[:8]}|Pneumonia suspected|[^0-9a-f]81\.0|(?<!\d)0\.81|/maps/|threshold \d"
    )
    with watched_page(browser, clinic, "/site", viewport=TABLET) as page:
        sign_in(page)
        page.get_by_label("A reader commits an answer before the network's is shown").check()
        page.get_by_role("button", name="Save the settings").click()
        expect(page.get_by_role("status")).to_contain_text("The settings were saved.")
        keep_picture(page, "second-reader-switched-on")

        page.add_init_script(RECORD_EVENTS)
        heard = Heard(page)
        page.goto(f"{clinic.address}/cases")
        dark, bright = (receive(page, name, content) for name, content in (("a.png", DARK), ("b.png", BRIGHT)))
        expect(page.locator("tbody tr", has_text="Hidden until you answer")).to_have_count(2)
        assert order(page) == [dark, bright], "the oldest first, whatever the network says"
        keep_picture(page, "second-reader-list")
        doms = []
        for address in (dark, bright):
            page.goto(f"{clinic.address}{address}")
            opened(page)
            expect(page.get_by_role("heading", name="1. Read the image yourself")).to_be_visible()
            doms.append(without_chance(page, address))
        assert doms[0] == doms[1]
        keep_picture(page, "second-reader-before")
        assert telling.findall(heard.end()) == []

        answer(page, "Absent")
        page.get_by_role("button", name="Give my answer and show the network's").click()
        opened(page)
        expect(page.get_by_text("You answered before you saw it")).to_contain_text("Pneumonia: absent")
        expect(page.get_by_role("heading", name="Pneumonia suspected")).to_be_visible()
        assert telling.findall(page.content()) != [], "now it is told"
        keep_picture(page, "second-reader-after", full=True)
        page.get_by_text("I see it differently, or want to say more").click()
        answer(page, "Present")
        page.get_by_label("Comment (no names)").fill("Seen at second look.")
        keep_picture(page, "second-reader-change", full=True)
        page.get_by_role("button", name="Record my answer").click()
        opened(page)
        said = page.get_by_role("region", name="Answers so far").get_by_role("listitem")
        expect(said).to_have_count(2)
        keep_picture(page, "second-reader-changed", full=True)
        expect(said.nth(0)).to_contain_text("before seeing the network's answer: Pneumonia: absent")
        expect(said.nth(1)).to_contain_text("agrees with the network: Pneumonia: present")
        expect(said.nth(1)).to_contain_text("Seen at second look.")
        page.goto(f"{clinic.address}/cases")
        rows = page.locator("tbody tr")
        expect(rows.filter(has=page.locator(f"[href='{bright}']"))).to_contain_text("Something suspected")
        expect(rows.filter(has=page.locator(f"[href='{dark}']"))).to_contain_text("Hidden until you answer")
        page.goto(f"{clinic.address}{bright}")
        diagnose_and_close(page)
        page.get_by_role("link", name="Reader and network").click()
        compared = page.get_by_role("region", name="Pneumonia").get_by_role("row")
        expect(compared).to_have_count(5)
        keep_picture(page, "second-reader-comparison", full=True)
        found = [row.get_by_role("cell").first.inner_text().split(" (")[0] for row in compared.all()[1:]]
        assert found == ["0 %", "100 %", "100 %", "100 %"], "reader alone, network, reader with it, either"
        expect(page.locator("main")).to_contain_text("Readers changed their answer in 1 of 1")
