"""What a clinician does, in a real browser on a real server."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, FileChooser, Page, expect

from radiolens.explain.overlay import display_slice, overlay
from radiolens.imaging.companions import is_companion
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.predict import Predictor
from radiolens.safety.gate import Gate
from tests.phantoms import dicom
from tests.shared_data import SHARED
from tests.web.browsing import (
    WAIT_MS,
    choose_map,
    done,
    drop,
    focused,
    headlines,
    payload,
    pick,
    pixels_of,
    watched_page,
)
from tests.web.serving import Server, film, head_series, png

FILM = png(film())
BROKEN = FILM[:400]
COMPANIONS = (
    ".DS_Store",
    "DICOMDIR",
    "series1/Thumbs.db",
    "__MACOSX/series1/._IM0",
    "AUTORUN.INF",
    "viewer/viewer.exe",
    "viewer/lib/pixels.jar",
    "Viewer.app/Contents/MacOS/Viewer",
    "help/index.htm",
)
"""What a patient's CD holds beside images."""


def real_film() -> tuple[str, bytes]:
    """Return a real chest film, or a generated one where the real ones are absent."""
    found = next(iter(sorted((SHARED / "chest-xray" / "images" / "nih").rglob("*.jpg"))), None)
    return (found.name, found.read_bytes()) if found else ("film.png", FILM)


def test_an_image_is_answered_with_its_picture_and_the_networks_own_heat_map(page: Page) -> None:
    name, content = real_film()
    image = read_untrusted([content])
    prediction = Predictor.open(gate=Gate.HEADER).predict_image(image, "chest-xray")
    pick(page, (name, content))
    done(page)
    card = page.locator(".card")
    picture, heat = card.locator(".picture img:not(.heat)"), card.locator(".heat-1")
    assert np.array_equal(pixels_of(picture), display_slice(image, 0))
    assert prediction.explanation
    expected = overlay(prediction.explanation, "pneumonia", image.pixels.shape[1:])
    assert np.array_equal(pixels_of(heat), expected)
    expect(heat).to_be_hidden()
    choose_map(card, "Pneumonia")
    expect(heat).to_be_visible()
    expect(card.locator(".heat-2")).to_be_hidden()
    assert heat.bounding_box() == picture.bounding_box()
    expect(heat).to_have_css("opacity", "0.7")
    card.get_by_label("Opacity").fill("30")
    expect(heat).to_have_css("opacity", "0.3")
    card.get_by_label("Off").check()
    expect(heat).to_be_hidden()
    for finding in prediction.findings:
        expect(card).to_contain_text(f"{100 * finding.probability:.1f} %")
    assert prediction.bundle
    for text in (
        name,
        prediction.bundle.version,
        prediction.bundle.sha256,
        "Not a medical device",
        "every other disease",
    ):
        expect(card).to_contain_text(text)
    assert "healthy" not in page.content()


@pytest.mark.parametrize("target", ["#drop", "header"])
def test_an_image_can_be_dropped_anywhere_on_the_page(page: Page, target: str) -> None:
    drop(page, target, ("dropped.png", FILM))
    done(page)
    expect(page.locator(".card .file")).to_contain_text("dropped.png")
    expect(page.locator(".over")).to_have_count(0)


def test_a_broken_file_among_good_ones_loses_none_of_them(page: Page) -> None:
    pick(page, ("one.png", FILM), ("broken.png", BROKEN), ("letter.pdf", b"%PDF-1.7"), ("two.png", png(film(1))))
    done(page, "Done: 4 results")
    expect(page.locator("#status")).to_contain_text("2 not analysed")
    names = page.locator(".card .file bdi").all_inner_texts()
    assert names == ["one.png", "broken.png", "letter.pdf", "two.png"]
    assert list(headlines(page))[1:3] == ["This file could not be read"] * 2
    expect(page.locator(".card").nth(1)).to_contain_text("Export it again")
    expect(page.locator(".card").nth(2)).to_contain_text("PDF document. Send DICOM")
    lines = page.locator("#queue li")
    expect(lines).to_have_count(4)
    lines.nth(3).get_by_role("link").click()
    assert page.evaluate("document.querySelector(':target').closest('.card').innerText").count("two.png") == 1


