"""The page of a case: what is said, what is asked, and what is recorded; all of it without a script."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from radiolens.prediction import Presence
from radiolens.store.schema import LOCAL_USER_ID, AnswerStage
from radiolens.worklist.views import AnswerView
from tests.web.reading.desk import FILM, Desk
from tests.web.serving import head_series

PRESENT, ABSENT = Presence.PRESENT, Presence.ABSENT


@pytest.fixture
def case(at: Desk) -> str:
    """Give the address of a new case of one film."""
    (found,) = at.send(("film.png", FILM))
    return f"/cases/{found}"


def answers(at: Desk, case: str) -> tuple[AnswerView, ...]:
    return at.work_list.case(LOCAL_USER_ID, UUID(case.removeprefix("/cases/"))).answers


def test_a_case_says_what_the_network_found_and_what_to_press_next(at: Desk, case: str) -> None:
    page = at.page(case)
    assert "The network says Pneumonia suspected" in page
    assert "Tuberculosis 26.9 %" in page or "not found (threshold 50.0 %)" in page
    assert "I agree with the network" in page
    assert "Report (PDF)" in page
    assert "Not a medical device" in page
    assert "chest-xray 9.0.0" in page
    assert "The weights are random" in page


def test_agreeing_takes_one_press(at: Desk, case: str) -> None:
    page = at.post(f"{case}/agree")
    assert "Your answer is recorded." in page
    assert "You agree with the network: Pneumonia: present; Tuberculosis: absent." in page
    (said,) = answers(at, case)
    assert (said.agreed, said.stage) == (True, AnswerStage.AFTER)
    assert said.presence == {"pneumonia": PRESENT, "tuberculosis": ABSENT}
    assert "I agree with the network" not in page


def test_differing_needs_a_reason(at: Desk, case: str) -> None:
    mine = {"presence__pneumonia": "absent", "presence__tuberculosis": "absent", "comment": "An old scar."}
    page = at.post(f"{case}/answer", 422, **mine)
    assert "choose the reason" in page
    assert answers(at, case) == ()
    assert "An old scar." in page  # what was written is not lost
    page = at.post(f"{case}/answer", **mine, reason="other_cause")
    assert "You differ from the network: Pneumonia: absent; Tuberculosis: absent." in page
    (said,) = answers(at, case)
    assert (said.agreed, said.reason, said.comment) == (False, "other_cause", "An old scar.")
    assert "differs from the network" in at.page("/cases?reader=overridden").lower()


@pytest.mark.parametrize(
    ("agreed", "word"), [(True, "The network's answer is confirmed, but"), (None, "without a reason. Say why.")]
)
def test_a_program_that_differs_needs_a_reason_too(at: Desk, case: str, word: str, *, agreed: bool | None) -> None:
    address = f"/api/v1{case}/answers"
    said = {"presence": {"tuberculosis": "present"}, "agreed": agreed}
    assert word in at.client.post(address, json=said).json()["detail"]
    assert at.client.post(address, json=said).status_code == 422
    assert answers(at, case) == ()
    told = at.client.post(address, json={"presence": said["presence"], "reason": "Xpert"}).json()
    assert (told["answers"][0]["agreed"], told["reader"]) == (False, "overridden")


def test_a_reader_agrees_with_the_image_on_the_page(at: Desk) -> None:
    (pair,) = at.send(("a.png", FILM), ("b.png", b"no image"), together="yes")
    at.post(f"/cases/{pair}/answer?image=2", presence__pneumonia="absent")  # beside an image without an answer
    at.post(f"/cases/{pair}/answer?image=1", 422, presence__pneumonia="absent")
    at.post(f"/cases/{pair}/agree?image=1")
    assert [said.agreed for said in answers(at, f"/cases/{pair}")] == [None, True]


def test_an_answer_says_something(at: Desk, case: str) -> None:
    assert "Choose an answer first" in at.post(f"{case}/answer", 422, comment="hm")
    assert "Choose an answer first" in at.post(f"{case}/answer", 422, presence__pneumonia="perhaps")
    assert answers(at, case) == ()


def test_an_answer_that_leaves_something_open_neither_agrees_nor_differs(at: Desk, case: str) -> None:
    at.post(f"{case}/answer", presence__pneumonia="present", presence__tuberculosis="indeterminate")
    (said,) = answers(at, case)
    assert said.agreed is None


def test_a_changed_answer_stands_beside_the_first(at: Desk, case: str) -> None:
    at.post(f"{case}/agree")
    page = at.post(f"{case}/answer", presence__pneumonia="absent", reason="not_there")
    assert page.index("agrees with the network") < page.index("differs from the network")
    assert [said.agreed for said in answers(at, case)] == [True, False]


def test_the_final_diagnosis_is_attached(at: Desk, case: str) -> None:
    at.post(f"{case}/agree")
    assert "by which test" in at.post(f"{case}/diagnosis", 422, truth__pneumonia="present")
    page = at.post(f"{case}/diagnosis", truth__pneumonia="absent", test="Sputum culture")
    assert "final diagnosis by Sputum culture: Pneumonia: absent" in page


def test_a_closed_case_shows_its_answer_and_no_image(at: Desk, case: str) -> None:
    at.post(f"{case}/agree")
    page = at.post(f"{case}/close")
    assert "The case is closed and its images are erased." in page
    assert "Pneumonia suspected" in page
    assert "Close and erase" not in page
    assert "Record my answer" not in page
    page = at.post(f"{case}/agree", 409)
    assert "closed" in page


def test_a_refused_film_says_why_and_what_to_do(at: Desk) -> None:
    (small,) = at.send(("a.png", FILM[:200]))
    page = at.page(f"/cases/{small}")
    assert "This file could not be read" in page
    assert "Export it again from its source." in page
    assert "There is no image to show." in page
    assert "I agree with the network" not in page


def test_several_images_of_a_patient_are_shown_one_after_the_other(at: Desk) -> None:
    (pair,) = at.send(("a.png", FILM), ("b.png", FILM + b" "), together="yes")
    page = at.client.get(f"/cases/{pair}?image=2").text
    assert 'aria-current="page">Image 2' in page
    assert page.count("?image=") >= 2
    assert at.client.get(f"/cases/{pair}?image=99").status_code == 200
    assert at.client.get(f"/cases/{pair}?image=x").status_code == 422


def test_an_unknown_case_leads_back_to_the_list(at: Desk) -> None:
    assert "Go back to the work list" in at.page(f"/cases/{uuid4()}", 404)


def test_the_next_unread_case_is_one_press_away(at: Desk, case: str) -> None:
    (other,) = at.send(("b.png", FILM))
    at.post(f"{case}/agree")
    page = at.client.get(case).text
    assert "Next unread case" in page
    assert case not in page.split("Next unread case")[0].rsplit("<a ", 1)[1]
    assert str(other) in page or "/cases/" in page


def test_a_volume_names_the_slice_that_was_looked_at(at: Desk) -> None:
    files = [(f"IM{number}", content) for number, content in enumerate(head_series(5))]
    (series,) = at.send(*files, task="brain-mri")
    page = at.client.get(f"/cases/{series}").text
    assert "5 slices" in page or "Slice " in page


class TestSecondReader:
    """Where the site wants an answer before it shows the network's."""

    @pytest.fixture(autouse=True)
    def mode(self, at: Desk) -> object:
        at.second_reader(wanted=True)
        yield
        at.second_reader(wanted=False)

    def test_nothing_of_the_network_is_shown_before_the_reader_has_answered(self, at: Desk, case: str) -> None:
        page = at.client.get(case).text
        assert "Read the image yourself" in page
        for word in ("suspected", "9.0.0", "heat", "maps/", "I agree", "Report (PDF)", "threshold of", "(threshold"):
            assert word not in page.replace('class="heat"', "").replace('id="heat"', "").replace("heat map, length", "")

    def test_the_answer_is_committed_first_and_then_compared(self, at: Desk, case: str) -> None:
        page = at.post(f"{case}/answer", presence__pneumonia="absent", presence__tuberculosis="absent")
        assert "Now compare it with the network's." in page
        assert "You answered before you saw it: Pneumonia: absent; Tuberculosis: absent." in page
        assert "Pneumonia suspected" in page
        (before,) = answers(at, case)
        assert (before.stage, before.agreed) == (AnswerStage.BEFORE, None)
        at.post(f"{case}/agree")
        assert [said.stage for said in answers(at, case)] == [AnswerStage.BEFORE, AnswerStage.AFTER]

    def test_nobody_agrees_with_what_is_hidden(self, at: Desk, case: str) -> None:
        assert "Give an answer of your own" in at.post(f"{case}/agree", 422)
        assert "suspected" not in at.page(case)
        assert "not revealed yet" in at.post(f"{case}/diagnosis", 409, truth__pneumonia="absent", test="CT")
