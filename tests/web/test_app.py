from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import PIL.Image
import pytest
from starlette.testclient import TestClient

from radiolens.inference.record import KEYS
from radiolens.settings import Settings
from radiolens.web.app import create_app
from radiolens.web.guard import HEADERS
from tests.phantoms import chest_film

LOCAL = "http://127.0.0.1:8000"


def png(side: int | None = None) -> bytes:
    stream = io.BytesIO()
    pixels = np.rint(chest_film() * 255).astype(np.uint8)
    if side:
        pixels = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    PIL.Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(
        create_app(Settings(max_upload_bytes=30_000_000)), base_url=LOCAL, client=("127.0.0.1", 1)
    ) as found:
        yield found


def test_the_app_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert set(client.get("/readyz").json()["tasks"]) == {"chest-xray", "brain-mri"}
    assert [row["name"] for row in client.get("/api/v1/tasks").json()] == ["chest-xray", "brain-mri", "brain-ct"]


def test_a_prediction_is_the_contracts_object(client: TestClient) -> None:
    answer = client.post("/api/v1/predictions", files={"file": ("a.png", png())}, data={"task": "chest-xray"})
    assert answer.status_code == 200
    assert tuple(answer.json()) == KEYS
    assert answer.headers["cache-control"] == "no-store"
    refused = client.post("/api/v1/predictions", files={"file": ("a.png", png())})
    assert refused.json()["problems"][0]["code"] == "task_undetermined"


@pytest.mark.parametrize(
    ("content", "status"), [(b"plain text", 415), (png()[:300], 422), (b"", 415), (png()[:8] + b"x" * 100, 422)]
)
def test_what_cannot_be_read_is_a_problem_with_the_objects_keys(
    client: TestClient, content: bytes, status: int
) -> None:
    answer = client.post("/api/v1/predictions", files={"file": ("a.png", content)}, data={"task": "chest-xray"})
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(KEYS) <= set(problem)


def test_every_error_has_one_shape(client: TestClient) -> None:
    answers = (
        client.get("/nowhere"),
        client.post("/api/v1/predictions"),
        client.post("/api/v1/predictions", files={"file": ("a", b"x")}, data={"task": "knee"}),
        client.post("/api/v1/predictions", data={"task": "chest-xray"}, files={"other": ("", b"")}),
        client.post("/upload/", files={"data": ("a", b"x")}, data={"choice": "9"}),
        client.post("/api/v1/predictions", files={"file": ("a", bytes(31_000_000))}),
    )
    assert [answer.status_code for answer in answers] == [404, 422, 422, 422, 422, 413]
    assert all({"type", "title", "status", "detail"} <= set(answer.json()) for answer in answers)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("1", {"glioma", "meningioma", "no_tumor", "pituitary"}),
        ("2", {"Tuberculosis", "Normal"}),
        ("3", {"Pneumonia", "Normal"}),
    ],
)
def test_the_first_designs_upload_answers_one_word(client: TestClient, choice: str, words: set[str]) -> None:
    answer = client.post("/upload/", files={"data": ("a.png", png())}, data={"choice": choice})
    assert answer.json() in words
    assert client.post("/upload/", files={"data": ("a", b"x")}, data={"choice": choice}).status_code == 415


def test_the_page_works_without_script(client: TestClient) -> None:
    start = client.get("/").text
    assert "Not a medical device" in start
    assert "Brain CT is not released yet" in start
    page = client.post("/", files={"file": ("a.png", png())}, data={"study": "tuberculosis"}).text
    assert "Tuberculosis" in page
    assert "data:image/png;base64" in page
    assert "healthy" not in page


def test_a_card_says_what_is_wrong_with_a_file(client: TestClient) -> None:
    headers = {"X-Requested-With": "radiolens"}
    card = client.post("/", files={"file": ("a.txt", b"hello")}, data={"study": "chest"}, headers=headers).text
    assert "could not be read" in card
    assert "<html" not in card


def test_names_of_files_are_escaped(client: TestClient) -> None:
    page = client.post("/", files={"file": ("<script>x</script>.png", png())}, data={"study": "brain"}).text
    assert "<script>x" not in page


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "192.168.1.7:8000"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
        {"X-Real-IP": "10.0.0.1"},
    ],
)
def test_what_does_not_come_from_this_computer_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.get("/", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_a_post_of_another_site_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/", files={"file": ("a.png", png())}, headers=headers).status_code == 403
    assert client.post("/", files={"file": ("a.png", png())}, headers={"Origin": LOCAL}).status_code == 200


def test_a_remote_client_needs_the_flag() -> None:
    with TestClient(create_app(Settings()), base_url=LOCAL, client=("10.1.1.1", 1)) as remote:
        assert remote.get("/healthz").status_code == 403
    with TestClient(
        create_app(Settings(allow_remote=True)), base_url="http://x.example", client=("10.1.1.1", 1)
    ) as remote:
        assert remote.get("/healthz").status_code == 200


def test_a_large_upload_stays_in_memory(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def rollover(self: object) -> None:
        raise AssertionError("the upload went to the disk")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", rollover)
    large = png(4500)
    assert len(large) > 20_000_000
    answer = client.post("/api/v1/predictions", files={"file": ("a.png", large)}, data={"task": "chest-xray"})
    assert answer.json()["status"] == "answered"