def test_the_files_of_a_series_get_one_answer_and_other_images_their_own(page: Page) -> None:
    page.get_by_label("Brain tumour").check()
    first, second = head_series(6), head_series(3, "1.2.826.0.1.3680043.8.498.78")
    files = [(f"IM{number}", content) for number, content in enumerate([*first, *second])]
    pick(page, *files, ("slice.png", FILM))
    done(page, "Done: 3 results")
    names = page.locator(".card .file").all_inner_texts()
    assert names[0].startswith("IM0 and 5 more of its series")
    assert names[1].startswith("IM6 and 2 more of its series")
    assert names[2].startswith("slice.png")
    expect(page.locator(".card").first.locator("figcaption")).to_contain_text(
        "of 6, the one with the highest probability"
    )
    expect(page.locator(".card").first.locator("figcaption")).to_contain_text("the mean over 4 slices")


def test_a_folder_can_be_chosen(page: Page, tmp_path: Path) -> None:
    series = tmp_path / "study" / "series1"
    series.mkdir(parents=True)
    for number, content in enumerate(head_series(3)):
        (series / f"IM{number}").write_bytes(content)
    for name in COMPANIONS:
        place = tmp_path / "study" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"MZ no image")
    page.get_by_label("Brain tumour").check()
    page.set_input_files("#folder", tmp_path / "study")
    done(page)
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card .file")).to_contain_text("study/series1/IM0 and 2 more of its series")


def test_the_page_passes_over_in_a_folder_what_the_server_would(page: Page) -> None:
    names = (
        *COMPANIONS,
        "IM1",
        "a.b/IM2",
        ".hidden/IM3",
        "..",
        "x.app/Contents/film",
        "Viewer.app.old/IM4",
        "film.TXT",
        "txt",
    )
    contents = {
        "nothing": b"MZ no image",
        "png": FILM[:999],
        "dicom": dicom(film()),
        "bare": b"\x08\0\x05\0CS\x0a\0ISO_IR 100",
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        "tiff": b"MM\0*\0\0\0\x08",
        "nifti": bytes(344) + b"n+1\0",
    }
    files = [(name, content) for name in names for content in contents.values()]
    expected = [not is_companion(name, partial(bytes, content)) for name, content in files]
    script = """async ([root, files]) => {
        const { withoutCompanions } = await import(`${root}static/companions.js`);
        const all = files.map(([name, bytes]) => [name, new File([new Uint8Array(bytes)], "x")]);
        const places = new Map(all.map(([name, file], number) => [file, { name, number }]));
        const kept = await withoutCompanions([...places.keys()], (file) => places.get(file).name);
        return kept.map((file) => places.get(file).number);
    }"""
    sent = [[name, list(content[:999])] for name, content in files]
    kept = page.evaluate(script, [page.url, sent])
    assert [number in kept for number in range(len(files))] == expected
    assert 0 < sum(expected) < len(files)


