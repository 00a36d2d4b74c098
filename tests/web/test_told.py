"""The words of a stored answer are those of the answer that was given, without its pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.bundle import InstalledBundle
from radiolens.image import Image, Source, Unit
from radiolens.inference.predict import Predictor
from radiolens.inference.record import prediction_from_record, record
from radiolens.prediction import Prediction
from radiolens.quality import ADVICE, ProblemCode
from radiolens.report.content import Passage
from radiolens.safety.gate import Gate
from radiolens.web.answers import Answer
from radiolens.web.cards import make_card
from radiolens.web.studies import Study, find_study
from radiolens.web.told import Card, tell, tell_of_absent, tell_refusal, tell_unreadable
from radiolens.worklist.facts import ImageFacts, facts_from_record, facts_of
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle

FILM = Image(chest_film()[None], Unit.UNIT_INTERVAL, Source("dicom", patient_age_years=8.0, warnings=("cut",)))


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("bundles")
    make_bundle(folder)
    return Predictor.open((folder,), gate=Gate.HEADER)


@pytest.fixture(scope="module")
def given(predictor: Predictor) -> Prediction:
    return predictor.predict_image(FILM, "chest-xray")


def whole_chest() -> Study:
    found = find_study("chest")
    assert found
    return found


def installed(predictor: Predictor) -> InstalledBundle:
    return predictor.engine("chest-xray").installed


def words_of(card: Card) -> Card:
    """Return a card without what belongs to its page: pictures, the file's name and the time it took."""
    return replace(card, token="", name="", study="", files=1, picture="", heat_maps=(), seconds=0.0)


def test_an_answer_is_told_alike_now_and_from_the_database(predictor: Predictor, given: Prediction) -> None:
    now = make_card(Answer("a.dcm", given, FILM), whole_chest(), predictor)
    kept = json.loads(json.dumps([record("", given), facts_of(FILM, given.explanation).record()]))
    prediction, facts = prediction_from_record(kept[0]), facts_from_record(kept[1])
    later = tell(prediction, facts, whole_chest(), installed(predictor))
    assert words_of(later) == words_of(now)
    assert later.rows[1].words == "Not decided: it is meant for patients of 15 years and older"
    assert later.remarks == (Passage("cut"),)


def test_a_refusal_is_told_with_what_to_do() -> None:
    advice = ADVICE[ProblemCode.WRONG_VIEW]
    card = tell_refusal([("wrong_view", f"A lateral film. {advice}")], ImageFacts(slice_indices=(3, 4), slice_count=9))
    assert (card.state, card.headline) == ("refused", "Not analysed: not a frontal view")
    assert (card.problems[0].found, card.problems[0].advice) == ("A lateral film.", advice)
    assert card.slice_note == "Slice 5 of 9."
    assert card.picture == ""


def test_a_file_that_cannot_be_read_is_told_with_its_reason() -> None:
    card = tell_unreadable([("unreadable", "The file is cut off.")])
    assert (card.state, card.problems[0].found) == ("unreadable", "The file is cut off.")


def test_the_slice_of_the_heat_map_is_the_one_that_is_named(predictor: Predictor, given: Prediction) -> None:
    facts = ImageFacts(age_years=40.0, slice_indices=(2, 3), slice_count=9, map_slice=3)
    card = tell(given, facts, whole_chest(), installed(predictor))
    assert card.slice_note.startswith("Slice 4 of 9, the one with the highest probability of ")
    hidden = tell(given, facts.without_answer(), whole_chest(), installed(predictor))
    assert hidden.slice_note.startswith("Slice 3 of 9")


def test_a_bundle_without_the_asked_finding_is_told_of(tmp_path: Path) -> None:
    make_bundle(tmp_path, "brain-mri")
    mri = Predictor.open((tmp_path,), gate=Gate.HEADER).engine("brain-mri").installed
    other = replace(whole_chest(), task_name="brain-mri", label="glioma")
    answer = Prediction("brain-mri", mri.identity)
    card = tell(answer, ImageFacts(), other, mri)
    assert card.headline == "Not analysed: nothing installed answers this study"
    assert card.problems[0].code == "unreleased_finding"


def test_the_answer_of_a_bundle_that_is_gone_is_still_told(predictor: Predictor, given: Prediction) -> None:
    facts = ImageFacts(age_years=40.0)
    there, gone = tell(given, facts, whole_chest(), installed(predictor)), tell_of_absent(given, facts, whole_chest())
    assert (gone.headline, gone.state, gone.rows, gone.model) == (there.headline, there.state, there.rows, there.model)
    assert any("Only pneumonia and tuberculosis are looked for" in limit.text for limit in gone.limits)
    assert (gone.set_note, gone.thresholds, gone.map_evidence) == ("", "", "")
