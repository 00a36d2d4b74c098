"""Uploads are received within bounds, and into memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from radiolens.web import uploads
from tests.web.serving import film, large_file, local_client, png

FILM = png(film())
LIMIT = 30_000_000
BOUNDARY = "----------------part"


def part(content: bytes, disposition: str = 'form-data; name="file"; filename="a.png"') -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


def post(client: TestClient, body: bytes | Iterator[bytes], content_type: str = "") -> Any:  # noqa: ANN401  a response
    content_type = content_type or f"multipart/form-data; boundary={BOUNDARY}"
    return client.post("/api/v1/predictions", content=body, headers={"Content-Type": content_type})


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


TASK = part(b"chest-xray", 'form-data; name="task"')


def test_a_declared_upload_over_the_limit_is_413_and_says_the_limit(client: TestClient) -> None:
    answer = post(client, whole(part(bytes(LIMIT))))
    assert (answer.status_code, answer.json()["title"]) == (413, "The upload is too large")
    assert "larger than 30 MB" in answer.json()["detail"]


def test_an_undeclared_upload_over_the_limit_is_413_too(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        yield part(b"")[:-2]
        for _ in range(4):
            yield bytes(LIMIT // 3)

    assert post(client, chunks()).status_code == 413


def test_an_undeclared_upload_within_the_limit_is_answered(client: TestClient) -> None:
    assert post(client, iter([TASK, whole(part(FILM))])).json()["status"] == "answered"


def test_more_files_than_allowed_are_413_and_not_called_damaged(client: TestClient) -> None:
    answer = post(client, whole(*[part(b"x")] * 21))
    assert answer.status_code == 413
    assert "may hold 20 files" in answer.json()["detail"]
    assert "damaged" not in answer.text


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (part(FILM)[:500], "ends in the middle of a file"),
        (b"no multipart at all", "damaged"),
        (whole(part(FILM, 'form-data; filename="a.png"')), "damaged"),
        (whole(*[part(b"x", 'form-data; name="f"')] * 17), "damaged"),
        (whole(part(bytes(1_100_000), 'form-data; name="task"')), "damaged"),
        (b"", "The field 'file' is missing"),
    ],
    ids=["cut off", "garbage", "no name", "many fields", "long field", "nothing"],
)
def test_a_damaged_upload_is_422_and_to_be_sent_again(client: TestClient, body: bytes, detail: str) -> None:
    answer = post(client, body)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize("content_type", ["multipart/form-data", "image/png", "application/x-www-form-urlencoded"])
def test_another_kind_of_body_is_422(client: TestClient, content_type: str) -> None:
    assert post(client, FILM, content_type).status_code == 422


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "hex", "nonsense", "unicode_escape", "idna"])
def test_no_declared_charset_breaks_the_answer(client: TestClient, charset: str) -> None:
    disposition = 'form-data; name="file"; filename="\\ud800\u00e9.png"'
    body = whole(TASK, part(FILM, disposition))
    answer = post(client, body, f"multipart/form-data; boundary={BOUNDARY}; charset={charset}")
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Users\\a.dcm", "<b>x</b>", "a" * 4000, "\u202egnp.exe"])
def test_any_name_is_only_a_label(client: TestClient, name: str) -> None:
    answer = client.post("/api/v1/predictions", files={"file": (name, FILM)}, data={"task": "chest-xray"})
    assert answer.json()["status"] == "answered"


def call(
    client: TestClient, pieces: list[Message], pause_s: float, length: int = 10_000, expect: str = ""
) -> list[Message]:
    """Send pieces of a body to the app, then nothing more for a while, and return its answer."""
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/predictions",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
            (b"content-length", str(length).encode()),
            (b"expect", expect.encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }

    async def receive() -> Message:
        if not pieces:
            await anyio.sleep(pause_s)
            return {"type": "http.disconnect"}
        return pieces.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    client.portal.call(client.app, scope, receive, send)  # type: ignore[union-attr]  it runs
    return sent


def test_a_sender_that_stops_loses_its_place(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_IDLE_SECONDS", 0.05)
    answer = call(client, [{"type": "http.request", "body": part(FILM)[:500], "more_body": True}], 10.0)
    assert answer[0]["status"] == 408
    assert b"Check the connection" in answer[1]["body"]


def test_a_sender_that_goes_away_is_no_error_of_the_program(client: TestClient) -> None:
    answer = call(client, [{"type": "http.request", "body": part(FILM)[:500], "more_body": True}], 0.0)
    assert answer[0]["status"] == 400


def test_a_sender_that_asks_before_it_sends_is_told_at_once_that_it_is_too_much(client: TestClient) -> None:
    answer = call(client, [], 10.0, length=LIMIT + 1, expect="100-continue")
    assert answer[0]["status"] == 413


def test_of_an_upload_far_over_the_limit_no_more_is_read_than_helps_the_sender(client: TestClient) -> None:
    piece: Message = {"type": "http.request", "body": bytes(LIMIT), "more_body": True}
    pieces = [piece] * 9
    assert call(client, pieces, 10.0, length=10 * LIMIT)[0]["status"] == 413
    assert len(pieces) == 4


def test_after_failed_uploads_the_memory_is_free_again(client: TestClient) -> None:
    for _ in range(3):
        assert post(client, part(bytes(LIMIT // 2))).status_code == 422
    large = large_file(29)
    answer = client.post("/api/v1/predictions", files={"file": ("a.png", large)}, data={"task": "chest-xray"})
    assert answer.json()["status"] == "answered"


def test_a_large_upload_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def rollover(self: object) -> None:
        raise AssertionError("the upload went to the disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    with local_client(max_upload_bytes=LIMIT) as client:
        answer = client.post("/api/v1/predictions", files={"file": ("a", large_file(20))}, data={"task": "chest-xray"})
    assert answer.json()["status"] == "answered"
