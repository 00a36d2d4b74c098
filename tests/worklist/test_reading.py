"""What readers do with a case, and who sees what of it."""

from __future__ import annotations

from collections.abc import Iterator
from sqlite3 import connect
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from radiolens.errors import InputError, UnknownCase, WrongState
from radiolens.prediction import Presence
from radiolens.store import audit
from radiolens.store.schema import LOCAL_USER_ID, AnswerStage, CaseState, ImageRow
from radiolens.worklist import work_list
from radiolens.worklist.listing import CaseQuery
from radiolens.worklist.reading import LONGEST_TEXT, Answer
from radiolens.worklist.results import Decision
from radiolens.worklist.table import rows
from radiolens.worklist.views import ReaderState
from radiolens.worklist.working_store import FOLDER
from tests.worklist.site import Site, films

ABSENT = {"pneumonia": Presence.ABSENT}


def actions(shared: Site, case_id: object) -> list[str]:
    with shared.database.reading() as session:
        return [entry.action for entry in audit.entries(session, target=f"case:{case_id}")][::-1]


def test_a_film_is_accepted_scored_and_shown(shared: Site) -> None:
    case_id = shared.case(*films(1))
    found = shared.work_list.case(LOCAL_USER_ID, case_id)
    (image,) = found.images
    assert (found.summary.decision, found.summary.disclosed, found.tasks) == (Decision.PRESENT, True, ("chest-xray",))
    assert [(entry.label, entry.presence) for entry in found.summary.findings] == [("pneumonia", Presence.PRESENT)]
    assert image.state == "answered"
    assert image.prediction
    assert image.prediction.finding("pneumonia").probability == pytest.approx(1 / (1 + np.exp(-2 / 1.5)))
    assert image.prediction.seconds > 0
    assert image.facts
    assert image.facts.format == "png"
    assert shared.work_list.image(LOCAL_USER_ID, case_id, image.image_id).pixels.shape == (1, 240, 200)
    maps = shared.work_list.maps(LOCAL_USER_ID, case_id, image.image_id)
    assert maps
    assert set(maps.maps) == {"pneumonia", "tuberculosis"}
    assert actions(shared, case_id) == ["case.view"]


@pytest.mark.parametrize("left", [b"", None], ids=["cut short", "gone"])
def test_heat_maps_that_a_power_cut_took_are_said_and_the_answer_holds(shared: Site, left: bytes | None) -> None:
    case_id = shared.case(*films(1))
    (image,) = shared.work_list.case(LOCAL_USER_ID, case_id).images
    with shared.database.reading() as session:
        name = session.scalars(select(ImageRow.map_name).where(ImageRow.id == image.image_id)).one()
    file = shared.home / FOLDER / str(name)
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    with pytest.raises(WrongState, match=r"a power cut may have .* The answer holds\. Send the image again"):
        shared.work_list.maps(LOCAL_USER_ID, case_id, image.image_id)
    assert image.prediction


def test_a_file_that_is_no_image_ends_with_its_reason(shared: Site) -> None:
    found = shared.work_list.case(LOCAL_USER_ID, shared.case(b"no image at all"))
    assert found.summary.decision is Decision.UNREADABLE
    assert (found.images[0].state, [problem.code for problem in found.images[0].problems]) == (
        "unreadable",
        ["unreadable"],
    )
    assert found.images[0].prediction is None


def test_several_images_of_a_patient_are_one_case_and_the_worst_tells(shared: Site) -> None:
    case_id = shared.case(b"no image", *films(2), together=True)
    found = shared.work_list.case(LOCAL_USER_ID, case_id)
    assert [image.state for image in found.images] == ["unreadable", "answered", "answered"]
    assert found.summary.decision is Decision.PRESENT
    assert found.summary.progress.done == 3


def test_a_reader_confirms_and_another_overrides_with_a_reason(shared: Site) -> None:
    case_id, reader = shared.case(*films(1)), shared.user("overrider")
    shared.work_list.answer(LOCAL_USER_ID, case_id, Answer({"pneumonia": Presence.PRESENT}, agreed=True))
    with pytest.raises(InputError, match=r"without a reason\. Say why"):
        shared.work_list.answer(reader, case_id, Answer(ABSENT, agreed=False, reason=" "))
    found = shared.work_list.answer(reader, case_id, Answer(ABSENT, agreed=False, reason="Scar", comment="See 2019"))
    assert [(entry.user, entry.mine, entry.agreed, entry.stage) for entry in found.answers] == [
        ("local", False, True, AnswerStage.AFTER),
        ("overrider", True, False, AnswerStage.AFTER),
    ]
    assert found.answers[1].presence == ABSENT
    assert (found.answers[1].reason, found.answers[1].comment) == ("Scar", "See 2019")
    assert found.summary.reader is ReaderState.OVERRIDDEN
    assert actions(shared, case_id) == ["case.answer", "case.answer"]


def test_whether_a_reader_agrees_follows_from_what_is_judged(shared: Site) -> None:
    case_id = shared.case(*films(1))
    differs = {"tuberculosis": Presence.PRESENT}  # which the network calls absent
    with pytest.raises(InputError, match="is confirmed, but not every finding is judged as the network does"):
        shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(differs, agreed=True))
    with pytest.raises(InputError, match=r"without a reason\. Say why"):
        shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(differs))
    assert shared.work_list.case(LOCAL_USER_ID, case_id).answers == ()
    found = shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(differs, reason="Xpert"))
    assert (found.answers[0].agreed, found.summary.reader) == (False, ReaderState.OVERRIDDEN)
    whole = {"pneumonia": Presence.PRESENT, "tuberculosis": Presence.ABSENT}
    with pytest.raises(InputError, match="is overridden, but every finding is judged as the network does"):
        shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(whole, agreed=False, reason="Scar"))
    assert shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(whole)).answers[-1].agreed is True


