"""A case, its report and its model's page are in the reader's language; what stays English says that it is."""

from __future__ import annotations

import re

import pytest

from tests.phantoms import dicom
from tests.web.reading.desk import FILM, Desk
from tests.web.serving import film
from tests.web.test_language import LATIN_WORD, SAME_EVERYWHERE, seen

HINDI = {"Accept-Language": "hi"}
NAMES = re.compile(
    r"chest-xray|brain-(ct|mri)|CLAIM|NIH|JavaScript|local|MRI|[ap]m|wrong_view|unreadable|[0-9a-f-]{8,36}"
)
"""Names, codes and numbers, and how Hindi writes the hour."""


def left_in_english(html: str) -> set[str]:
    """Return the texts of a page with English words that are not marked as English."""
    texts = {NAMES.sub("", SAME_EVERYWHERE.sub("", text)) for text in seen(html)}
    return {text for text in texts if LATIN_WORD.search(text)}


SENT = {
    "answered": FILM,
    "remarks": dicom(film(), Modality="DX", WindowCenter=9, WindowWidth=0, BurnedInAnnotation="YES"),
    "refused": dicom(film(), Modality="DX", BodyPartExamined="CHEST", ViewPosition="LL"),
    "unreadable": FILM[:300],
}


@pytest.mark.parametrize("kind", SENT)
def test_a_case_and_its_report_are_in_the_language_of_the_page(at: Desk, kind: str) -> None:
    (case,) = at.send((kind, SENT[kind]))
    for path in (f"/cases/{case}", f"/cases/{case}/report"):
        answer = at.client.get(path, headers=HINDI)
        assert answer.status_code == 200
        assert left_in_english(answer.text) == set()


def test_a_remark_is_translated_and_a_limit_that_no_catalogue_has_is_marked(at: Desk) -> None:
    (case,) = at.send(("odd.dcm", SENT["remarks"]))
    for path in (f"/cases/{case}", f"/cases/{case}/report"):
        page = at.client.get(path, headers={"Accept-Language": "fr"}).text
        assert "Une fenêtre de largeur 0 a été ignorée." in page
        assert re.search(r'lang="en">\s*(<li>)?The weights are random', page)
    json = at.client.get(f"/cases/{case}.json", headers={"Accept-Language": "fr"}).json()
    assert "A window of width 0 was ignored." in json["images"][0]["remarks"], "programs get English"


def test_the_page_of_a_model_says_that_its_documents_are_english(at: Desk) -> None:
    listed = at.client.get("/models", headers=HINDI).text
    assert left_in_english(listed) == set()
    for address in dict.fromkeys(re.findall(r'href="(/models/[0-9a-f]{64})"', listed)):
        page = at.client.get(address, headers=HINDI).text
        assert ("मॉडल के दस्तावेज़ अंग्रेज़ी में हैं।" in page) is ('class="documents"' in page)
        assert left_in_english(page) == set()
        assert "documents about a model" not in at.client.get(address).text, "nor does an English page say it"


def test_what_the_work_list_refuses_is_said_in_the_language_of_the_page(at: Desk) -> None:
    (case,) = at.send(("a.png", FILM))
    at.client.post(f"/cases/{case}/close")
    for accept, language, told in (
        ("text/html", "fr", "Le cas est clos."),
        ("text/html", "en", "The case is closed."),
        ("text/html", "es", "El caso está cerrado."),
    ):
        answer = at.client.post(f"/cases/{case}/close", headers={"Accept": accept, "Accept-Language": language})
        assert (answer.status_code, told in answer.text) == (409, True)
    (image,) = at.client.get(f"/api/v1/cases/{case}").json()["images"]
    stack = at.client.get(f"/cases/{case}/images/{image['image_id']}/stack", headers={"Accept-Language": "fr"})
    assert stack.json()["detail"].startswith("L'image a été effacée"), "as the viewer shows it"
    program = at.client.post(f"/api/v1/cases/{case}/close", headers={"Accept-Language": "fr"})
    assert program.json()["detail"] == "The case is closed.", "programs get English"
