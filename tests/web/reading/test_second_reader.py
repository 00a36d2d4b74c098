"""Second-reader mode over HTTP: every page and endpoint is the same for two networks that answer differently.

The routes are taken from the app, so one that is added is looked at, too. Nobody has answered anything yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from radiolens.settings import Settings
from radiolens.store import site_settings
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web import app as web_app
from radiolens.worklist.keeping import KeptImage, kept_images
from tests.report.opened_pdf import texts
from tests.tiny_bundle import Weights, make_bundle
from tests.web.serving import CHEAP_KIB, LOCAL, film, png
from tests.worklist.site import answering, wait_until

MOMENT = datetime(2026, 3, 1, 8, tzinfo=UTC)
NETWORKS = {"present": answering(3.0, 2.0), "absent": answering(-3.0, -2.0)}
FILMS = (png(film(1)), png(film(2)), b"no image", png(film(3)))
"""The last one's case is closed by somebody who has not read it, on a site that keeps de-identified copies."""
STREAMS = ("/api/v1/events",)
"""Answers without an end; what they tell is compared in tests/worklist/test_disclosure.py."""
OTHER = {"role": "clinician", "name": "chest-xray", "place": "0", "label": "pneumonia"}
ABOUT_NETWORKS = re.compile(r"/models(?!/compare)|/thresholds/curves")
"""What installed networks are, and which figures come with them, is no answer to a case; hash and folder differ."""


@dataclass(frozen=True)
class Opened:
    """A site in second-reader mode with some cases that are scored, and the words that chance has chosen."""

    client: TestClient
    chance: Mapping[str, str]
    ids: Mapping[str, str]


@contextmanager
def opened(folder: Path, weights: Weights, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    bundle = make_bundle(folder / "bundles", weights=weights)
    monkeypatch.setattr(web_app, "RELEASED", folder / "none")
    settings = Settings(home=folder, password_memory_kib=CHEAP_KIB, threads=1, scorers=1)
    with TestClient(web_app.create_app(settings, lambda: MOMENT), base_url=LOCAL, client=("127.0.0.1", 1)) as client:
        database = client.app.state.database  # type: ignore[attr-defined]  an app has a state
        with database.session() as session:
            wanted = replace(site_settings.read(session), second_reader=True, keep_images=True)
            site_settings.change(session, wanted, LOCAL_USER_ID)
        chance, ids = {}, {}
        for number, data in enumerate(FILMS):
            told = client.post("/api/v1/cases", files={"file": ("a.png", data)}, data={"task": "chest-xray"}).json()
            (case,) = told["cases"]
            ids |= {} if number else {"case_id": case["case_id"], "image_id": case["images"][0]["image_id"]}
            chance |= {case["case_id"]: f"case-{number}", case["images"][0]["image_id"]: f"image-{number}"}
            chance[case["case_id"][:8]] = f"label-{number}"
        wait_until(lambda: client.get("/api/v1/cases").json()["progress"]["done"] == len(FILMS))
        closed = client.post(f"/api/v1/cases/{case['case_id']}/close").json()
        assert (closed["disclosed"], closed["images"][0]["kept_until"] is None) == (False, False)
        chance |= {str(entry.kept_id): "kept" for entry in kept_of(client)}
        (told,) = (entry for task in client.get("/api/v1/tasks").json() for entry in task["bundles"])
        chance |= {told["sha256"]: "sha256", told["sha256"][:12]: "sha", told["sha256"][:8]: "sha"}
        assert bundle.exists()
        yield Opened(client, chance, {**OTHER, **ids, "sha256": told["sha256"], "user_id": str(LOCAL_USER_ID)})


def kept_of(client: TestClient) -> Sequence[KeptImage]:
    with client.app.state.database.reading() as session:  # type: ignore[attr-defined]  an app has a state
        return kept_images(session)


def addresses(found: Opened) -> Iterator[str]:
    """Yield the address of every route that is read; a parameter that is not known here fails."""
    for router in web_app.ROUTERS:
        for route in router.routes:
            assert isinstance(route, Route)
            if "GET" in (route.methods or ()) and route.path not in STREAMS:
                yield route.path.format(**found.ids)


def told(found: Opened, address: str) -> tuple[int, str, str]:
    """Return status, kind and words of an answer, without what chance has chosen."""
    answer = found.client.get(address, follow_redirects=False)
    kind = answer.headers.get("content-type", "")
    words = "\n".join(texts(answer.content)) if kind == "application/pdf" else answer.content.decode("latin-1")
    return answer.status_code, kind, without_chance(words, found)


def without_chance(words: str, found: Opened) -> str:
    for chosen, name in found.chance.items():
        words = words.replace(chosen, name)
    words = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{8,64}\b", "random", words)  # of the audit log, and networks
    return re.sub(r'nonce="[^"]*"|token" content="[^"]*"|value="[\w.-]{40,}"', "", words)


def test_no_page_and_no_endpoint_differs_between_two_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[dict[str, tuple[int, str, str]]] = []
    for name, weights in NETWORKS.items():
        with opened(tmp_path / name, weights, monkeypatch) as found:
            seen = {without_chance(address, found): told(found, address) for address in addresses(found)}
            for query in ("?decision=present", "?decision=absent", "?decision=hidden", "?sort=received", "?state=all"):
                for address in ("/api/v1/cases", "/api/v1/cases.csv", "/cases"):
                    seen[address + query] = told(found, address + query)
            answers.append(seen)
            disclosed = answer(found)
            assert disclosed["decision"] == name  # the networks do differ, once a reader has answered
    one, other = answers
    assert one.keys() == other.keys()
    differing = [address for address in one if one[address] != other[address] and not ABOUT_NETWORKS.match(address)]
    assert differing == []
    assert {status for status, _, _ in one.values()} <= {200, 303, 307, 403, 404, 409, 422}
    assert len([address for address, (status, _, _) in one.items() if status == 200]) > 20


def answer(found: Opened) -> dict[str, Any]:
    address = f"/api/v1/cases/{found.ids['case_id']}/answers"
    said = found.client.post(address, json={"presence": {"pneumonia": "absent"}})
    assert said.status_code == 201, said.text
    content: dict[str, Any] = said.json()
    return content


def test_nobody_is_answered_in_passing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path, NETWORKS["present"], monkeypatch) as found:
        film_file = ("a.png", FILMS[0])
        for path, field, fields in (
            ("/api/v1/predictions", "file", {"task": "chest-xray"}),
            ("/upload/", "data", {"choice": "3"}),
            ("/", "file", {"study": "chest"}),
        ):
            refused = found.client.post(path, files={field: film_file}, data=fields)
            assert refused.status_code == 403
            assert "second-reader mode" in refused.text