def test_a_reader_agrees_with_the_image_that_was_looked_at(shared: Site) -> None:
    case_id = shared.case(*films(1), b"no image", together=True)
    film, unreadable = (image.image_id for image in shared.work_list.case(LOCAL_USER_ID, case_id).images)
    confirmed = {"pneumonia": Presence.PRESENT}
    for image_id in (film, None):
        said = Answer(confirmed, agreed=True, image_id=image_id)
        assert shared.work_list.answer(LOCAL_USER_ID, case_id, said).answers[-1].agreed is True
    with pytest.raises(InputError, match="answered nothing of what is judged"):
        shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(confirmed, agreed=True, image_id=unreadable))
    with pytest.raises(UnknownCase, match="no such image"):
        shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(confirmed, image_id=uuid4()))


def test_a_table_is_read_without_keeping_others_from_writing(shared: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = shared.case(*films(1))

    def while_read(session: Session, viewer: UUID, query: CaseQuery) -> Iterator[tuple[str, ...]]:
        yield from rows(session, viewer, query)
        with connect(shared.home / "radiolens.db", timeout=0.2) as other:  # another process, which would wait
            other.execute("UPDATE site_settings SET key = key")
        other.close()

    monkeypatch.setattr(work_list, "rows", while_read)
    table = shared.work_list.export(LOCAL_USER_ID, CaseQuery())
    assert str(case_id) in {row[0] for row in table}
    with shared.database.reading() as session:
        entry = next(iter(audit.entries(session, action="case.export")))
    assert entry.detail == {"cases": len({row[0] for row in table})}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Answer({}), "Expected findings among pneumonia, tuberculosis; found none"),
        (Answer({"glioma": Presence.PRESENT}), "found glioma"),
        (Answer(ABSENT, comment="x" * (LONGEST_TEXT + 1)), "Shorten it"),
    ],
)
def test_an_answer_that_says_nothing_of_the_case_is_refused(shared: Site, said: Answer, message: str) -> None:
    case_id = shared.case(*films(1))
    with pytest.raises(InputError, match=message):
        shared.work_list.answer(LOCAL_USER_ID, case_id, said)
    assert shared.work_list.case(LOCAL_USER_ID, case_id).answers == ()


def test_a_closed_case_has_no_image_left_and_takes_no_answer_but_a_diagnosis(shared: Site) -> None:
    case_id = shared.case(*films(1))
    image_id = shared.work_list.case(LOCAL_USER_ID, case_id).images[0].image_id
    before = set(shared.work_list.store.names())
    found = shared.work_list.close(LOCAL_USER_ID, case_id)
    assert (found.summary.state, found.summary.working_copy) == (CaseState.CLOSED, False)
    assert len(before - set(shared.work_list.store.names())) == 2  # the image and its maps
    assert found.images[0].prediction
    with pytest.raises(WrongState, match="The image was erased"):
        shared.work_list.image(LOCAL_USER_ID, case_id, image_id)
    with pytest.raises(WrongState, match="erased"):
        shared.work_list.maps(LOCAL_USER_ID, case_id, image_id)
    for again in (
        lambda: shared.work_list.close(LOCAL_USER_ID, case_id),
        lambda: shared.work_list.answer(LOCAL_USER_ID, case_id, Answer(ABSENT)),
    ):
        with pytest.raises(WrongState, match="The case is closed"):
            again()
    with pytest.raises(InputError, match="Name the test"):
        shared.work_list.diagnose(LOCAL_USER_ID, case_id, ABSENT, " ")
    told = shared.work_list.diagnose(LOCAL_USER_ID, case_id, ABSENT, "Xpert").diagnoses
    assert [(entry.test, entry.presence, entry.user) for entry in told] == [("Xpert", ABSENT, "local")]
    assert actions(shared, case_id) == ["case.view", "case.close", "case.diagnose"]


def test_the_images_of_a_case_can_be_erased_and_its_results_stay(shared: Site) -> None:
    case_id = shared.case(*films(1))
    found = shared.work_list.erase(LOCAL_USER_ID, case_id)
    assert (found.summary.state, found.summary.working_copy) == (CaseState.OPEN, False)
    assert found.images[0].state == "answered"
    assert actions(shared, case_id) == ["case.erase"]


def test_what_there_is_not_is_not_found(shared: Site) -> None:
    strange = uuid4()
    for asked in (
        lambda: shared.work_list.case(LOCAL_USER_ID, strange),
        lambda: shared.work_list.close(LOCAL_USER_ID, strange),
        lambda: shared.work_list.erase(LOCAL_USER_ID, strange),
        lambda: shared.work_list.answer(LOCAL_USER_ID, strange, Answer(ABSENT)),
        lambda: shared.work_list.image(LOCAL_USER_ID, strange, strange),
        lambda: shared.work_list.maps(LOCAL_USER_ID, strange, strange),
    ):
        with pytest.raises(UnknownCase, match="Go back to the work list"):
            asked()