def test_a_folder_with_nothing_else_is_sent_so_that_each_file_is_told_of(page: Page, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.pdf").write_bytes(b"%PDF-1.7")
    page.set_input_files("#folder", tmp_path / "letters")
    done(page)
    expect(page.locator(".card")).to_contain_text("PDF document. Send DICOM")


def test_an_image_of_another_kind_is_refused_with_the_reason_and_shown(page: Page) -> None:
    pick(page, ("head.dcm", dicom(film(), Modality="CT", BodyPartExamined="HEAD")))
    done(page)
    card = page.locator(".card")
    expect(card).to_contain_text("Not analysed: another kind of image, another part of the body")
    expect(card).to_contain_text("The file says modality CT; Chest X-ray expects DX or CR.")
    expect(card.locator(".problem .code")).to_have_text(["wrong_modality", "wrong_body_part"])
    expect(card).to_contain_text("What to do: Choose the study that fits this kind of image, or another image.")
    expect(card.locator(".picture img")).to_be_visible()


def test_a_study_of_one_finding_shows_nothing_of_another(page: Page) -> None:
    page.get_by_label("Pneumonia", exact=False).nth(1).check()
    assert page.locator("input[name=study]:checked").get_attribute("value") == "pneumonia"
    pick(page, ("film.png", FILM))
    done(page)
    rows = page.locator("#results dl").inner_text().lower()
    assert "pneumonia" in rows
    assert "tuberculosis" not in rows + page.locator("#results h2").inner_text().lower()
    assert "Only pneumonia is looked for" in page.locator("#results").inner_text()
    assert page.locator("#results .heat").count() == 1


def test_the_whole_way_works_with_the_keyboard_alone(page: Page) -> None:
    # The browser is told to hand its file dialogs over when the first listener comes, which takes it a moment: a key
    # pressed right after it can be too early.
    choosers: list[FileChooser] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))  # a function: Playwright marks it
    page.keyboard.press("Tab")
    assert focused(page) == "To the content"  # past the navigation
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "Show me"  # the offer of the tour
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "chest"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "pneumonia"
    page.keyboard.press("Tab")
    assert focused(page) == "Not released: brain tumour (Brain CT)"
    page.keyboard.press("Enter")
    expect(page.get_by_text("no adequate public data")).to_be_visible()
    page.keyboard.press("Tab")
    assert focused(page) == "files"
    page.keyboard.press("Space")
    for _ in range(WAIT_MS // 50):
        if not choosers:
            page.wait_for_timeout(50)
    choosers[0].set_files([payload("film.png", FILM)])
    done(page)
    assert focused(page) == page.locator(".card h2").inner_text()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "show-0"
    page.keyboard.press("ArrowRight")
    expect(page.locator(".heat-1")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(page.locator(".heat-1")).to_have_css("opacity", "1")


def test_pressing_analyse_twice_gives_one_answer_and_another_study_a_new_one(page: Page) -> None:
    pick(page, ("film.png", FILM))
    for _ in range(2):
        page.get_by_role("button", name="Analyse").dispatch_event("click")
    # Whether the second press comes before the first answer or after it is the machine's affair.
    expect(page.locator("#status")).to_contain_text(re.compile("Done|analysed already"), timeout=WAIT_MS)
    expect(page.locator(".card")).to_have_count(1, timeout=WAIT_MS)
    page.get_by_role("button", name="Analyse").dblclick()
    expect(page.locator("#status")).to_contain_text("analysed already")
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_label("Tuberculosis", exact=False).nth(1).check()
    page.get_by_role("button", name="Analyse").click()
    expect(page.locator(".card")).to_have_count(2)


def test_analysing_nothing_says_so_and_leads_to_the_field(page: Page) -> None:
    page.get_by_role("button", name="Analyse").click()
    expect(page.locator("#status")).to_contain_text("No image was chosen")
    assert focused(page) == "files"


def test_images_chosen_while_others_are_analysed_wait_for_their_turn(page: Page) -> None:
    pick(page, ("one.png", FILM))
    drop(page, "body", ("two.png", png(film(1))), ("three.png", png(film(2))))
    expect(page.locator(".card")).to_have_count(3)
    assert page.locator(".run").first.locator(".file bdi").all_inner_texts() == ["two.png", "three.png"]


def test_many_files_are_listed_while_they_are_answered(page: Page) -> None:
    pick(page, *[(f"{number}.txt", b"no image") for number in range(40)])
    done(page, "Done: 40 results, 40 not analysed")
    expect(page.locator("#queue li")).to_have_count(40)
    assert focused(page) == "Files"


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>.png", "a" * 240 + ".png", "\u202egnp.exe", "'&amp;.png"]
)
def test_any_file_name_is_shown_as_it_is_and_breaks_nothing(page: Page, name: str) -> None:
    pick(page, (name, FILM), (name, BROKEN))
    done(page, "Done: 2 results")
    assert page.locator(".card .file bdi").first.inner_text() == name
    assert page.locator("#queue bdi").first.inner_text() == name
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_file_over_the_limit_is_told_without_being_sent(page: Page) -> None:
    page.evaluate("document.querySelector('#upload').dataset.maxBytes = 1000")
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method) if request.method == "POST" else None)
    pick(page, ("large.png", FILM))
    done(page)
    expect(page.locator(".card")).to_contain_text("can be sent at a time")
    assert posts == []


