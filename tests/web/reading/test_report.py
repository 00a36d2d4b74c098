"""The routes of a case's report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from radiolens.prediction import Presence
from radiolens.store import audit
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.worklist.reading import Answer
from radiolens.worklist.work_list import WorkList
from tests.report import opened_pdf
from tests.web.serving import film, local_client, png
from tests.worklist.site import wait_until

JUDGED = {"pneumonia": Presence.ABSENT, "tuberculosis": Presence.ABSENT}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home = tmp_path_factory.mktemp("report")
    with local_client(home=home, gate="header") as running:
        yield running


@pytest.fixture(scope="module")
def case(client: TestClient) -> UUID:
    """Send a film, wait for its answer, and say something of it."""
    sent = client.post("/api/v1/cases", files={"file": ("Doe^john.png", png(film()))}, data={"task": "chest-xray"})
    found = UUID(sent.json()["cases"][0]["case_id"])
    work = work_list(client)
    wait_until(lambda: all(image.state == "answered" for image in work.case(LOCAL_USER_ID, found).images))
    work.answer(LOCAL_USER_ID, found, Answer(JUDGED, comment="निशान <b>old</b>"))
    return found


def work_list(client: TestClient) -> WorkList:
    found: WorkList = client.app.state.work_list  # type: ignore[attr-defined]  # an app of ours
    return found


def test_the_pdf_is_a_file_to_keep(client: TestClient, case: UUID) -> None:
    answer = client.get(f"/cases/{case}/report.pdf")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="radiolens-{str(case)[:8]}.pdf"'
    text = " ".join(" ".join(opened_pdf.texts(answer.content)).split())
    assert "Not a medical device" in text
    assert "निशान <b>old</b>" in text
    assert "john" not in text


def test_the_page_says_the_same_and_holds_its_pictures(client: TestClient, case: UUID) -> None:
    page = client.get(f"/cases/{case}/report").text
    assert "निशान &lt;b&gt;old&lt;/b&gt;" in page
    assert page.count("data:image/png;base64,") == 3
    assert "Not a medical device" in page
    for address in (
        "/static/reading/report.css",
        "/static/reading/report.js",
        "/static/fonts/RadiolensSans-Regular.ttf",
    ):
        assert client.get(address).status_code == 200


def test_the_json_is_the_case_with_the_contract_s_prediction(client: TestClient, case: UUID) -> None:
    answer = client.get(f"/cases/{case}.json", headers={"accept-language": "hi"})
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["disclaimer"].startswith("For education and research.")
    shown = client.get(f"/api/v1/cases/{case}").json()["images"][0]["prediction"]
    assert told["images"][0]["prediction"] == shown
    assert "john" not in json.dumps(told)


def test_a_report_is_in_the_language_that_is_asked_for(client: TestClient, case: UUID) -> None:
    page = client.get(f"/cases/{case}/report", headers={"accept-language": "fr"}).text
    assert '<html lang="fr">' in page
    assert "Pneumonie" in page


def test_every_report_is_told_in_the_audit_log(client: TestClient, case: UUID) -> None:
    for address in ("report.pdf", "report"):
        client.get(f"/cases/{case}/{address}")
    with work_list(client).database.reading() as session:
        found = list(audit.entries(session, action="case.report", target=f"case:{case}"))
    assert [entry.detail["form"] for entry in found if entry.detail][:2] == ["page", "pdf"]  # the newest first


def test_a_case_that_there_is_not_is_not_found(client: TestClient) -> None:
    for address in ("/report.pdf", "/report", ".json"):
        assert client.get(f"/cases/{UUID(int=7)}{address}").status_code == 404


def test_the_comparison_says_how_to_get_something_to_compare(client: TestClient) -> None:
    page = client.get("/comparison")
    assert page.status_code == 200
    assert "There is nothing to compare yet." in page.text
