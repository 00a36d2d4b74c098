"""A reader gets the pages in their own language, and a program the same English as ever."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from radiolens.locale.languages import LANGUAGES
from radiolens.settings import Settings
from radiolens.tasks import TASKS
from radiolens.web.app import create_app
from radiolens.web.language import COOKIE
from tests.phantoms import dicom
from tests.project.source_tree import PACKAGE
from tests.web.serving import LOCAL, film, png

FILM = png(film())
SCRIPT = {"X-Requested-With": "radiolens"}
TEMPLATES = sorted(path for folder in ("web", "report") for path in (PACKAGE / folder / "templates").rglob("*.html"))
SEEN = ("alt", "title", "placeholder", "aria-label", "aria-description")
UNREAD = ("script", "style", "code", "kbd")
SAME_EVERYWHERE = re.compile(
    r"radiolens|UTC|SHA-256|JSON|CSV|PDF|HTML|DICOM|NIfTI|PNG|JPEG|TIFF|zip|OpenID Connect|Xpert|[0-9a-f]{64}"
)
"""Names that are the same in every language."""
LATIN_WORD = re.compile(r"[A-Za-z]{3,}")


class Seen(HTMLParser):
    """Collects what a page shows: text and the attributes that are read out, but nothing that says to be English."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        foreign = "lang" in told and tag != "html"
        if not foreign and not self._foreign:
            self.texts += [told[name] or "" for name in SEEN if name in told]
        if tag not in ("meta", "link", "input", "img", "br", "hr", "rect", "source"):
            self._open.append((tag, foreign or tag in UNREAD or told.get("class") == "file"))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._foreign:
            self.texts.append(data)

    @property
    def _foreign(self) -> bool:
        return any(foreign for _, foreign in self._open)


def seen(html: str) -> list[str]:
    parser = Seen()
    parser.feed(html)
    return [text.strip() for text in parser.texts if text.strip()]


def without_template_language(text: str) -> str:
    """Return what a template writes out itself: not the values, nor what is marked for translation."""
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", "", text, flags=re.DOTALL)
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_template_writes_out_no_word_that_is_not_marked(template: Path) -> None:
    written = seen(without_template_language(template.read_text(encoding="utf-8")))
    assert [text for text in written if LATIN_WORD.search(SAME_EVERYWHERE.sub("", text))] == []


def test_the_page_comes_in_the_language_that_the_browser_asks_for(client: TestClient) -> None:
    assert len(TEMPLATES) > 5
    for language in LANGUAGES:
        answer = client.get("/", headers={"Accept-Language": f"{language.code};q=0.9, de"})
        assert answer.headers["content-language"] == language.code
        assert f'<html lang="{language.code}">' in answer.text
        assert (
            f'<option value="{language.code}" lang="{language.code}" selected>{language.name}</option>' in answer.text
        )


def test_a_chosen_language_is_kept_and_the_page_shown_again_from_which_it_was_chosen(client: TestClient) -> None:
    answer = client.post("/language", data={"language": "fr", "back": "/docs?a=1"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs?a=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=fr;")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=31536000"))
    page = client.get("/", headers={"Accept-Language": "es"})
    assert page.headers["content-language"] == "fr"
    assert "Choisissez l&#39;examen" in page.text
    client.cookies.delete(COOKIE)


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "/a\\b", "", "/a\r\nb"]
)
def test_choosing_a_language_leads_to_no_other_site(client: TestClient, back: str) -> None:
    answer = client.post("/language", data={"language": "hi", "back": back}, follow_redirects=False)
    assert answer.headers["location"] == "/"
    client.cookies.delete(COOKIE)


def test_a_language_that_there_is_not_is_refused_and_a_damaged_cookie_is_passed_over(client: TestClient) -> None:
    refused = client.post("/language", data={"language": "xx"})
    assert refused.status_code == 422
    assert "Choose one of en, fr, es, pt, hi." in refused.text
    for cookie in (f"{COOKIE}=zz", f'{COOKIE}="; a=\x01', COOKIE):
        assert client.get("/", headers={"Cookie": cookie}).headers["content-language"] == "en"


