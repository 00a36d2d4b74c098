"""What is kept of a header: enough for the words of an answer, and nobody's name."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from radiolens.image import Image, Source, Unit
from radiolens.prediction import Explanation
from radiolens.worklist.facts import ImageFacts, facts_from_record, facts_of

SOURCE = Source("dicom", patient_age_years=42.0, series_description="KNEE OF MR SMITH", warnings=("cut",))
HEAD = Image(
    np.zeros((2, 8, 8), np.float32), Unit.ARBITRARY, SOURCE, modality="MR", slice_indices=(3, 4), slice_count=9
)
MAP = Explanation("class-activation-map", {}, (0.0, 0.0, 8.0, 8.0), 4)


def test_the_facts_of_an_image_are_those_that_words_hang_on() -> None:
    facts = facts_of(HEAD, MAP)
    assert facts == ImageFacts(42.0, (3, 4), 9, "dicom", "MR", None, ("cut",), 4)
    assert facts.is_volume
    assert facts_of(HEAD).map_slice is None


def test_facts_survive_json_and_name_nobody() -> None:
    text = json.dumps(facts_of(HEAD, MAP).record())
    assert facts_from_record(json.loads(text)) == facts_of(HEAD, MAP)
    assert "SMITH" not in text


def test_without_the_answer_no_slice_is_pointed_at() -> None:
    assert facts_of(HEAD, MAP).without_answer() == facts_of(HEAD)


def test_a_record_of_something_else_is_none_of_facts() -> None:
    with pytest.raises(TypeError, match="patient_name"):
        facts_from_record({"patient_name": "Smith"})


def test_a_film_is_no_volume() -> None:
    film = replace(HEAD, pixels=HEAD.pixels[:1], slice_indices=(0,), slice_count=1)
    assert not facts_of(film).is_volume
