"""The page Models: what lies on the disk, which version answers, and what a change of it does to answers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from radiolens.bundle import RELEASED, find_bundles, read_bundle, write_evidence_hashes
from radiolens.profile import Profile
from radiolens.store import audit, models
from radiolens.store.schema import LOCAL_USER_ID
from tests.tiny_bundle import make_bundle
from tests.web.administration.outcomes import add_case, answer
from tests.web.serving import film, local_client, png


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with two versions of a bundle, of which the older one has evidence."""
    folder = tmp_path_factory.mktemp("home")
    old = make_bundle(folder / "bundles", seed=1, version="7.0.0")
    make_bundle(folder / "bundles", seed=2, version="8.0.0")
    (old / "evidence").mkdir()
    card = "# A card\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<script>alert(1)</script> [bad](javascript:alert(1))\n"
    (old / "evidence/model_card.md").write_text(card)
    (old / "evidence/report.html").write_text("<!doctype html><title>Report</title><style>p{color:red}</style><p>R")
    write_evidence_hashes(old)
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with local_client(home=home, gate="header") as found:
        yield found


def sha(home: Path, version: str) -> str:
    return read_bundle(home / "bundles/chest-xray" / version, verify=False).sha256


def text(client: TestClient, path: str = "/models") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def answering(client: TestClient) -> str:
    answer = client.post("/api/v1/predictions", files={"file": ("a.png", png(film()))}, data={"task": "chest-xray"})
    version: str = answer.json()["bundle"]["version"]
    return version


def act(client: TestClient, home: Path, version: str, action: str, status: int = 303) -> str:
    answer = client.post(f"/models/{sha(home, version)}/{action}", follow_redirects=False)
    assert answer.status_code == status, answer.text
    return answer.text


def actions(client: TestClient) -> list[str]:
    with client.app.state.database.reading() as session:  # type: ignore[attr-defined]  the app is a FastAPI
        return [entry.action for entry in reversed(list(audit.entries(session, action="model.")))]


def test_versions_are_activated_rolled_back_and_run_in_the_shadow_without_a_restart(
    client: TestClient, home: Path
) -> None:
    assert "Version 8.0.0 answers, since it is the newest." in text(client)
    assert f"chest-xray {find_bundles([RELEASED])['chest-xray'].name} installed" in text(client)
    assert answering(client) == "8.0.0"
    act(client, home, "7.0.0", "activate")
    assert answering(client) == "7.0.0"
    assert "Version 7.0.0 was activated and answers." in text(client)
    assert "Roll back to version 8.0.0" in text(client)
    act(client, home, "8.0.0", "shadow")
    assert answering(client) == "7.0.0"
    assert "chest-xray 8.0.0 in the shadow" in text(client)
    act(client, home, "8.0.0", "end-shadow")
    assert "in the shadow " + sha(home, "8.0.0")[:12] not in text(client)
    act(client, home, "8.0.0", "activate")
    assert answering(client) == "8.0.0"
    assert actions(client) == ["model.activate", "model.start_shadow", "model.stop_shadow", "model.activate"]


def test_a_version_that_was_just_copied_is_shown_and_answers_when_it_is_activated(
    client: TestClient, home: Path
) -> None:
    make_bundle(home / "bundles", seed=3, version="9.0.0")
    assert answering(client) == "8.0.0"
    assert "chest-xray 9.0.0 installed" in text(client)
    act(client, home, "9.0.0", "activate")
    assert answering(client) == "9.0.0"
    act(client, home, "8.0.0", "activate")
    shutil.rmtree(home / "bundles/chest-xray/9.0.0")


def test_a_broken_version_changes_nothing_and_is_told_by_verify(client: TestClient, home: Path) -> None:
    broken = make_bundle(home / "bundles", seed=4, version="9.1.0")
    (broken / "golden.npz").write_bytes(b"no array")
    before = answering(client)
    assert "Nothing was changed: the version cannot be used." in act(client, home, "9.1.0", "activate", 409)
    assert answering(client) == before
    assert "chest-xray 9.1.0 is not whole." in act(client, home, "9.1.0", "verify", 409)
    shutil.rmtree(broken)
    assert "chest-xray 7.0.0 is whole: hashes and golden answers fit." in act(client, home, "7.0.0", "verify", 200)
    report = home / "bundles/chest-xray/7.0.0/evidence/report.html"
    whole = report.read_text()
    report.write_text(whole + "edited")
    assert "report.html has another SHA-256" in act(client, home, "7.0.0", "verify", 409)
    report.write_text(whole)


def test_the_page_of_a_version_shows_its_card_without_running_anything_of_it(client: TestClient, home: Path) -> None:
    page = client.get(f"/models/{sha(home, '7.0.0')}").text
    assert "<h1>A card</h1>" in page
    assert "<td>1</td>" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "javascript:" not in re.sub(r"\[bad\]\(javascript:alert\(1\)\)", "", page)
    assert "The weights are random: the answers mean nothing." in page
    report = client.get(f"/models/{sha(home, '7.0.0')}/evidence/report.html")
    policy = report.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script" not in policy
    without = client.get(f"/models/{sha(home, '8.0.0')}").text
    assert "The version came without evidence" in without


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/" + "0" * 64, 404),
        ("/models/not-a-hash", 422),
        ("/models/{sha}/evidence/bundle.json", 404),
        ("/models/{sha}/evidence/hashes.json", 404),
        ("/models/{sha}/evidence/..%2Fbundle.json", 404),
        ("/models/{sha}/evidence/datasheet.md", 404),
    ],
)
def test_what_is_not_there_is_told(client: TestClient, home: Path, path: str, status: int) -> None:
    answer = client.get(path.format(sha=sha(home, "7.0.0")))
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_profile_is_told_as_switched_off_on_the_page_and_beside_an_answer(client: TestClient, home: Path) -> None:
    profile = Profile("Clinic A", sha(home, "7.0.0"), {"pneumonia": 0.4}, "", "chest-xray", "7.0.0")
    with client.app.state.database.session() as session:  # type: ignore[attr-defined]  the app is a FastAPI
        stored = models.save_profile(session, profile, {}, LOCAL_USER_ID)
    told = "The thresholds of Clinic A are switched off: they were planned for chest-xray 7.0.0 ("
    page = client.post("/", files={"file": ("a.png", png(film()))}, data={"study": "chest"}).text
    assert told in page
    assert "your site has set none" not in page
    assert told in text(client)
    database = client.app.state.database  # type: ignore[attr-defined]  the app is a FastAPI
    answering_now = read_bundle(home / "bundles/chest-xray/8.0.0")
    case = add_case(database, [(answer(answering_now, {"pneumonia": 0.7, "tuberculosis": 0.2}), False)])
    assert told in text(client, f"/cases/{case.id}")
    assert told in text(client, f"/cases/{case.id}/report")
    act(client, home, "7.0.0", "activate")
    assert told not in text(client, f"/cases/{case.id}")
    page = client.post("/", files={"file": ("a.png", png(film()))}, data={"study": "chest"}).text
    assert told not in page
    assert "The thresholds were set by this site." in page
    assert told not in text(client)
    with client.app.state.database.session() as session:  # type: ignore[attr-defined]  the app is a FastAPI
        models.withdraw_profile(session, stored, "", LOCAL_USER_ID)