def test_the_programming_interface_stays_english_whoever_asks(client: TestClient) -> None:
    hindi = {"Accept-Language": "hi", "Cookie": f"{COOKIE}=hi"}
    small = {"file": ("a.png", png(film()[:40, :40]))}
    for headers in ({}, hindi):
        answer = client.post("/api/v1/predictions", files=small, data={"task": "chest-xray"}, headers=headers)
        assert "at least 64 on each side are needed" in answer.json()["problems"][0]["message"]
        assert answer.headers["content-language"] == "en"
    assert [row["title"] for row in client.get("/api/v1/tasks", headers=hindi).json()] == [task.title for task in TASKS]
    for_a_person = client.get("/api/v1/tasks", headers={**hindi, **SCRIPT})
    assert for_a_person.headers["content-language"] == "hi"


def analysed(client: TestClient, content: bytes, language: str, study: str = "chest") -> str:
    headers = {"Accept-Language": language, **SCRIPT}
    files = {"file": ("a.png", content)}
    return client.post("/", files=files, data={"study": study}, headers=headers).text


def test_nothing_on_the_start_page_and_its_cards_is_left_in_english(client: TestClient) -> None:
    pages = [
        client.get("/", headers={"Accept-Language": "hi"}).text,
        analysed(client, FILM, "hi"),
        analysed(client, b"%PDF-1.7", "hi"),
        analysed(client, png(film()[:40, :40]), "hi"),
        analysed(client, dicom(film(), Modality="CT", BodyPartExamined="FOOT"), "hi", "auto"),
        analysed(client, dicom(film(), Modality="DX", BodyPartExamined="CHEST", ViewPosition="LL"), "hi"),
    ]
    left = {text for page in pages for text in seen(page) if LATIN_WORD.search(SAME_EVERYWHERE.sub("", text))}
    allowed = re.compile(r"chest-xray|guangzhou|nih|tb-collection|tbx11k|FOOT|NIH|[a-z]+_[a-z_]+|unreadable|basis")
    assert {text for text in left if LATIN_WORD.search(allowed.sub("", SAME_EVERYWHERE.sub("", text)))} == set()


def test_an_answer_is_said_in_french_with_french_numbers(client: TestClient) -> None:
    card = analysed(client, FILM, "fr")
    assert re.search(r"seuil (?:de )?\d+,\d+\xa0%", card)  # "de" where it is above, but not to be believed
    assert re.search(r"<strong>\d+,\d\xa0%</strong>", card)
    assert "Ce n&#39;est pas un dispositif médical." in card
    assert "Pneumonie" in card
    refused = analysed(client, dicom(film(), Modality="DX", BodyPartExamined="CHEST", ViewPosition="LL"), "fr")
    assert "Non analysé" in refused
    assert "un cliché de face" in refused
    assert "Prenez une incidence de face (PA ou AP)." in refused


def test_an_upload_without_an_image_is_refused_in_the_language_of_the_page(client: TestClient) -> None:
    headers = {"Accept-Language": "pt-BR"}
    page = client.post("/", data={"study": "chest"}, files={"nothing": b""}, headers=headers)
    assert page.status_code == 422
    assert "Nenhuma imagem foi escolhida." in page.text


def test_under_a_root_path_the_cookie_holds_there() -> None:
    with TestClient(create_app(Settings()), LOCAL, root_path="/films", client=("127.0.0.1", 1)) as client:
        answer = client.post("/films/language", data={"language": "es", "back": "/films/"}, follow_redirects=False)
        assert answer.headers["location"] == "/films/"
        assert "Path=/films" in answer.headers["set-cookie"]
        assert client.get("/films/").headers["content-language"] == "es"
