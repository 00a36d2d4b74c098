"""Second-reader mode: until a reader has committed an answer, nothing differs between two different networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import pytest

from radiolens.errors import WrongState
from radiolens.prediction import Presence
from radiolens.quality import ProblemCode
from radiolens.store.schema import LOCAL_USER_ID, AnswerStage, ImageState
from radiolens.worklist.disclosure import SCORED, Failure, may_show, shown_state
from radiolens.worklist.listing import HIDDEN, CaseQuery
from radiolens.worklist.reading import Answer
from radiolens.worklist.views import CaseView, ReaderState
from tests.worklist.site import Site, answering, films, site

ABSENT = {"pneumonia": Presence.ABSENT}


@pytest.fixture(scope="module")
def blinded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site in second-reader mode."""
    with site(tmp_path_factory.mktemp("blinded") / "home", weights=answering(2.0, -1.0)) as found:
        found.second_reader()
        yield found


def test_a_blinded_case_is_shown_without_anything_of_its_answer(blinded: Site) -> None:
    found = blinded.work_list.case(LOCAL_USER_ID, blinded.case(*films(1)))
    summary, (image,) = found.summary, found.images
    assert (summary.blinded, summary.disclosed) == (True, False)
    assert (summary.decision, summary.urgency, summary.findings, summary.reader) == (None, None, (), ReaderState.UNREAD)
    assert (image.state, image.prediction, image.problems) == (SCORED, None, ())
    assert image.facts
    assert image.facts.map_slice is None
    with pytest.raises(WrongState, match=r"not revealed yet\. Commit an answer of your own first"):
        blinded.work_list.maps(LOCAL_USER_ID, summary.case_id, image.image_id)
    assert blinded.work_list.image(LOCAL_USER_ID, summary.case_id, image.image_id).pixels.size


def test_an_answer_discloses_to_who_committed_it_and_to_nobody_else(blinded: Site) -> None:
    case_id, other = blinded.case(*films(1)), blinded.user("other reader")
    found = blinded.work_list.answer(LOCAL_USER_ID, case_id, Answer(ABSENT))
    assert found.summary.disclosed
    assert found.images[0].prediction
    assert [entry.stage for entry in found.answers] == [AnswerStage.BEFORE]
    assert blinded.work_list.maps(LOCAL_USER_ID, case_id, found.images[0].image_id)
    blinded.work_list.answer(LOCAL_USER_ID, case_id, Answer({"pneumonia": Presence.PRESENT}, agreed=True))
    blinded.work_list.diagnose(LOCAL_USER_ID, case_id, ABSENT, "Xpert")
    hidden = blinded.work_list.case(other, case_id)
    assert (hidden.summary.disclosed, hidden.answers, hidden.diagnoses, hidden.images[0].prediction) == (
        False,
        (),
        (),
        None,
    )
    assert hidden.summary.reader is ReaderState.UNREAD
    seen = blinded.work_list.answer(other, case_id, Answer(ABSENT)).answers
    assert [(entry.mine, entry.stage) for entry in seen] == [
        (False, AnswerStage.BEFORE),
        (False, AnswerStage.AFTER),
        (True, AnswerStage.BEFORE),
    ]


def test_a_hidden_answer_can_be_neither_confirmed_nor_overridden(blinded: Site) -> None:
    case_id = blinded.case(*films(1))
    for agreed in (True, False):
        with pytest.raises(WrongState, match="neither confirmed nor overridden"):
            blinded.work_list.answer(LOCAL_USER_ID, case_id, Answer(ABSENT, agreed=agreed, reason="x"))
    assert not blinded.work_list.case(LOCAL_USER_ID, case_id).summary.disclosed


def test_a_diagnosis_waits_for_an_answer_of_ones_own(blinded: Site) -> None:
    case_id = blinded.case(*films(1))
    with pytest.raises(WrongState, match=r"not revealed yet\. Commit an answer of your own first"):
        blinded.work_list.diagnose(LOCAL_USER_ID, case_id, ABSENT, "Xpert")
    blinded.work_list.answer(LOCAL_USER_ID, case_id, Answer(ABSENT))
    assert blinded.work_list.diagnose(LOCAL_USER_ID, case_id, ABSENT, "Xpert").diagnoses


def test_a_closed_case_is_open_to_all_if_somebody_read_it(blinded: Site) -> None:
    read, unread, other = blinded.case(*films(1)), blinded.case(*films(1)), blinded.user("later reader")
    blinded.work_list.answer(LOCAL_USER_ID, read, Answer(ABSENT))
    for case_id, disclosed in ((read, True), (unread, False)):
        blinded.work_list.close(LOCAL_USER_ID, case_id)
        assert blinded.work_list.case(other, case_id).summary.disclosed is disclosed


def test_a_file_that_cannot_be_read_says_so_in_any_case(blinded: Site) -> None:
    (image,) = blinded.work_list.case(LOCAL_USER_ID, blinded.case(b"nothing")).images
    assert (image.state, [problem.code for problem in image.problems]) == ("unreadable", ["unreadable"])


