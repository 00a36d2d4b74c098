"""Pages and reports show the time of the site's computer, and what is taken out says how far that is from UTC."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from radiolens.settings import Settings
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web.app import create_app
from radiolens.worklist.reading import Answer
from tests.report import opened_pdf
from tests.web.reading.desk import FILM, Desk, install
from tests.web.serving import CHEAP_KIB, LOCAL
from tests.zones import KOLKATA, computer_in

EVENING = datetime(2026, 11, 26, 20, 30, 5, tzinfo=UTC)
"""Of which it is already the next day in India."""
MINUTE, EXACT = "27 Nov 2026, 02:00", "27 Nov 2026, 02:00:05 UTC+05:30"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Give a desk in India where it is always the same moment."""
    home = tmp_path_factory.mktemp("india")
    install(home)
    with computer_in(KOLKATA):
        app = create_app(Settings(password_memory_kib=CHEAP_KIB, home=home), lambda: EVENING)
        with TestClient(app, base_url=LOCAL, client=("127.0.0.1", 1)) as client:
            yield Desk(client)


@pytest.fixture(scope="module")
def case(at: Desk) -> UUID:
    """Give a case that somebody has read."""
    (found,) = at.send(("film.png", FILM))
    presence = at.work_list.case(LOCAL_USER_ID, found).images[0].prediction
    assert presence is not None
    at.work_list.answer(LOCAL_USER_ID, found, Answer({entry.label: entry.presence for entry in presence.findings}))
    return found


def table(at: Desk, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(at.client.get(address).text)))


def test_the_work_list_shows_the_minute(at: Desk, case: UUID) -> None:
    page = at.page("/cases")
    assert f"{MINUTE} " in page
    assert "02:00:05" not in page


def test_the_page_of_a_case_shows_the_second_and_the_zone(at: Desk, case: UUID) -> None:
    page = at.page(f"/cases/{case}")
    assert f"received {EXACT} by" in page
    assert page.count(EXACT) == 2  # the reader's answer
    assert f"images are erased {MINUTE.replace('27', '28')}," in page


def test_the_audit_log_shows_the_second_and_the_zone(at: Desk, case: UUID) -> None:
    assert EXACT in at.page("/audit")
    rows = table(at, "/audit/audit.csv")
    assert {row["at"] for row in rows} == {"2026-11-26T20:30:05.000000+00:00"}, "as it is hashed"


def test_a_report_says_the_zone_on_paper_and_on_the_screen(at: Desk, case: UUID) -> None:
    page = at.page(f"/cases/{case}/report")
    content = at.client.get(f"/cases/{case}/report.pdf").content
    printed = " ".join(" ".join(opened_pdf.texts(content)).split())
    for text in (page, printed):
        assert text.count(EXACT) == 3  # received, answered, written
    assert b"D:20261126203005+00'00'" in content


def test_tables_have_the_offset_and_objects_are_in_utc(at: Desk, case: UUID) -> None:
    rows = [row for row in table(at, "/api/v1/cases.csv") if row["case"] == str(case)]
    assert {row["received"] for row in rows} == {"2026-11-27T02:00:05+05:30"}
    assert at.client.get(f"/cases/{case}.json").json()["received"] == "2026-11-26T20:30:05Z"
    assert at.client.get(f"/api/v1/cases/{case}").json()["received"] == "2026-11-26T20:30:05Z"


@pytest.mark.parametrize(("day", "found"), [("2026-11-26", False), ("2026-11-27", True), ("2026-11-28", False)])
def test_a_day_that_is_looked_for_is_one_of_the_site(at: Desk, case: UUID, day: str, found: bool) -> None:
    asked = f"since={day}&until={day}"
    assert (str(case) in at.client.get(f"/cases?{asked}").text) is found
    assert (EXACT in at.page(f"/audit?{asked}")) is found


@pytest.mark.parametrize(
    ("language", "minute", "exact"),
    [
        ("fr", "27 nov. 2026, 02:00", "27 nov. 2026, 02:00:05 UTC+05:30"),
        ("es", "27 nov 2026, 2:00", "27 nov 2026, 2:00:05 UTC+05:30"),
        ("pt", "27 de nov. de 2026 02:00", "27 de nov. de 2026 02:00:05 UTC+05:30"),
        ("hi", "27 नव॰ 2026, 2:00 am", "27 नव॰ 2026, 2:00:05 am UTC+05:30"),
    ],
)
def test_times_are_written_as_the_language_does(at: Desk, case: UUID, language: str, minute: str, exact: str) -> None:
    at.client.cookies.set("radiolens_language", language)
    try:
        assert f"{minute} " in at.page("/cases")
        for path in (f"/cases/{case}", f"/cases/{case}/report", "/audit"):
            assert exact in at.page(path)
    finally:
        at.client.cookies.delete("radiolens_language")
