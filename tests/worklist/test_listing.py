"""The list: filters, order and pages; what is hidden from a user takes no part in any of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest

from radiolens.prediction import Presence
from radiolens.store.schema import LOCAL_USER_ID, CaseRow, CaseState
from radiolens.worklist.listing import HIDDEN, WAITING, CaseQuery, Sort
from radiolens.worklist.reading import Answer
from radiolens.worklist.views import ReaderState
from tests.web.serving import head_series
from tests.worklist.site import Site, answering, films, site


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, UUID]]]:
    """Give a site with a case of each kind: found, overridden, damaged, a head, closed; and one that waits."""
    folder: Path = tmp_path_factory.mktemp("listing")
    cases: dict[str, UUID] = {}
    with site(folder / "home", weights=answering(2.0, -1.0)) as found:
        cases["found"] = found.case(*films(1))
        found.clock.forward(days=1)
        cases["overridden"] = found.case(films(2)[1])
        said = Answer({"pneumonia": Presence.ABSENT}, agreed=False, reason="Scar")
        found.work_list.answer(LOCAL_USER_ID, cases["overridden"], said)
        cases["damaged"] = found.case(b"nothing")
        found.clock.forward(days=1)
        cases["head"] = found.case(*head_series(2), task="auto")
        cases["closed"] = found.case(*films(1))
        found.work_list.answer(LOCAL_USER_ID, cases["closed"], Answer({"pneumonia": Presence.PRESENT}, agreed=True))
        found.work_list.close(LOCAL_USER_ID, cases["closed"])
    with site(folder / "home", scorers=0, clock=found.clock) as found:
        cases["waiting"] = found.accept(*films(1)).cases[0].case_id
        yield found, cases


def names(listed: tuple[Site, dict[str, UUID]], query: CaseQuery, viewer: UUID = LOCAL_USER_ID) -> list[str]:
    found, cases = listed
    by_id = {case_id: name for name, case_id in cases.items()}
    return [by_id[summary.case_id] for summary in found.work_list.cases(viewer, query).cases]


ARRIVAL = CaseQuery(sort=Sort.RECEIVED)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ARRIVAL, ["found", "overridden", "damaged", "head", "waiting"]),
        (CaseQuery(sort=Sort.RECEIVED_LAST), ["waiting", "head", "damaged", "overridden", "found"]),
        (replace(ARRIVAL, state=CaseState.CLOSED), ["closed"]),
        (replace(ARRIVAL, state=None), ["found", "overridden", "damaged", "head", "closed", "waiting"]),
        (replace(ARRIVAL, task="chest-xray"), ["found", "overridden", "damaged", "waiting"]),
        (replace(ARRIVAL, task="brain-mri"), ["head"]),
        (replace(ARRIVAL, task="auto"), ["head"]),
        (replace(ARRIVAL, decision="present", task="chest-xray"), ["found", "overridden"]),
        (replace(ARRIVAL, decision="unreadable"), ["damaged"]),
        (replace(ARRIVAL, decision=WAITING), ["waiting"]),
        (replace(ARRIVAL, decision=HIDDEN), []),
        (replace(ARRIVAL, reader=ReaderState.OVERRIDDEN), ["overridden"]),
        (replace(ARRIVAL, reader=ReaderState.READ, state=None), ["closed"]),
        (replace(ARRIVAL, reader=ReaderState.UNREAD), ["found", "damaged", "head", "waiting"]),
        (replace(ARRIVAL, since=date(2026, 3, 2), until=date(2026, 3, 2)), ["overridden", "damaged"]),
        (replace(ARRIVAL, page=2, size=2), ["damaged", "head"]),
        (replace(ARRIVAL, page=9, size=2), []),
    ],
)
def test_a_query_gives_what_it_asks_for(
    listed: tuple[Site, dict[str, UUID]], query: CaseQuery, expected: list[str]
) -> None:
    assert names(listed, query) == expected


def test_the_most_urgent_come_first(listed: tuple[Site, dict[str, UUID]]) -> None:
    found = listed[0].work_list.cases(LOCAL_USER_ID, CaseQuery())
    urgencies = [summary.urgency or 0.0 for summary in found.cases]
    assert urgencies == sorted(urgencies, reverse=True)
    assert names(listed, CaseQuery(task="chest-xray"))[:2] == ["found", "overridden"]
    assert (found.total, found.pages, found.progress.queued, found.progress.done) == (5, 1, 1, 4)


def test_a_case_says_which_task_its_image_chose(listed: tuple[Site, dict[str, UUID]]) -> None:
    found, cases = listed
    by_id = {summary.case_id: summary for summary in found.work_list.cases(LOCAL_USER_ID, CaseQuery()).cases}
    assert (by_id[cases["head"]].task, by_id[cases["head"]].routed) == ("auto", ("brain-mri",))
    assert by_id[cases["found"]].routed == ("chest-xray",)
    assert by_id[cases["damaged"]].routed == by_id[cases["waiting"]].routed == ()


def test_pages_are_counted(listed: tuple[Site, dict[str, UUID]]) -> None:
    found = listed[0].work_list.cases(LOCAL_USER_ID, CaseQuery(size=2))
    assert (found.total, found.pages, found.page, len(found.cases)) == (5, 3, 1, 2)
    assert listed[0].work_list.cases(LOCAL_USER_ID, CaseQuery(decision=HIDDEN)).pages == 1


def test_a_day_is_the_computers_own(listed: tuple[Site, dict[str, UUID]], monkeypatch: pytest.MonkeyPatch) -> None:
    found, cases = listed
    received = found.work_list.summaries(LOCAL_USER_ID, [cases["found"]])[0].received
    assert received.tzinfo is UTC
    assert received < datetime(2026, 3, 2, tzinfo=UTC)


def test_blinded_cases_are_first_and_fit_no_filter_on_what_is_hidden(listed: tuple[Site, dict[str, UUID]]) -> None:
    found, cases = listed
    blinded = [cases[name] for name in ("found", "overridden", "head")]
    reader = found.user("second reader")
    with found.database.session() as session:
        for case_id in blinded:
            session.get_one(CaseRow, case_id).blinded = True
    try:
        assert names(listed, CaseQuery(), reader) == ["found", "overridden", "head", "damaged", "waiting"]
        assert names(listed, replace(ARRIVAL, decision=HIDDEN), reader) == ["found", "overridden", "head"]
        for hidden in (
            replace(ARRIVAL, decision="present"),
            replace(ARRIVAL, decision="absent"),
            replace(ARRIVAL, reader=ReaderState.OVERRIDDEN),
        ):
            assert set(names(listed, hidden, reader)) & {"found", "overridden", "head"} == set()
        assert "overridden" in names(listed, replace(ARRIVAL, reader=ReaderState.UNREAD), reader)
        # The one who overrode it has committed an answer, and sees it.
        assert names(listed, replace(ARRIVAL, reader=ReaderState.OVERRIDDEN)) == ["overridden"]
    finally:
        with found.database.session() as session:
            for case_id in blinded:
                session.get_one(CaseRow, case_id).blinded = False
