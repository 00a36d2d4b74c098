"""The programming interface by its contract."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from radiolens.errors import RadiolensError
from radiolens.inference.record import KEYS
from radiolens.safety.sight import Kind
from radiolens.tasks import TASKS
from radiolens.web.schemas import InputProblem, Prediction, ProblemDetails
from tests.phantoms import MR, dicom
from tests.tiny_bundle import make_bundle
from tests.tiny_gate import KINDS, make_gate
from tests.web.serving import LOCAL, film, head_series, local_client, png

FILM = png(film())
PROBLEM_KEYS = {"type", "title", "status", "detail"}


def ask(client: TestClient, *contents: bytes, task: str | None = "chest-xray", name: str = "a.png") -> Any:  # noqa: ANN401  a response
    files = [("file", (name, content)) for content in contents]
    return client.post("/api/v1/predictions", files=files, data={} if task is None else {"task": task})


def zipped(*contents: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"series/{number}", content)
    return stream.getvalue()


def test_the_app_says_that_it_runs_and_which_tasks_it_answers(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert (ready["status"], set(ready["tasks"])) == (
        "ready",
        {"chest-xray", "brain-mri", "brain-ct"},
    )


def test_the_tasks_are_listed_with_their_labels_and_whether_a_bundle_answers_them(client: TestClient) -> None:
    rows = {row["name"]: row for row in client.get("/api/v1/tasks").json()}
    assert rows["chest-xray"]["labels"] == ["pneumonia", "tuberculosis"]
    assert rows["chest-xray"]["intended_use"] == TASKS[0].intended_use
    assert {name: row["answered"] for name, row in rows.items()} == {
        "chest-xray": True,
        "brain-mri": True,
        "brain-ct": True,
    }


def test_the_tasks_say_for_whom_a_finding_is_meant_and_what_limits_an_answer(client: TestClient) -> None:
    for task, row in zip(TASKS, client.get("/api/v1/tasks").json(), strict=True):
        assert [entry["text"] for entry in row["limits"]] == [limit.text for limit in task.limits]
        told = {entry["label"]: (entry["youngest_age"], entry["released"]) for entry in row["label_details"]}
        assert told == {label.name: (label.youngest_age, label.released) for label in task.labels}
    chest, _, ct = client.get("/api/v1/tasks").json()
    (of_children,) = [entry for entry in chest["limits"] if entry["to_age"] == 15]
    assert (of_children["labels"], of_children["from_age"], of_children["volumes"]) == (["tuberculosis"], 0, None)
    assert {entry["to_age"] for entry in ct["limits"]} == {None}
    assert {entry["volumes"] for entry in ct["limits"]} == {True, False, None}
    assert "no adequate public data" in ct["label_details"][1]["why_unreleased"]


def test_an_app_without_bundles_is_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:  # noqa: ANN401  pytest's
    monkeypatch.setattr("radiolens.web.app.RELEASED", tmp_path_factory.mktemp("no-bundles"))
    with local_client(home=tmp_path_factory.mktemp("home")) as empty:
        answer = empty.get("/readyz")
        assert answer.status_code == 503
        assert "No bundle is installed" in answer.json()["detail"]
        refused = ask(empty, FILM).json()
        assert [problem["code"] for problem in refused["problems"]] == ["unreleased_finding"]


@pytest.fixture
def home_with_gate(tmp_path: Path) -> Path:
    """Return a home whose gate, newer than any released one, sees a lateral film in everything."""
    bias = np.array([8.0 if kind is Kind.CHEST_LATERAL else 0.0 for kind in KINDS] + [-8.0] * 3, np.float32)
    make_gate(tmp_path / "bundles", bias=bias, version="99.0.0")
    return tmp_path


def test_what_the_gate_refuses_is_told_by_both_interfaces(home_with_gate: Path) -> None:
    with local_client(home=home_with_gate, gate="full") as guarded:
        refused = ask(guarded, FILM)
        assert (refused.status_code, refused.json()["status"]) == (200, "refused")
        assert [problem["code"] for problem in refused.json()["problems"]] == ["wrong_view"]
        assert refused.json()["problems"][0]["message"].endswith("Use a frontal view (PA or AP).")
        word = guarded.post("/upload/", files={"data": ("a.png", FILM)}, data={"choice": "3"})
        assert (word.status_code, word.json()["outcome"]) == (422, "refused")


@pytest.mark.parametrize(
    ("gate", "told"), [("header", "RADIOLENS_GATE is header"), ("full", "No gate network is installed")]
)
def test_the_log_says_at_the_start_that_pictures_are_not_looked_at(
    gate: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_bundle(tmp_path / "released")
    monkeypatch.setattr("radiolens.web.app.RELEASED", tmp_path / "released")
    with local_client(home=tmp_path, gate=gate):
        assert told in caplog.text


def test_an_app_whose_gate_is_damaged_is_not_ready_and_answers_nothing(
    home_with_gate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home_with_gate / "bundles" / "gate" / "99.0.0" / "golden.npz").write_bytes(b"damaged")
    with local_client(home=home_with_gate, gate="full") as broken:
        ready = broken.get("/readyz")
        assert ready.status_code == 503
        assert "gate 99.0.0" in ready.json()["detail"]
        answer = ask(broken, FILM)
        assert answer.status_code == 500
        assert "RADIOLENS_GATE=header" in answer.json()["detail"]
    assert "so nothing is answered with it" in caplog.text


def test_a_prediction_is_the_contracts_object(client: TestClient) -> None:
    answer = ask(client, FILM, name="film.png")
    content = answer.json()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert tuple(content) == KEYS
    assert (content["path"], content["status"], content["task"]) == ("film.png", "answered", "chest-xray")
    assert [finding["label"] for finding in content["findings"]] == ["pneumonia", "tuberculosis"]
    assert content["seconds"] > 0
    Prediction.model_validate(content)


def test_what_is_refused_is_an_answer_too_and_says_why(client: TestClient) -> None:
    answer = ask(client, dicom(film(), Modality="CT", BodyPartExamined="HEAD"))
    content = answer.json()
    assert (answer.status_code, content["status"], content["findings"]) == (200, "refused", [])
    assert {problem["code"] for problem in content["problems"]} == {"wrong_modality", "wrong_body_part"}


@pytest.mark.parametrize("task", [None, "", "auto"])
def test_without_a_task_the_header_chooses(client: TestClient, task: str | None) -> None:
    assert ask(client, FILM, task=task).json()["problems"][0]["code"] == "task_undetermined"
    content = ask(client, *head_series(1), task=task).json()
    assert (content["status"], content["task"]) == ("answered", "brain-mri")


def test_several_files_of_one_series_get_one_answer_with_its_slices(client: TestClient) -> None:
    content = ask(client, *head_series(6), task="brain-mri").json()
    assert content["status"] == "answered"
    assert [entry["index"] for entry in content["slices"]] == [1, 2, 3, 4]
    mean = sum(entry["findings"][0]["probability"] for entry in content["slices"]) / 4
    assert content["findings"][0]["probability"] == pytest.approx(mean)


def test_a_zip_of_a_series_gets_the_answer_of_its_files(client: TestClient) -> None:
    series = head_series(6)
    one, other = ask(client, *series, task="brain-mri").json(), ask(client, zipped(*series), task="brain-mri").json()
    assert (one["findings"], one["slices"]) == (other["findings"], other["slices"])


def of_a_cd(series: list[bytes]) -> dict[str, bytes]:
    """Return the files of a patient's CD that a Mac has copied, by their names."""
    images = {f"DICOM/PAT0/IM{number}": content for number, content in enumerate(series)}
    traces = {f"__MACOSX/DICOM/PAT0/._IM{number}": b"\0\5\x16\7" + bytes(200) for number in range(len(series))}
    viewer = {"README.TXT": b"Start it.", "autorun.inf": b"[autorun]", "viewer/start.exe": b"MZ" + bytes(300)}
    index = dicom(np.zeros((2, 2), np.uint16), SeriesInstanceUID=None)  # as DICOM by its content as the index is
    return {"DICOMDIR": index, ".DS_Store": b"Bud1", "Thumbs.db": b"\xd0\xcf", **images, **traces, **viewer}


