"""Which cases of a work list can be compared, and with what."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from radiolens.prediction import Presence
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.worklist.comparison import Comparable, LeftOut, comparable
from radiolens.worklist.reading import Answer
from tests.web.serving import film, png
from tests.worklist.site import Site, answering, site

P, A, U = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site in second-reader mode, whose network finds pneumonia in every film and no tuberculosis."""
    with site(tmp_path_factory.mktemp("compared") / "home", weights=answering(2.0, -1.0)) as found:
        found.second_reader()
        yield found


def compared(place: Site) -> Comparable:
    with place.database.reading() as session:
        return comparable(session, LOCAL_USER_ID)


def said(pneumonia: Presence, tuberculosis: Presence) -> dict[str, Presence]:
    return {"pneumonia": pneumonia, "tuberculosis": tuberculosis}


def closed(place: Site, case: UUID, truth: dict[str, Presence] | None, reader: UUID = LOCAL_USER_ID) -> UUID:
    """Let a reader of a case attach a diagnosis, and close it."""
    if truth:
        place.work_list.diagnose(reader, case, truth, "Xpert")
    place.work_list.close(LOCAL_USER_ID, case)
    return case


def test_a_closed_case_tells_reader_network_and_truth(place: Site) -> None:
    case, reader = place.case(png(film(20))), place.user("reads")
    place.work_list.answer(reader, case, Answer(said(A, U)))
    place.work_list.answer(reader, case, Answer(said(P, U), agreed=None))
    assert case not in {entry.case_id for entry in compared(place).findings}  # still open
    closed(place, case, said(P, A), reader)
    found = {entry.label: entry for entry in compared(place).findings if entry.case_id == case}
    pneumonia = found["pneumonia"]
    assert (pneumonia.before, pneumonia.network, pneumonia.final, pneumonia.truth) == (A, P, P, P)
    tuberculosis = found["tuberculosis"]
    assert (tuberculosis.before, tuberculosis.network, tuberculosis.final, tuberculosis.truth) == (U, A, U, A)
    assert pneumonia.reader == reader


def test_without_a_later_answer_the_first_one_stands(place: Site) -> None:
    case = place.case(png(film(21)))
    place.work_list.answer(LOCAL_USER_ID, case, Answer(said(A, A)))
    closed(place, case, {"pneumonia": A})
    (found,) = (entry for entry in compared(place).findings if entry.case_id == case)
    assert (found.label, found.before, found.final) == ("pneumonia", A, A)


def test_two_tests_each_tell_of_their_own_finding(place: Site) -> None:
    case = place.case(png(film(24)))
    place.work_list.answer(LOCAL_USER_ID, case, Answer(said(A, A)))
    place.work_list.diagnose(LOCAL_USER_ID, case, {"tuberculosis": P}, "Xpert")
    closed(place, case, {"pneumonia": A})
    assert {entry.label: entry.truth for entry in compared(place).findings if entry.case_id == case} == said(A, P)


def test_the_last_diagnosis_counts_and_an_undecided_one_is_no_truth(place: Site) -> None:
    case = place.case(png(film(22)))
    place.work_list.answer(LOCAL_USER_ID, case, Answer(said(A, A)))
    place.work_list.diagnose(LOCAL_USER_ID, case, {"pneumonia": P}, "CT")
    closed(place, case, said(U, P))
    assert [(entry.label, entry.truth) for entry in compared(place).findings if entry.case_id == case] == [
        ("tuberculosis", P)
    ]


def test_a_network_that_gave_no_answer_is_undecided(place: Site) -> None:
    case = place.case(b"no image")
    place.work_list.answer(LOCAL_USER_ID, case, Answer(said(P, A)))
    closed(place, case, {"pneumonia": P})
    (found,) = (entry for entry in compared(place).findings if entry.case_id == case)
    assert found.network is U


def test_an_image_without_an_answer_leaves_a_case_undecided(place: Site) -> None:
    case = place.case(png(film(23)), b"no image", together=True)
    place.work_list.answer(LOCAL_USER_ID, case, Answer(said(A, A)))
    closed(place, case, said(P, A))
    found = {entry.label: entry.network for entry in compared(place).findings if entry.case_id == case}
    assert found == {"pneumonia": P, "tuberculosis": U}


def test_what_takes_no_part_is_counted_with_its_reason(place: Site) -> None:
    before = compared(place)
    without = place.case(png(film(24)))
    place.work_list.answer(LOCAL_USER_ID, without, Answer(said(A, A)))
    closed(place, without, None)
    closed(place, place.case(png(film(25))), None)  # nobody read it
    other = place.case(png(film(26)))
    place.work_list.answer(LOCAL_USER_ID, other, Answer({"pneumonia": P}))
    closed(place, other, {"tuberculosis": P})
    found = compared(place)
    assert found.closed == before.closed + 3
    assert found.findings == before.findings
    assert found.left_out == {LeftOut.NO_DIAGNOSIS: 1, LeftOut.HIDDEN: 1, LeftOut.OTHER_FINDINGS: 1}