@pytest.mark.parametrize(
    ("state", "codes", "shown"),
    [
        (ImageState.QUEUED, [], "queued"),
        (ImageState.SCORING, [], "scoring"),
        (ImageState.ANSWERED, [], SCORED),
        (ImageState.REFUSED, [ProblemCode.WRONG_VIEW], "refused"),
        (ImageState.REFUSED, [ProblemCode.UNLIKE_TRAINING_DATA], SCORED),
        (ImageState.REFUSED, [ProblemCode.UNLIKE_TRAINING_DATA, ProblemCode.TOO_DARK], "refused"),
        (ImageState.UNREADABLE, [ProblemCode.UNREADABLE], "unreadable"),
        (ImageState.FAILED, [Failure.NETWORK_FAILED], SCORED),
        (ImageState.FAILED, [Failure.SCORING_FAILED], SCORED),
        (ImageState.FAILED, [Failure.WORKING_COPY_LOST], "failed"),
        (ImageState.FAILED, [Failure.ERASED], "failed"),
    ],
)
def test_a_state_is_hidden_where_it_tells_what_the_network_made_of_the_image(
    state: ImageState, codes: list[str], shown: str
) -> None:
    assert shown_state(state, codes, disclosed=False) == shown
    assert shown_state(state, codes, disclosed=True) == state.value
    assert all(may_show(code, disclosed=True) for code in codes)
    assert any(may_show(code, disclosed=False) for code in codes) is (bool(codes) and shown != SCORED)


@pytest.mark.parametrize("code", ProblemCode)
def test_only_the_distance_to_training_pictures_is_a_refusal_by_the_network(code: ProblemCode) -> None:
    """A new code must be looked at: does it follow from what the answering network made of the image?"""
    assert may_show(code, disclosed=False) is (code is not ProblemCode.UNLIKE_TRAINING_DATA)
    assert set(ProblemCode) == {code for code in ProblemCode if code in KNOWN}


KNOWN = {
    *("not_medical_image", "wrong_body_part", "wrong_view", "wrong_modality", "inverted", "rotated", "cropped"),
    *("too_small", "too_dark", "too_bright", "outside_intended_use", "unlike_training_data", "task_undetermined"),
    *("unreadable", "too_large", "unsupported_transfer_syntax", "unreleased_finding"),
}

TIMES = ("received", "erase_after")
NETWORKS = {"says present": answering(3.0, 2.0), "says absent": answering(-3.0, -2.0)}


def without_chance(value: Any, ids: Mapping[UUID, str]) -> Any:  # noqa: ANN401  any JSON-like value
    """Return a value with ids replaced by their place, and without times."""
    if isinstance(value, dict):
        return {
            key: without_chance(entry, ids) for key, entry in value.items() if key not in ("received", "erase_after")
        }
    if isinstance(value, list | tuple):
        return [without_chance(entry, ids) for entry in value]
    return ids.get(value, value) if isinstance(value, UUID) else value


def seen(view: CaseView) -> dict[str, Any]:
    return {
        "summary": asdict(view.summary),
        "images": [vars(image) for image in view.images],
        "answers": view.answers,
        "diagnoses": view.diagnoses,
        "tasks": view.tasks,
    }


def run(found: Site) -> dict[str, Any]:
    """Let a first reader work through cases, and return all that a second one sees, who has answered none."""
    second = found.user("second")
    found.second_reader()
    cases = [found.case(data) for data in (*films(3), b"nothing")]
    found.work_list.answer(LOCAL_USER_ID, cases[1], Answer(ABSENT))
    # What the first reader does now, knowing the answer, differs; the second must not see that it does.
    answer = found.work_list.case(LOCAL_USER_ID, cases[1]).images[0].prediction
    assert answer
    agreed = answer.finding("pneumonia").presence is Presence.ABSENT
    found.work_list.answer(LOCAL_USER_ID, cases[1], Answer(ABSENT, agreed=agreed, reason="" if agreed else "No"))
    ids = {case_id: f"case {number}" for number, case_id in enumerate(cases)}
    for number, case_id in enumerate(cases):
        for image in found.work_list.case(second, case_id).images:
            ids[image.image_id] = f"image {number}"
    lists = {
        str(query): [asdict(summary) for summary in found.work_list.cases(second, query).cases]
        for query in (
            CaseQuery(),
            *(CaseQuery(decision=word) for word in ("present", "absent", "indeterminate", "unreadable", HIDDEN)),
            *(CaseQuery(reader=state) for state in ReaderState),
        )
    }
    told = {
        "lists": lists,
        "cases": [seen(found.work_list.case(second, case_id)) for case_id in cases],
        "events": [asdict(summary) for summary in found.work_list.summaries(second, cases)],
        "table": [
            [cell for column, cell in enumerate(row) if column != 1]
            for row in found.work_list.export(second, CaseQuery(state=None))
        ],
    }
    words: dict[str, Any] = without_chance(told, ids)
    names = {str(key): value for key, value in ids.items()}
    words["table"] = [[names.get(cell, cell) for cell in row] for row in words["table"]]
    for rows in (*words["lists"].values(), words["events"]):
        for row in rows:
            del row["progress"]
    return words


def test_nothing_differs_between_two_networks_that_answer_differently(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    told, disclosed = [], []
    for name, weights in NETWORKS.items():
        with site(tmp_path_factory.mktemp("swapped") / name.replace(" ", "-"), weights=weights) as found:
            told.append(run(found))
            page = found.work_list.cases(LOCAL_USER_ID, replace(CaseQuery(), decision="present"))
            disclosed.append(len(page.cases))
    assert told[0] == told[1]
    assert disclosed == [1, 0]  # the networks do differ, for who has answered
