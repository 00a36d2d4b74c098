"""The help says to each role what it may do here, and names only what there is."""

from __future__ import annotations

import subprocess
import sys

import pytest
from starlette.testclient import TestClient

from radiolens.locale.languages import LANGUAGES, using
from radiolens.locale.translate import gettext
from radiolens.web.accounts.frame import NAVIGATION
from radiolens.web.accounts.principal import PERMISSIONS, Role
from radiolens.web.help_guides import GUIDES
from radiolens.web.tour import TOURS

STEPS = [(role, step) for role, guide in GUIDES.items() for topic in guide.topics for step in topic.steps]
COMMANDS = sorted({step.command for _, step in STEPS if step.command})


def test_every_role_has_a_guide_and_every_guide_a_page(client: TestClient) -> None:
    assert GUIDES.keys() == set(Role)
    for role, guide in GUIDES.items():
        page = client.get(f"/help/{role}")
        assert page.status_code == 200
        assert f"<h1>{guide.title}</h1>" in page.text
        assert all(f"<h2>{topic.title}</h2>" in page.text for topic in guide.topics)
        assert page.text.count('aria-current="page"') == 1
    assert client.get("/help").text.count("<h1>Help for clinicians</h1>") == 1


def test_the_navigation_leads_to_the_help(client: TestClient) -> None:
    assert '<a href="/help"' in client.get("/").text


def test_an_unknown_role_is_answered_with_the_known_ones(client: TestClient) -> None:
    answer = client.get("/help/nurse", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert "clinician, researcher, administrator" in answer.json()["detail"]


def test_a_step_links_only_to_a_page_that_its_role_may_open(client: TestClient) -> None:
    permissions = {entry.path: entry.permission for entry in NAVIGATION}
    linked = [(role, step.path) for role, step in STEPS if step.path and step.path != "/account"]
    assert len(linked) > 8
    for role, path in linked:
        permission = permissions[path]
        assert permission is None or permission in PERMISSIONS[role], (role, path)
    for path in sorted({path for _, path in linked}):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_the_help_names_exists(command: str) -> None:
    program, *words = (word for word in command.split() if not word.isupper())
    run = subprocess.run([sys.executable, "-m", program, *words, "--help"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "Usage:" in run.stdout


def test_help_and_tour_are_said_in_every_language() -> None:
    texts = [step.text for _, step in STEPS]
    texts += [text for guide in GUIDES.values() for text in (guide.title, guide.summary)]
    texts += [topic.title for guide in GUIDES.values() for topic in guide.topics]
    texts += [text for tour in TOURS for step in tour.steps for text in (step.title, step.text)]
    for language in LANGUAGES[1:]:
        with using(language):
            assert [text for text in texts if gettext(text) == text] == [], language.code


def test_a_tour_takes_less_than_a_minute_to_read() -> None:
    words_per_second = 3  # slow for an adult who reads a foreign language (Brysbaert 2019: 238 words per minute)
    for tour in TOURS:
        words = sum(len(f"{step.title} {step.text}".split()) for step in tour.steps)
        assert words / words_per_second < 60, tour.name
