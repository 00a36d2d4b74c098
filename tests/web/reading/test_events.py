"""Server-sent events: whoever listens is told which cases changed, as far as that user may see them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from radiolens.store.database import open_database
from radiolens.store.schema import CaseRow
from tests.tiny_bundle import make_bundle
from tests.web.serving import Server, film, png, serving
from tests.worklist.site import LEAN, LEAN_ENVIRONMENT, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home: Path = tmp_path_factory.mktemp("events")
    make_bundle(home / "bundles", version="1.0.0")
    with serving(home, LEAN_ENVIRONMENT, LEAN) as found:
        yield found


class Listener(threading.Thread):
    """Notes the events of a stream until it is stopped."""

    def __init__(self, server: Server, last_id: str = "") -> None:
        super().__init__(daemon=True)
        self.events: list[tuple[str, dict[str, Any], str]] = []
        self._address, self._last_id = f"{server.address}/api/v1/events", last_id
        self._end = threading.Event()
        self.start()
        wait_until(lambda: bool(self.events))  # the first tells the progress

    def run(self) -> None:
        try:
            self._listen()
        except httpx2.RemoteProtocolError:
            if not self._end.is_set():  # the server may stop before the stream of a listener that was stopped ends
                raise

    def _listen(self) -> None:
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        with httpx2.stream("GET", self._address, headers=headers, timeout=90) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            told: dict[str, str] = {}
            for line in answer.iter_lines():
                if self._end.is_set():
                    return
                key, _, value = line.partition(": ")
                told[key] = value
                if not line and "data" in told:
                    self.events.append((told["event"], json.loads(told["data"]), told["id"]))
                    told = {}

    def cases(self) -> dict[str, dict[str, Any]]:
        """Return the last that was told of each case."""
        return {data["case_id"]: data for kind, data, _ in self.events if kind == "case"}

    def stop(self) -> None:
        self._end.set()


def send(server: Server, *seeds: int) -> list[str]:
    files = [("file", (f"{seed}.png", png(film(seed)))) for seed in seeds]
    answer = httpx2.post(f"{server.address}/api/v1/cases", files=files, data={"task": "chest-xray"}, timeout=60)
    return [case["case_id"] for case in answer.json()["cases"]]


def test_a_listener_is_told_of_each_case_until_it_is_answered_and_of_the_progress(server: Server) -> None:
    one, other = Listener(server), Listener(server)
    sent = send(server, 1, 2, 3)
    for listener in (one, other):
        wait_until(lambda told=listener: {case for case, data in told.cases().items() if data["decision"]} >= set(sent))  # type: ignore[misc]  a default is bound now
        wait_until(lambda told=listener: [data for kind, data, _ in told.events if kind == "progress"][-1]["done"] >= 3)  # type: ignore[misc]  as above
        assert "1.png" not in str(listener.events)
        listener.stop()


def test_who_comes_again_is_told_what_was_missed(server: Server) -> None:
    first = Listener(server)
    last_id = first.events[-1][2]
    first.stop()
    (case_id,) = send(server, 4)
    again = Listener(server, last_id)
    wait_until(lambda: case_id in again.cases())
    again.stop()
    for strange in ("yesterday", "2026-01-01T00:00:00"):
        listener = Listener(server, strange)
        assert listener.events[0][0] == "progress"
        listener.stop()


def test_what_another_process_changes_is_told_too(server: Server) -> None:
    (case_id,) = send(server, 5)
    listener = Listener(server)
    case = f"{server.address}/api/v1/cases/{case_id}/progress"
    wait_until(lambda: httpx2.get(case, timeout=60).json()["done"] == 1)
    before = len(listener.events)
    database = open_database(f"sqlite:///{server.log_file.parent}/radiolens.db")
    with database.session() as session:
        row = session.get_one(CaseRow, UUID(case_id))
        row.blinded, row.changed = True, database.now()
    database.close()
    wait_until(lambda: listener.cases().get(case_id, {}).get("disclosed") is False)
    hidden = listener.cases()[case_id]
    assert (hidden["decision"], hidden["urgency"], hidden["findings"]) == (None, None, [])
    assert len(listener.events) > before
    listener.stop()
