"""Two stories in a real browser: a threshold is planned with the keyboard, and a new model switches it off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from radiolens.bundle import InstalledBundle, read_bundle
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web.administration.curves import draw
from radiolens.web.administration.planner import Asked, site_cases
from tests.tiny_bundle import make_bundle
from tests.web.administration.outcomes import add_case, answer, fill
from tests.web.browsing import done, keep_picture, pick, watched_page
from tests.web.serving import Server, film, png, serving
from tests.web.test_accessibility import TABLET, violations

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Site:
    """A running program with a version of a bundle that answers and cases of it; `later` is not installed yet."""

    server: Server
    database: Database
    now: InstalledBundle
    later: Path
    bundles: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home, aside = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("aside")
    now = read_bundle(make_bundle(home / "bundles", seed=1, version="7.0.0"))
    later = make_bundle(aside, seed=2, version="8.0.0")
    with serving(home, {"RADIOLENS_GATE": "header"}) as server:
        database = open_database(f"sqlite:///{home}/radiolens.db")
        fill(database, now, ill=60, well=120)
        yield Site(server, database, now, later, home / "bundles")
        database.close()


def figure(page: Page, name: str) -> str:
    return page.locator(f"[data-figure={name}]").inner_text()


def mark(page: Page) -> str:
    return page.locator("[data-mark=x]").first.get_attribute("d") or ""


def test_a_threshold_is_planned_with_the_keyboard_and_a_new_model_switches_it_off(browser: Browser, site: Site) -> None:
    with site.database.reading() as session:
        found = site_cases(session, LOCAL_USER_ID, Asked(site.now, "tuberculosis", 0.05))
    assert found.steps
    steps = draw(found.steps).steps
    with watched_page(browser, site.server, "/thresholds", viewport=TABLET) as page:
        slider = page.get_by_role("slider")
        before = figure(page, "ppv")
        page.get_by_label("Of a hundred people you test").fill("5")
        page.keyboard.press("Tab")  # leaves the field, and the curves follow
        expect(page.locator("[data-figure=ppv]")).not_to_have_text(before)
        slider.focus()
        page.keyboard.press("Home")
        assert figure(page, "sensitivity") == steps[0].texts["sensitivity"]
        assert figure(page, "ppv") == steps[0].texts["ppv"]
        for number in (1, 2, 3):
            page.keyboard.press("ArrowRight")
            assert {name: figure(page, name) for name in steps[number].texts} == steps[number].texts
            assert mark(page).startswith(f"M{steps[number].x:g} 0 V")
            assert slider.get_attribute("aria-valuetext") == steps[number].said
        keep_picture(page, "planner", full=True)
        assert violations(page) == []
        page.get_by_role("button", name="Look at this threshold before saving").press("Enter")
        expect(page.get_by_role("heading", level=2)).to_contain_text(steps[3].texts["threshold"])
        keep_picture(page, "plan", full=True)
        assert violations(page) == []
        page.get_by_role("button", name="Save as the site's threshold").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The threshold was saved.")
        expect(page.get_by_text("The site's threshold is")).to_contain_text(steps[3].texts["threshold"])

        page.goto(f"{site.server.address}/")
        pick(page, ("film.png", png(film())))
        done(page)
        expect(page.locator(".card")).to_contain_text("The thresholds were set by this site.")

        shutil.copytree(site.later, site.bundles / "chest-xray/8.0.0")
        page.goto(f"{site.server.address}/models")
        page.get_by_role("button", name="Activate: chest-xray 8.0.0").press("Enter")
        note = page.locator(".notice.bad").filter(has_text="are switched off")
        expect(note).to_contain_text("they were planned for chest-xray 7.0.0 (")
        keep_picture(page, "models", full=True)
        assert violations(page) == []

        page.goto(f"{site.server.address}/")
        pick(page, ("film.png", png(film())))
        done(page)
        expect(page.locator(".card .profile-note")).to_contain_text("and chest-xray 8.0.0 (")
        keep_picture(page, "answer", full=True)

        page.goto(f"{site.server.address}/models")
        page.get_by_role("button", name="Roll back to version 7.0.0: chest-xray").press("Enter")
        expect(page.get_by_text("Version 7.0.0 was activated and answers.")).to_be_visible()
        expect(note).to_have_count(0)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_pages_hold_to_wcag_in_both_themes_and_on_a_narrow_screen(
    browser: Browser, site: Site, scheme: str
) -> None:
    with site.database.reading() as session:
        asked = site_cases(session, LOCAL_USER_ID, Asked(site.now, "tuberculosis"))
    assert asked.steps
    path = f"/models/{read_bundle(site.bundles.parent / 'bundles/chest-xray/7.0.0').sha256}"
    with watched_page(browser, site.server, "/models", color_scheme=scheme, viewport=TABLET) as page:
        if page.get_by_role("link", name="chest-xray 8.0.0").count():
            run = page.get_by_role("button", name="Run in the shadow: chest-xray 8.0.0")
            if run.count():  # the theme before this one may have done so
                run.click()
            shadow = read_bundle(site.later)
            for score in (0.1, 0.9):
                both = [
                    (answer(site.now, {"pneumonia": 0.2, "tuberculosis": 0.2}), False),
                    (answer(shadow, {"pneumonia": 0.2, "tuberculosis": score}), True),
                ]
                add_case(site.database, both)
            page.get_by_role("link", name="Compare the two versions").click()
            expect(page.get_by_role("heading", name="Where they differ")).to_be_visible()
            keep_picture(page, f"compare-{scheme}", full=True)
            assert violations(page) == []
        for place in ("/thresholds", "/models", path, "/site"):
            page.goto(f"{site.server.address}{place}")
            assert violations(page) == []
            keep_picture(page, f"{place.strip('/')[:10].replace('/', '-')}-{scheme}", full=True)
        page.set_viewport_size({"width": 320, "height": 640})  # 1280 at 400 %, WCAG 1.4.10
        for place in ("/thresholds", "/models", path, "/site"):
            page.goto(f"{site.server.address}{place}")
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), place