@pytest.mark.parametrize("packed", [False, True])
def test_what_only_comes_along_with_a_series_does_not_count(client: TestClient, packed: bool) -> None:
    series = list(head_series(6))
    files = of_a_cd(series)
    if packed:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        files = {"cd.zip": stream.getvalue(), "README.TXT": b"Start it."}
    sent = [("file", (name, content)) for name, content in files.items()]
    answer = client.post("/api/v1/predictions", files=sent, data={"task": "brain-mri"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["findings"] == ask(client, *series, task="brain-mri").json()["findings"]


def test_what_only_comes_along_with_images_is_judged_if_it_is_sent_by_itself(client: TestClient) -> None:
    answer = ask(client, b"%PDF-1.7 a report", name="report.pdf")
    assert answer.status_code == 415
    assert "a PDF document" in answer.json()["detail"]
    assert "holds 2 images or series" in ask(client, b"one", b"two", name="notes.txt").json()["detail"]


@pytest.mark.parametrize("packed", [False, True])
def test_more_than_one_image_is_not_answered_but_counted(client: TestClient, packed: bool) -> None:
    contents = [FILM, png(film(1)), *head_series(3)]
    answer = ask(client, zipped(*contents)) if packed else ask(client, *contents)
    assert answer.status_code == 422
    assert "holds 3 images or series" in answer.json()["detail"]
    assert "Send each image, or the files of each series, in a request of its own." in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"plain text", 415, "unreadable"),
        (b"%PDF-1.7 a report", 415, "unreadable"),
        (b"", 415, "unreadable"),
        (zipped(b"plain text"), 415, "unreadable"),
        (FILM[:300], 422, "unreadable"),
        (b"PK\x03\x04 no archive", 422, "unreadable"),
        (b"MZ" + bytes(126) + b"DICM" + bytes(200), 422, "unreadable"),
        (zipped(bytes(40_000_000)), 413, "too_large"),
    ],
    ids=["text", "pdf", "empty", "zipped text", "truncated", "damaged zip", "disguised", "inflates too far"],
)
def test_what_cannot_be_read_is_a_problem_with_the_objects_keys(
    client: TestClient, content: bytes, status: int, code: str
) -> None:
    answer = ask(client, content)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) == {*KEYS, *PROBLEM_KEYS, "outcome"}
    assert (problem["outcome"], problem["task"], problem["findings"]) == ("unreadable", None, [])
    assert problem["problems"] == [{"code": code, "message": problem["detail"]}]
    InputProblem.model_validate(problem)


