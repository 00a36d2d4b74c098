"""The settings of the site, as an administrator sees and changes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from radiolens.store import audit, site_settings
from radiolens.store.site_settings import SiteSettings
from tests.web.serving import local_client


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with local_client(gate="header") as found:
        yield found


def stored(client: TestClient) -> SiteSettings:
    with client.app.state.database.reading() as session:  # type: ignore[attr-defined]  the app is a FastAPI
        return site_settings.read(session)


def test_what_is_set_is_stored_shown_and_told_in_the_audit_log(client: TestClient) -> None:
    assert 'value="24"' in client.get("/site").text
    form = {"site_name": " Clínica <A> ", "second_reader": "true", "working_copy_hours": "48"}
    page = client.post("/site", data=form)
    assert page.status_code == 200
    assert "The settings were saved." in page.text
    assert 'value="Clínica &lt;A&gt;"' in page.text
    assert 'name="second_reader" value="true" checked' in page.text
    assert stored(client) == SiteSettings("Clínica <A>", second_reader=True, working_copy_hours=48)
    client.post("/site", data={"site_name": "", "working_copy_hours": "48"})
    assert stored(client) == SiteSettings(working_copy_hours=48)
    with client.app.state.database.reading() as session:  # type: ignore[attr-defined]  the app is a FastAPI
        newest, oldest = audit.entries(session, action="site.change")
    assert newest.detail == {"site_name": ["Clínica <A>", ""], "second_reader": [True, False]}
    assert oldest.actor == "local"


def test_what_is_outside_of_the_limits_is_told_and_nothing_is_stored(client: TestClient) -> None:
    before = stored(client)
    page = client.post("/site", data={"site_name": "B", "second_reader": "true", "working_copy_hours": "721"})
    assert page.status_code == 422
    assert "Nothing was saved. The name may have 80 characters; working copies may stay 1 to 720 hours, " in page.text
    assert "de-identified ones 1 to 3650 days." in page.text
    assert 'value="721"' in page.text
    assert stored(client) == before
    assert client.post("/site", data={"working_copy_hours": "a day"}).status_code == 422


def test_keeping_images_is_off_at_first_and_switched_on_beside_a_warning(client: TestClient) -> None:
    page = client.get("/site").text
    assert 'name="keep_images" value="true" aria' in page
    assert "Text that is burnt into the pixels cannot be taken out." in page
    page = client.post("/site", data={"working_copy_hours": "24", "keep_images": "true", "keep_days": "30"}).text
    assert 'name="keep_images" value="true" checked' in page
    assert 'name="keep_days" min="1" max="3650" required value="30"' in page
    assert stored(client) == SiteSettings(keep_images=True, keep_days=30)
    refused = client.post("/site", data={"working_copy_hours": "24", "keep_images": "true", "keep_days": "4000"})
    assert refused.status_code == 422
    assert 'value="4000"' in refused.text
    assert stored(client) == SiteSettings(keep_images=True, keep_days=30)
    client.post("/site", data={"working_copy_hours": "24"})
    assert stored(client) == SiteSettings()
