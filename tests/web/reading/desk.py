"""The reading pages for tests: a real app on a home of its own, whose chest network answers what a test wants."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import httpx2
from starlette.testclient import TestClient

from radiolens.store import site_settings
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.worklist.listing import CaseQuery
from radiolens.worklist.work_list import WorkList
from tests.tiny_bundle import Weights, make_bundle
from tests.web.serving import film, local_client, png
from tests.worklist.site import answering, wait_until

FILM = png(film())
SUSPECTED, NOTHING = answering(2.0, -1.0), answering(-2.0, -1.0)
"""Pneumonia present and tuberculosis absent; neither."""


def install(home: Path, weights: Weights = SUSPECTED) -> None:
    """Put a chest network into a home, newer than the released one."""
    make_bundle(home / "bundles", weights=weights, version="9.0.0")


@dataclass(frozen=True)
class Desk:
    """Somebody at the pages of a site without accounts."""

    client: TestClient

    @property
    def work_list(self) -> WorkList:
        found: WorkList = self.client.app.state.work_list  # type: ignore[attr-defined]  an app of Starlette
        return found

    def second_reader(self, *, wanted: bool) -> None:
        with self.work_list.database.session() as session:
            settings = replace(site_settings.read(session), second_reader=wanted)
            site_settings.change(session, settings, LOCAL_USER_ID)

    def keep_images(self, *, wanted: bool) -> None:
        with self.work_list.database.session() as session:
            settings = replace(site_settings.read(session), keep_images=wanted, keep_days=30)
            site_settings.change(session, settings, LOCAL_USER_ID)

    def send(self, *files: tuple[str, bytes], task: str = "chest-xray", **fields: str) -> list[UUID]:
        """Send files, wait until they are scored, and return the ids of the cases."""
        answer = self.client.post(
            "/api/v1/cases", files=[("file", file) for file in files], data={"task": task, **fields}
        )
        assert answer.status_code == 202, answer.text
        self.wait()
        return [UUID(case["case_id"]) for case in answer.json()["cases"]]

    def wait(self) -> None:
        def done() -> bool:
            found = self.work_list.cases(LOCAL_USER_ID, CaseQuery()).progress
            return found.queued == found.scoring == 0

        wait_until(done)

    def page(self, path: str, status: int = 200) -> str:
        """Return the text of a page as a reader sees it, without its markup."""
        return text_of(self.client.get(path), status)

    def post(self, path: str, status: int = 303, **fields: str) -> str:
        """Send a form and return the page that is shown then."""
        answer = self.client.post(
            path, data={name.replace("__", ":"): value for name, value in fields.items()}, follow_redirects=False
        )
        if status == 303:
            assert answer.status_code == 303, answer.text
            return self.page(answer.headers["location"])
        return text_of(answer, status)


def text_of(answer: httpx2.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    shown = re.sub(r"<script.*?</script>|<[^>]*>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(shown).split())


@contextmanager
def desk(home: Path, weights: Weights = SUSPECTED) -> Iterator[Desk]:
    install(home, weights)
    with local_client(home=home, max_files=20) as client:
        yield Desk(client)
