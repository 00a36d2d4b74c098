"""What a reader has open while the network works: fifty files of all kinds, and answers that come by themselves."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.shared_data import SHARED, needs_shared_data
from tests.tiny_bundle import make_bundle
from tests.web.browsing import keep_picture, payload, watched_page
from tests.web.reading.room import FILM, LONG_MS, choose, opened
from tests.web.serving import Server, serving
from tests.web.test_accessibility import TABLET

pytestmark = pytest.mark.slow

FILMS = 47
WORDS = {
    "lateral": ("not a frontal view", "What to do: Use a frontal view (PA or AP)."),
    "holiday": ("no medical image", "What to do:"),
    "corrupt": ("could not be read", "Export it again"),
}
"""What the pages of the other three say."""
NOT_LATER_MS = 30_000
"""Not a minute later, when the page asks anew."""
ANSWERED = ".dot:is(.present, .indeterminate, .absent)"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server whose chest network is a tiny one, behind the released gate."""
    home = tmp_path_factory.mktemp("open")
    make_bundle(home / "bundles", version="9.0.0")
    with serving(home, {"RADIOLENS_GATE": "full"}) as found:
        yield found


def pictures(folder: str, count: int) -> list[bytes]:
    """Return real images, of which some hospitals have more than one kind of file."""
    found = sorted(path for path in (SHARED / folder).rglob("*.*") if path.suffix in (".jpg", ".png"))[:count]
    assert len(found) == count
    return [path.read_bytes() for path in found]


def fifty_files() -> bytes:
    """Return a zip of films of one hospital, a file that is cut off, a lateral film and a photograph."""
    films = pictures("chest-xray/images/nih", FILMS)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for number, film in enumerate(films):
            made.writestr(f"films/{number}.jpg", film)
        made.writestr("corrupt.png", FILM[: len(FILM) // 2])
        made.writestr("lateral.jpg", pictures("out-of-distribution/test/chest-lateral", 1)[0])
        made.writestr("holiday.jpg", pictures("out-of-distribution/test/natural", 1)[0])
    return archive.getvalue()


@needs_shared_data
def test_fifty_mixed_files_in_a_zip_each_end_with_their_own_word(browser: Browser, desk: Server) -> None:
    with watched_page(browser, desk, "/cases", viewport=TABLET, color_scheme="dark") as page:
        page.set_input_files("#files", [payload("fifty.zip", fifty_files())])
        lines = page.locator("#queue li")
        expect(lines).to_have_count(50, timeout=LONG_MS)
        keep_picture(page, "fifty-at-work")
        expect(lines.filter(has_text="waiting for the network")).to_have_count(0, timeout=5 * LONG_MS)
        expect(page.locator("#count")).to_have_text("50 cases")
        said = dict(line.split(maxsplit=1) for line in lines.all_inner_texts())
        assert said["fifty.zip/corrupt.png"] == "unreadable"
        assert said["fifty.zip/lateral.jpg"] == said["fifty.zip/holiday.jpg"] == "not analysed"
        films = {said[f"fifty.zip/films/{number}.jpg"] for number in range(FILMS)}
        assert films <= {"something suspected", "undecided", "nothing found"}
        keep_picture(page, "fifty-done", full=True)
        cases = {name: lines.filter(has_text=name).get_by_role("link").get_attribute("href") for name in WORDS}
        for name, words in WORDS.items():
            page.goto(f"{desk.address}{cases[name]}")
            for text in words:
                expect(page.locator("#panel")).to_contain_text(text)
            keep_picture(page, f"fifty-{name}")


def test_an_answer_appears_on_the_open_page_of_its_case(browser: Browser, desk: Server) -> None:
    with watched_page(browser, desk, "/cases", viewport=TABLET) as page:
        choose(page, ("film.png", FILM))
        page.locator("#queue a").click()  # at once, whether the network has begun or not
        expect(page.locator("#panel .told")).to_be_visible(timeout=LONG_MS)
        opened(page)


def test_an_answer_that_comes_before_the_page_listens_appears_all_the_same(browser: Browser, tmp_path: Path) -> None:
    home, aside = tmp_path / "home", tmp_path / "aside"
    make_bundle(home / "bundles", version="9.0.0")
    aside.mkdir()
    with (
        serving(home, {"RADIOLENS_SCORERS": "0", "RADIOLENS_GATE": "header"}) as server,
        watched_page(browser, server, "/cases", viewport=TABLET) as page,
        watched_page(browser, server, "/cases", viewport=TABLET) as told,
    ):

        def late(route: Route) -> None:
            expect(page.locator("main")).to_have_attribute("data-waiting", "yes")
            with serving(aside, {"RADIOLENS_HOME": str(home), "RADIOLENS_GATE": "header"}):  # which scores
                expect(told.locator(ANSWERED)).to_have_count(1, timeout=LONG_MS)
            route.continue_()  # when the answer is no news any more

        choose(page, ("film.png", FILM))
        expect(told.locator(".dot.waiting")).to_have_count(1)
        expect(page.locator("#queue a")).to_be_visible(timeout=LONG_MS)
        page.route("**/api/v1/events", late)
        page.locator("#queue a").click()
        expect(page.locator("#panel .told")).to_be_visible(timeout=NOT_LATER_MS)


def test_an_answer_that_comes_before_its_file_is_listed_is_listed_with_it(browser: Browser, desk: Server) -> None:
    with watched_page(browser, desk, "/cases?sort=-received", viewport=TABLET) as page:

        def late(route: Route) -> None:
            answer = route.fetch()
            (case,) = answer.json()["cases"]
            row = page.locator("tbody tr").filter(has=page.locator(f"[href$='{case['case_id']}']"))
            expect(row.locator(".dot.waiting")).to_have_count(0, timeout=LONG_MS)
            expect(row).to_be_visible(timeout=LONG_MS)  # so the page was told
            route.fulfill(response=answer)

        page.route("**/api/v1/cases", late)
        choose(page, ("film.png", FILM))
        expect(page.locator("#queue a")).to_have_text("not analysed", timeout=NOT_LATER_MS)