def test_an_unknown_task_is_answered_with_the_known_ones(client: TestClient) -> None:
    answer = ask(client, FILM, task="knee")
    assert answer.status_code == 422
    assert "Send one of auto, chest-xray, brain-mri, brain-ct." in answer.json()["detail"]


@pytest.mark.parametrize(
    ("request_of", "detail"),
    [
        ({}, "Expected multipart/form-data"),
        ({"data": {"task": "chest-xray"}}, "Expected multipart/form-data"),
        ({"json": {"task": "chest-xray"}}, "Expected multipart/form-data"),
        ({"files": {"task": (None, "chest-xray")}}, "The field 'file' is missing"),
        ({"files": {"file": (None, "film.png")}}, "came as a text"),
        ({"files": {"picture": ("a.png", FILM)}}, "The field 'file' is missing"),
    ],
)
def test_a_request_without_a_file_is_told_what_to_send(
    client: TestClient, request_of: dict[str, Any], detail: str
) -> None:
    answer = client.post("/api/v1/predictions", **request_of)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/static/../app.py", 404),
        ("PUT", "/api/v1/tasks", 405),
        ("GET", "/api/v1/predictions", 405),
        ("DELETE", "/", 405),
    ],
)
def test_a_wrong_address_or_method_is_a_problem_document(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/docs" in answer.json()["detail"]
    assert status != 405 or answer.headers["allow"]
    ProblemDetails.model_validate(answer.json())


def test_a_defect_of_the_program_is_a_problem_without_details_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret of the program")

    monkeypatch.setattr("radiolens.web.single.record", broken)
    with local_client() as local:
        served = TestClient(local.app, base_url=LOCAL, client=("127.0.0.1", 1), raise_server_exceptions=False)
        answer = ask(served, b"no image")
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal error")
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


def test_a_part_of_the_program_that_does_not_start_is_a_problem_that_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RadiolensError("The sandbox for reading files does not start.")

    monkeypatch.setattr("radiolens.web.answers.read_untrusted", refuse)
    answer = ask(client, FILM)
    assert (answer.status_code, answer.json()["detail"]) == (500, "The sandbox for reading files does not start.")


def test_a_name_that_is_no_text_comes_back_as_one(client: TestClient) -> None:
    answer = ask(client, FILM, name="Thorax \N{SNOWMAN} 'a\".png")
    assert answer.json()["path"].startswith("Thorax \N{SNOWMAN} 'a")


def test_a_multi_frame_file_is_one_volume(client: TestClient) -> None:
    frames = film()[None].repeat(5, axis=0)
    content = ask(
        client, dicom(frames, SOPClassUID=MR, Modality="MR", BodyPartExamined="BRAIN"), task="brain-mri"
    ).json()
    assert content["status"] == "answered"
    assert len(content["slices"]) > 1
