"""In second-reader mode whoever wants an answer in passing is led to the work list."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.reading.desk import Desk, desk
from tests.web.serving import film, png

ELSEWHERE = "Send the images to the work list."
LINK = 'Send the images to the work list. <a href="/cases">Work list</a>'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("one-off")) as found:
        yield found


def test_the_first_page_leads_to_the_work_list_and_takes_no_image(place: Desk) -> None:
    place.second_reader(wanted=True)
    for page in (
        place.client.get("/"),
        place.client.post("/", files={"file": ("a.png", png(film()))}, data={"study": "chest"}),
    ):
        assert LINK in page.text
        assert "<form id=" not in page.text
        assert "radiolens.js" not in page.text
    assert page.status_code == 403
    place.second_reader(wanted=False)
    page = place.client.get("/")
    assert ELSEWHERE not in page.text
    assert '<form id="upload"' in page.text


@pytest.mark.parametrize(
    ("path", "field", "fields"),
    [("/api/v1/predictions", "file", {"task": "chest-xray"}), ("/upload/", "data", {"choice": "3"})],
)
def test_a_program_is_told_where_to_send_them(place: Desk, path: str, field: str, fields: dict[str, str]) -> None:
    place.second_reader(wanted=True)
    refused = place.client.post(path, files={field: ("a.png", png(film()))}, data=fields)
    assert refused.status_code == 403
    assert f"{ELSEWHERE} A program sends them to POST /api/v1/cases." in refused.json()["detail"]
