"""The report as a page to print."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from itertools import pairwise

from radiolens.locale.languages import find_language, using
from radiolens.report.content import Passage, Reason, ReportedImage
from radiolens.report.document import compose
from radiolens.report.print_page import print_page
from tests.report.reported import DISCLAIMER, answered, picture, reader, refused, report, volume


class Page(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]


def page(*images: object, **changed: object) -> Page:
    document = compose(report(*images, **changed))  # type: ignore[arg-type]  # as reported.report takes them
    return Page(print_page(document, assets="/lens/static", back="/lens/cases/1", pdf="/lens/cases/1/report.pdf"))


def test_it_says_the_same_as_the_pdf() -> None:
    text = page(answered(), refused(), volume()).text
    for said in (
        "Tuberculosis 93.1 % suspected (threshold 41 %)",
        "Use a frontal view",
        "Read by asha",
        "97.5 %, present",
    ):
        assert said in text
    assert text.count(DISCLAIMER) == 2  # at the head and at the foot


def test_bar_and_threshold_are_those_of_the_finding() -> None:
    bars = [entry for entry in page().of("rect") if entry["class"] in {"absent", "present"}]
    assert [(entry["class"], entry["width"]) for entry in bars] == [("absent", "12.34"), ("present", "93.12")]
    assert [entry["x"] for entry in page().of("rect") if entry["class"] == "mark"] == ["50.00", "41.00"]


def test_pictures_are_in_the_page_with_their_descriptions() -> None:
    first, second = page().of("img")
    assert first["alt"] == "The image that was analysed"
    assert second["alt"] == "Heat map of tuberculosis, over the image"
    assert first["src"] == f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


def test_what_somebody_typed_is_text() -> None:
    typed = page(answers=(reader(comment="<script>alert(1)</script>", reason='"><img src=x>'),))
    assert "<script>alert(1)</script>" in typed.text
    assert len(typed.of("script")) == 1
    assert len(typed.of("img")) == 2


def test_addresses_are_those_of_the_site() -> None:
    whole = page()
    assert [entry["href"] for entry in whole.of("link")] == ["/lens/static/reading/report.css"]
    assert [entry["href"] for entry in whole.of("a")] == ["/lens/cases/1", "/lens/cases/1/report.pdf"]
    assert not any("style" in attributes for _, attributes in whole.elements)  # the policy forbids inline styles


def test_it_names_its_language() -> None:
    spanish = find_language("es")
    assert spanish is not None
    with using(spanish):
        assert page().of("html") == [{"lang": "es"}]


def test_headings_go_down_by_one_level_at_a_time() -> None:
    levels = [int(tag[1]) for tag, _ in page(answered(), refused(), volume()).elements if tag in {"h1", "h2", "h3"}]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_what_is_in_another_language_says_so() -> None:
    strange = (Passage("Bekannt."), Passage("Something odd.", "en"), Passage("Another thing.", "en"))
    lists = page(answered(remarks=strange, limits=())).of("ul")
    assert lists == [{}, {"lang": "en"}], "a list for each run of one language"
    reason = Reason("Unlesbar", "It is broken.", "", "unreadable", "en")
    paragraphs = page(ReportedImage(1, "unreadable", "Unlesbar", reasons=(reason,))).of("p")
    assert [entry for entry in paragraphs if "lang" in entry] == [{"class": "body", "lang": "en"}]
