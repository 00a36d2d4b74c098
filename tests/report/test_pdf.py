"""The report as PDF, opened by PDFium."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta, timezone

import numpy as np
import pytest
import uharfbuzz

from radiolens.locale.languages import find_language, using
from radiolens.report.content import Passage, Picture, ReportedImage
from radiolens.report.document import Document, Paragraph, compose
from radiolens.report.fonts import BOLD, FOLDER, LACKING, REGULAR
from radiolens.report.pdf import render_pdf
from tests.report import opened_pdf
from tests.report.reported import CASE_ID, DISCLAIMER, WRITTEN, answered, picture, reader, refused, report, volume

HINDI = "स्त्री रोगी, पुराने क्षय रोग का निशान। विद्यार्थी, श्रीमती, द्वितीय (टीबी): कर्म 93 %"


@pytest.fixture(scope="module")
def whole() -> bytes:
    """Return a report with a film, a refused one and a scan."""
    return render_pdf(compose(report(answered(), refused(), volume())), WRITTEN)


def paragraphs(*texts: str) -> bytes:
    """Return a document of paragraphs alone."""
    return render_pdf(Document("Comment", "en", DISCLAIMER, tuple(map(Paragraph, texts))), WRITTEN)


def joined(pdf: bytes) -> str:
    """Return all text in one line."""
    return " ".join(" ".join(opened_pdf.texts(pdf)).split())


def test_it_says_what_was_found_decided_and_by_whom(whole: bytes) -> None:
    text = joined(whole)
    for said in (
        f"Case {CASE_ID}",
        "Tuberculosis suspected",
        "Tuberculosis: 93.1 % suspected (threshold 41 %)",
        "Pneumonia: 12.3 % not found (threshold 50 %)",
        "Prediction set may be present: tuberculosis",
        "Read by asha",
        "before the network's answer was shown",
        "Network's answer overridden",
        "Reason Old scar",
        "Film of 2021 looks the same.",
        "Test Xpert",
        "chest-xray 0.3.0",
        "5f" * 32,
        "every other disease is missed",
    ):
        assert said in text


def test_a_refused_image_says_why_and_what_to_do(whole: bytes) -> None:
    assert "Not a frontal view (wrong_view) ViewPosition is LL. What to do Use a frontal view (PA or AP)." in joined(
        whole
    )


def test_each_slice_of_a_scan_has_a_row_below_a_header_on_every_page(whole: bytes) -> None:
    pages = opened_pdf.texts(whole)
    assert "40 97.5 %, present" in " ".join(pages[-1].split())
    with_rows = [page for page in pages if "%, present" in page]
    assert len(with_rows) > 1
    assert all("Slice haemorrhage" in " ".join(page.split()) for page in with_rows)


def test_every_page_is_numbered_and_says_that_this_is_no_medical_device(whole: bytes) -> None:
    pages = opened_pdf.texts(whole)
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert DISCLAIMER in page


def test_the_file_tells_title_date_and_language(whole: bytes) -> None:
    told = opened_pdf.metadata(whole)
    assert told["Title"] == "Report on case 7c9e6679"
    assert told["Subject"] == DISCLAIMER
    assert told["CreationDate"] == "D:20261126093000+00'00'"
    assert b"/Lang (en)" in whole


def test_it_is_tagged_in_the_order_of_reading(whole: bytes) -> None:
    pages = opened_pdf.elements(whole)
    assert [element.role for element in pages[0][:4]] == ["H1", "P", "Table", "H2"]
    figures = [element.description for page in pages for element in page if element.role == "Figure"]
    assert figures == ["The image that was analysed", "Heat map of tuberculosis, over the image"]
    assert b"/Marked true" in whole


def test_what_is_in_another_language_says_so() -> None:
    remarks = (Passage("Bekannt."), Passage("Something odd.", "en"))
    image = ReportedImage(1, "answered", "Gefunden", remarks=remarks)
    pdf = render_pdf(compose(report(image, answers=(), diagnoses=())), WRITTEN)
    (elements,) = opened_pdf.elements(pdf)
    every = [entry for element in elements for entry in element.every]
    assert [entry.language for entry in every if entry.role == "LBody"] == ["", "en"]
    assert {entry.language for entry in every if entry.role != "LBody"} == {""}


def test_tables_and_lists_are_tagged_as_such() -> None:
    pdf = render_pdf(compose(report(volume(60), answers=(), diagnoses=())), WRITTEN)
    first, *others = opened_pdf.elements(pdf)
    facts = first[2]
    assert {row.role for row in facts.children} == {"TR"}
    assert {tuple((cell.role, cell.scope) for cell in row.children) for row in facts.children} == {
        (("TH", "Row"), ("TD", ""))
    }
    assert {leaf.role for row in facts.children for cell in row.children for leaf in cell.children} == {"P"}
    tables = [element for page in (first, *others) for element in page if element.role == "Table"][1:]
    rows = [tuple((cell.role, cell.scope) for cell in row.children) for table in tables for row in table.children]
    assert len(others) >= 1, "the table is longer than a page"
    assert rows.count((("TH", "Column"), ("TH", "Column"))) == 1, "its head is told once, and drawn on each page"
    assert rows.count((("TH", "Row"), ("TD", ""))) == 60
    last = opened_pdf.elements(render_pdf(compose(report()), WRITTEN))[-1]
    items = [item for element in last if element.role == "L" for item in element.children]
    assert [(item.role, [body.role for body in item.children]) for item in items] == [("LI", ["LBody"])] * 2


def test_no_font_is_asked_for_that_the_file_does_not_carry(whole: bytes) -> None:
    assert b"Helvetica" not in whole
    assert whole.count(b"/FontFile2") >= 2


def test_the_headings_are_its_outline(whole: bytes) -> None:
    entries = opened_pdf.outline(whole)
    assert entries[0] == (0, "Report on case 7c9e6679")
    assert [title for level, title in entries if level == 1][-3:] == ["Image 1 of 3", "Image 2 of 3", "Image 3 of 3"]


def test_all_text_is_in_the_fonts_that_the_file_carries(whole: bytes) -> None:
    assert opened_pdf.fonts(whole) == {REGULAR, BOLD}


@pytest.mark.parametrize("word", ["स्त्री", "हिन्दी", "कर्म", "क्षय", "(टीबी):"])
def test_hindi_is_shaped_as_harfbuzz_shapes_it(word: str) -> None:
    page = opened_pdf.pixels(paragraphs(f"{word} " * 15), scale=4)
    ink = np.flatnonzero((page[: page.shape[0] // 2] < 128).any(axis=0))
    expected = advance(f"{word} " * 14 + word)
    assert (ink[-1] - ink[0]) / 4 == pytest.approx(expected * 9.5, abs=3)  # points; side bearings of the outer glyphs


def advance(text: str) -> float:
    """Return the width of a text in ems, shaped whole by HarfBuzz, without reportlab."""
    font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(FOLDER / f"{REGULAR}.ttf"))))
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer)
    return sum(place.x_advance for place in buffer.glyph_positions) / 1000


def test_hindi_comes_out_of_the_file_as_it_went_in() -> None:
    assert HINDI in joined(paragraphs(HINDI))


def test_a_report_is_written_in_the_language_of_the_reader() -> None:
    hindi = find_language("hi")
    assert hindi is not None
    with using(hindi):
        pdf = render_pdf(compose(report(answers=(reader(comment=HINDI),))), WRITTEN)
    assert b"/Lang (hi)" in pdf
    assert "26 नव॰ 2026" in joined(pdf)
    assert HINDI in joined(pdf)


@pytest.mark.parametrize("stem", ["word", "श्रीमती"])
def test_a_long_comment_runs_over_pages_and_stands_there_once(stem: str) -> None:
    words = [f"{stem}{number}" for number in range(1000)]
    pdf = paragraphs(" ".join(words))
    assert [word for word in joined(pdf).split() if word.startswith(stem)] == words
    assert all(stem in page for page in opened_pdf.texts(pdf))


def test_a_reason_of_many_lines_runs_over_pages_too() -> None:
    lines = [f"line {number}" for number in range(120)]
    text = joined(render_pdf(compose(report(answers=(reader(agreed=False, reason="\n".join(lines)),))), WRITTEN))
    assert text.count("line 7 ") == text.count("line 119") == 1


def test_a_word_wider_than_the_page_is_broken() -> None:
    page = opened_pdf.pixels(paragraphs("x" * 400))
    assert (page[:, -20:] == 255).all()


def test_markup_and_control_characters_are_text() -> None:
    assert "<b>not bold</b> & <img src=x> end" in joined(paragraphs("<b>not bold</b> &\x00\x07 <img src=x>\u202f end"))


def test_characters_without_a_glyph_are_marked_and_the_mark_is_explained() -> None:
    text = joined(paragraphs("日本 at least ≥ 2 cm"))
    assert "at least >= 2 cm" in text
    assert "stands for a character that the fonts of this report lack" in text
    assert "stands for a character" not in joined(paragraphs("Ωμέγα, Жизнь, œuvre, não, ₹"))


def test_pictures_of_any_shape_stay_on_the_page() -> None:
    tall, wide = (Picture(picture(*shape), "A picture", "Caption") for shape in ((2000, 50), (50, 2000)))
    pdf = render_pdf(compose(report(answered(pictures=(tall, wide, tall)))), WRITTEN)
    for number in range(len(opened_pdf.texts(pdf))):
        page = opened_pdf.pixels(pdf, number)
        assert (page[:, -20:] == 255).all()


def test_many_images_make_many_pages() -> None:
    images = [replace(answered(), position=number) for number in range(1, 13)]
    pages = opened_pdf.texts(render_pdf(compose(report(*images)), WRITTEN))
    assert len(pages) > 6
    assert "Image 12 of 12" in " ".join(pages)


def test_the_same_report_is_the_same_page_whoever_writes_at_the_same_time() -> None:
    document = compose(report(answered(pictures=()), volume(3)))
    written: list[bytes] = []
    threads = [threading.Thread(target=lambda: written.append(render_pdf(document, WRITTEN))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(opened_pdf.texts(pdf)) for pdf in written}) == 1
    assert len(written) == 4


def test_a_report_that_lacks_nothing_says_so_by_no_mark(whole: bytes) -> None:
    assert LACKING not in joined(whole)


def test_a_moment_of_another_zone_is_the_same_moment_in_the_file() -> None:
    there = WRITTEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert b"D:20261126093000+00'00'" in render_pdf(compose(report()), there)