def test_a_server_that_is_gone_is_told_and_the_image_can_be_sent_again(page: Page) -> None:
    page.route("**/*", lambda route: route.abort())
    pick(page, ("film.png", FILM))
    done(page)
    expect(page.locator(".card")).to_contain_text("Check that radiolens is running")
    page.unroute("**/*")
    page.get_by_role("button", name="Analyse").click()
    expect(page.locator(".card:not(.unreadable)")).to_have_count(1)


def test_an_answer_that_makes_no_sense_stops_nothing_for_good(page: Page) -> None:
    page.route("**/", lambda route: route.fulfill(body="") if route.request.method == "POST" else route.fallback())
    pick(page, ("film.png", FILM))
    expect(page.locator("#status")).to_contain_text("Press Analyse to try again")
    page.unroute("**/")
    page.get_by_role("button", name="Analyse").click()
    done(page)
    expect(page.locator(".card")).to_have_count(1)


def test_who_has_gone_on_to_something_else_is_not_called_back(page: Page) -> None:
    page.route("**/", lambda route: (page.get_by_label("Brain tumour").focus(), route.fallback()))
    pick(page, ("film.png", FILM))
    done(page)
    assert page.evaluate("document.activeElement.value") == "brain"


def test_the_print_holds_the_answer_and_not_the_form(page: Page) -> None:
    pick(page, ("film.png", FILM))
    done(page)
    page.locator(".show-1").check()
    page.emulate_media(media="print")
    expect(page.locator("#upload")).to_be_hidden()
    expect(page.locator("nav.frame")).to_be_hidden()
    expect(page.locator(".heat-1")).to_be_visible()
    expect(page.locator(".maps label").nth(0)).to_be_hidden()
    expect(page.locator(".maps label").nth(1)).to_be_visible()
    expect(page.locator(".card")).to_have_css("background-color", "rgb(255, 255, 255)")
    assert page.pdf().startswith(b"%PDF")


def test_the_page_works_without_script(browser: Browser, server: Server) -> None:
    with watched_page(browser, server, java_script_enabled=False) as page:
        expect(page.locator("#folder")).to_be_hidden()
        page.get_by_label("Tuberculosis", exact=False).nth(1).check()
        pick(page, ("film.png", FILM), ("broken.png", BROKEN))
        page.get_by_role("button", name="Analyse").click()
        expect(page.locator(".card")).to_have_count(2)
        assert page.url.endswith("/#results")
        assert page.title() == "Results - radiolens"
        expect(page.locator("input[name=study][value=tuberculosis]")).to_be_checked()
        expect(page.locator(".heat-1")).to_be_hidden()
        page.locator(".show-1").check()
        expect(page.locator(".heat-1")).to_be_visible()
        expect(page.locator(".opacity")).to_be_hidden()


def test_the_interface_can_be_tried_on_its_own_page(browser: Browser, server: Server) -> None:
    with watched_page(browser, server, "/docs") as page:
        page.locator("#operations-predictions-predictions_api_v1_predictions_post .opblock-summary").click()
        page.locator(".try-out__btn").click()
        page.locator(".opblock-body select").nth(1).select_option("chest-xray")
        page.set_input_files(
            ".opblock-body input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": FILM}
        )
        page.locator(".execute").click()
        answer = page.locator(".live-responses-table .response .highlight-code")
        expect(answer.first).to_contain_text('"status": "answered"')
