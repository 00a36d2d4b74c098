"""The work list's programming interface, on the app as it is installed."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from starlette.testclient import TestClient

from radiolens.store.schema import CaseState
from radiolens.tasks import TASKS
from radiolens.worklist.results import Decision
from radiolens.worklist.table import COLUMNS
from radiolens.worklist.views import ReaderState
from tests.web.serving import film, head_series, local_client, png
from tests.worklist.site import wait_until

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with local_client(max_upload_bytes=20_000_000, threads=1, scorers=1) as found:
        yield found


def send(client: TestClient, *files: tuple[str, bytes], **fields: str) -> httpx2.Response:
    return client.post("/api/v1/cases", files=[("file", file) for file in files], data={"task": "chest-xray", **fields})


def sent_case(client: TestClient, *files: tuple[str, bytes], **fields: str) -> dict[str, Any]:
    """Send what becomes one case, wait until it is scored, and return it."""
    (case,) = send(client, *files, **fields).json()["cases"]
    address = f"/api/v1/cases/{case['case_id']}"
    wait_until(
        lambda: all(image["state"] not in ("queued", "scoring") for image in client.get(address).json()["images"])
    )
    found: dict[str, Any] = client.get(address).json()
    return found


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def test_images_are_accepted_scored_and_listed(client: TestClient) -> None:
    answer = send(client, ("ward/a.png", png(film(1))), ("b.png", png(film(2))))
    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["left_out"], len(told["cases"])) == (2, [], 2)
    first = told["cases"][0]
    assert first["url"] == f"/cases/{first['case_id']}"
    (image,) = first["images"]
    assert {**image, "image_id": ""} == {
        "image_id": "",
        "position": 0,
        "name": "ward/a.png",
        "files": 1,
        "state": "queued",
    }
    wait_until(lambda: client.get("/api/v1/cases").json()["progress"]["done"] >= 2)
    page = client.get("/api/v1/cases", params={"sort": "received"}).json()
    assert page["total"] == len(page["cases"])
    found = {case["case_id"]: case for case in page["cases"]}[first["case_id"]]
    assert found["label"] == first["case_id"][:8]
    assert (found["state"], found["disclosed"], found["reader"], found["working_copy"]) == (
        "open",
        True,
        "unread",
        True,
    )
    assert found["decision"] in ("present", "absent", "indeterminate")
    assert "ward/a.png" not in str(page)


def test_a_case_has_the_object_of_the_contract_without_its_path(client: TestClient) -> None:
    case = sent_case(client, ("a.png", png(film(3))))
    (image,) = case["images"]
    files = {"file": ("a.png", png(film(3)))}
    expected = client.post("/api/v1/predictions", files=files, data={"task": "chest-xray"}).json()
    assert {**image["prediction"], "seconds": 0} == {
        key: 0 if key == "seconds" else value for key, value in expected.items() if key != "path"
    }
    assert case["tasks"] == ["chest-xray"]
    progress = client.get(f"/api/v1/cases/{case['case_id']}/progress").json()
    assert progress == {"queued": 0, "scoring": 0, "done": 1} == case["progress"]
    assert case["answers"] == case["diagnoses"] == []


def test_a_series_in_a_zip_is_one_image_and_a_corrupt_file_ends_with_its_reason(client: TestClient) -> None:
    series = {f"{number}.dcm": data for number, data in enumerate(head_series(3))}
    told = send(client, ("mr.zip", zipped(**series, note=b"not an image")), task="brain-mri").json()
    assert [[image["files"] for image in case["images"]] for case in told["cases"]] == [[3], [1]]
    corrupt = f"/api/v1/cases/{told['cases'][1]['case_id']}"
    wait_until(lambda: client.get(corrupt).json()["decision"] == "unreadable")
    (image,) = client.get(corrupt).json()["images"]
    assert (image["state"], image["prediction"]) == ("unreadable", None)
    assert image["problems"][0]["code"] == "unreadable"


def test_what_only_comes_along_with_images_is_passed_over_unless_it_comes_alone(client: TestClient) -> None:
    cd = {"IM1.dcm": head_series(1)[0], "README.TXT": b"Start it.", "start.exe": b"MZ", "DICOMDIR": b"index"}
    (case,) = send(client, ("cd.zip", zipped(**cd)), ("desktop.ini", b"x"), task="brain-mri").json()["cases"]
    assert [image["name"] for image in case["images"]] == ["cd.zip/IM1.dcm"]
    alone = sent_case(client, ("report.pdf", b"%PDF-1.7"))
    assert alone["decision"] == "unreadable"
    assert "a PDF document" in alone["images"][0]["problems"][0]["message"]


def test_what_cannot_be_taken_is_named_beside_what_was(client: TestClient) -> None:
    told = send(client, ("bad.zip", zipped(a=b"x" * 999)[:-40]), ("a.png", png(film(4)))).json()
    assert told["accepted"] == 1
    assert [(entry["name"], entry["code"]) for entry in told["left_out"]] == [("bad.zip", "unreadable")]


@pytest.mark.parametrize(
    ("files", "fields", "title"),
    [
        ([], {}, "No image"),
        ([("a.png", b"x")], {"task": "knee"}, "Unknown task"),
        ([("empty.png", b"")], {}, "Nothing was accepted"),
        ([("Thumbs.db", b"")], {}, "Nothing was accepted"),
    ],
)
def test_an_upload_with_nothing_in_it_is_refused(
    client: TestClient, files: list[tuple[str, bytes]], fields: dict[str, str], title: str
) -> None:
    content = [("file", file) for file in files] or [("other", ("a.png", b"x"))]
    answer = client.post("/api/v1/cases", files=content, data=fields)
    assert (answer.status_code, answer.headers["content-type"], answer.json()["title"]) == (422, PROBLEM, title)


def test_a_reader_answers_and_a_diagnosis_is_attached_and_the_case_closed(client: TestClient) -> None:
    case = sent_case(client, ("a.png", png(film(5))), ("b.png", png(film(6))), together="yes")
    assert len(case["images"]) == 2
    address = f"/api/v1/cases/{case['case_id']}"
    said = {"presence": {"pneumonia": "absent"}, "agreed": False, "reason": "Old scar"}
    answered = client.post(f"{address}/answers", json=said)
    assert answered.status_code == 201
    (entry,) = answered.json()["answers"]
    assert (entry["user"], entry["stage"], entry["agreed"], entry["reason"]) == ("local", "after", False, "Old scar")
    assert answered.json()["reader"] == "overridden"
    assert client.post(
        f"{address}/diagnoses", json={"presence": {"tuberculosis": "present"}, "test": "Xpert"}
    ).is_success
    closed = client.post(f"{address}/close")
    assert (closed.status_code, closed.json()["state"], closed.json()["working_copy"]) == (200, "closed", False)
    again = client.post(f"{address}/close")
    assert (again.status_code, again.headers["content-type"]) == (409, PROBLEM)
    listed = client.get("/api/v1/cases", params={"state": "closed", "reader": "overridden"}).json()["cases"]
    assert case["case_id"] in [entry["case_id"] for entry in listed]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"presence": {"pneumonia": "perhaps"}}, "presence.pneumonia"),
        ({"presence": {"glioma": "present"}}, "found glioma"),
        ({"presence": {}}, "found none"),
        ({"presence": {"pneumonia": "absent"}, "agreed": False}, "Say why"),
        ({"presence": {"pneumonia": "absent"}, "comment": "x" * 5000}, "comment"),
        ({"presence": {"pneumonia": "absent"}, "secret": 1}, "secret"),
    ],
)
def test_an_answer_that_does_not_fit_is_a_problem_in_the_one_shape(
    client: TestClient, said: dict[str, Any], word: str
) -> None:
    case = sent_case(client, ("a.png", png(film(8))))
    answer = client.post(f"/api/v1/cases/{case['case_id']}/answers", json=said)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"{", 422, "JSON decode error"),
        (b"\xff", 422, "JSON in UTF-8"),
        (b"[" * 100_000, 422, "JSON in UTF-8"),
        (b"1" * 5000, 422, "JSON in UTF-8"),
        (b'{"presence": {"tuberculosis": "absent"}, "comment": "' + b"x" * 300_000 + b'"}', 413, "Shorten it"),
    ],
    ids=["cut off", "no text", "nested without end", "a number without end", "too long"],
)
@pytest.mark.parametrize("what", ["answers", "diagnoses"])
def test_an_object_that_cannot_be_read_is_a_problem_that_says_what_is_expected(
    client: TestClient, what: str, content: bytes, status: int, words: str
) -> None:
    address, headers = f"/api/v1/cases/{uuid4()}/{what}", {"Content-Type": "application/json"}
    answer = client.post(address, content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert words in answer.json()["detail"]
    undeclared = client.post(address, content=iter([content]), headers=headers)
    assert (undeclared.status_code, undeclared.json()) == (status, answer.json())


@pytest.mark.parametrize("method", ["get", "progress", "answers", "diagnoses", "close", "erase"])
def test_a_case_that_there_is_not_is_a_404(client: TestClient, method: str) -> None:
    address = f"/api/v1/cases/{uuid4()}"
    bodies = {
        "answers": {"presence": {"pneumonia": "absent"}},
        "diagnoses": {"presence": {"pneumonia": "absent"}, "test": "x"},
    }
    addresses = {"get": address, "progress": f"{address}/progress"}
    answer = (
        client.get(addresses[method])
        if method in addresses
        else client.post(f"{address}/{method}", json=bodies.get(method))
    )
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert "Go back to the work list" in answer.json()["detail"]


@pytest.mark.parametrize(
    "asked",
    [
        {"page": "0"},
        {"size": "1000"},
        {"sort": "name"},
        {"since": "yesterday"},
        {"decision": "maybe"},
        {"task": "knee"},
        {"state": "shut"},
        {"reader": "me"},
    ],
)
def test_a_filter_that_does_not_fit_is_named(client: TestClient, asked: dict[str, str]) -> None:
    answer = client.get("/api/v1/cases", params=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert next(iter(asked)) in answer.json()["detail"]


def test_every_task_decision_and_state_can_be_asked_for(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]["/api/v1/cases"]["get"]["parameters"]
    words = {entry["name"]: entry["schema"].get("enum", []) for entry in described}
    assert words["task"] == ["", "auto", *(task.name for task in TASKS)]
    assert words["decision"] == ["", *Decision, "waiting", "hidden"]
    assert words["reader"] == ["", *ReaderState]
    assert words["state"] == [*CaseState, "all"]
    for name, choices in words.items():
        for word in choices:
            assert client.get("/api/v1/cases", params={name: word}).status_code == 200


def test_the_images_can_be_erased(client: TestClient) -> None:
    case = sent_case(client, ("a.png", png(film(7))))
    erased = client.post(f"/api/v1/cases/{case['case_id']}/erase").json()
    assert (erased["state"], erased["working_copy"], erased["images"][0]["state"]) == (
        "open",
        False,
        case["images"][0]["state"],
    )


def test_the_table_has_a_row_for_each_image_and_label(client: TestClient) -> None:
    case = sent_case(client, ("a.png", png(film(8))), ("b.png", b"nothing"), together="yes")
    answer = client.get("/api/v1/cases.csv", params={"size": 1, "sort": "-received"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.reader(io.StringIO(answer.text)))
    assert tuple(table[0]) == COLUMNS
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in table[1:] if row[0] == case["case_id"]]
    assert [(row["image"], row["image_state"], row["label"]) for row in rows] == [
        ("1", "answered", "pneumonia"),
        ("1", "answered", "tuberculosis"),
        ("2", "unreadable", ""),
    ]
    found = case["images"][0]["prediction"]["findings"][0]
    assert float(rows[0]["probability"]) == pytest.approx(found["probability"], abs=1e-6)
    assert rows[0]["presence"] == found["presence"]
    UUID(rows[0]["case"])
