"""The work list as a page: filters in the address, what may be seen of each case, and nothing else."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from tests.web.reading.desk import FILM, Desk


@pytest.fixture(scope="module")
def cases(at: Desk) -> list[UUID]:
    """Give a read case, an unread one and an unreadable file, sent together."""
    found = at.send(("a.png", FILM), ("b.png", FILM + b" "), ("c.png", FILM[:300]))
    at.post(f"/cases/{found[0]}/agree")
    return found


def shown(at: Desk, query: str = "") -> set[str]:
    page = at.client.get(f"/cases?{query}")
    assert page.status_code == 200
    return set(re.findall(r'<th scope="row"><a href="/cases/([0-9a-f]{8})', page.text))


def labels(*cases: UUID) -> set[str]:
    return {str(case)[:8] for case in cases}


def test_cases_are_listed_with_what_was_found(at: Desk, cases: list[UUID]) -> None:
    page = at.page("/cases")
    assert shown(at) == labels(*cases)
    assert "Something suspected Pneumonia 79 %" in page
    assert "Unreadable" in page
    assert "3 cases" in page


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("reader=unread", (1, 2)),
        ("reader=read", (0,)),
        ("decision=present", (0, 1)),
        ("decision=unreadable", (2,)),
        ("task=brain-mri", ()),
        ("state=closed", ()),
        ("state=all", (0, 1, 2)),
        ("until=2001-01-01", ()),
        ("since=2001-01-01", (0, 1, 2)),
    ],
)
def test_filters_stand_in_the_address(at: Desk, cases: list[UUID], query: str, which: tuple[int, ...]) -> None:
    assert shown(at, query) == labels(*(cases[number] for number in which))
    assert ("No case fits" in at.page(f"/cases?{query}")) is (not which)


@pytest.mark.parametrize(
    "query", ["reader=nobody", "decision=%27", "since=tomorrow", "page=0", "page=-1", "page=x", "sort=x", "state=gone"]
)
def test_what_is_no_filter_changes_nothing(at: Desk, cases: list[UUID], query: str) -> None:
    assert shown(at, query) == labels(*cases)


def test_the_order_can_be_chosen(at: Desk, cases: list[UUID]) -> None:
    newest = at.client.get("/cases?sort=-received").text
    assert newest.index(str(cases[2])) < newest.index(str(cases[0]))
    urgent = at.client.get("/cases?sort=urgency").text
    assert urgent.index(str(cases[0])) < urgent.index(str(cases[2]))


def test_a_page_beyond_the_list_is_empty_and_not_an_error(at: Desk, cases: list[UUID]) -> None:
    assert shown(at, "page=7") == set()


def test_the_table_to_take_out_has_the_same_filters(at: Desk, cases: list[UUID]) -> None:
    page = at.client.get("/cases?reader=read&task=chest-xray").text
    address = page.split('href="/api/v1/cases.csv?')[1].split('"')[0].replace("&amp;", "&")
    table = at.client.get(f"/api/v1/cases.csv?{address}")
    assert table.status_code == 200
    assert str(cases[0]) in table.text
    assert str(cases[1]) not in table.text


def test_a_hidden_case_tells_nothing_but_that_it_waits_for_the_reader(at: Desk, cases: list[UUID]) -> None:
    at.second_reader(wanted=True)
    (hidden,) = at.send(("d.png", FILM))
    at.second_reader(wanted=False)
    rows = at.client.get("/cases").text.split("<tr")
    (row,) = [row for row in rows if str(hidden) in row]
    assert "Hidden until you answer" in row
    assert "Pneumonia" not in row
