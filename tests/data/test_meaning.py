from __future__ import annotations

import pytest

from radiolens.data.meaning import Meaning, meaning_of, merged, parse_meanings
from radiolens.errors import DatasetError
from radiolens.tasks import get_task

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")


def test_a_finding_is_present_absent_or_not_spoken_of() -> None:
    found = parse_meanings(CHEST, ["NORMAL=pneumonia:0,tuberculosis:0", "P=pneumonia", "unsure="])
    assert dict(found["NORMAL"].labels) == {"pneumonia": 0, "tuberculosis": 0}
    assert found["unsure"] == Meaning()
    assert dict(found["P"].labels) == {"pneumonia": 1}


def test_a_name_ends_at_the_first_equals_sign() -> None:
    assert dict(parse_meanings(CHEST, ["x=pneumonia:1"])["x"].labels) == {"pneumonia": 1}
    with pytest.raises(DatasetError, match="has no label 'B=pneumonia'"):
        parse_meanings(CHEST, ["A=B=pneumonia"])


def test_several_exclusive_labels_are_possible() -> None:
    found = parse_meanings(MRI, ["tumour=glioma|meningioma|pituitary", "unsure="])
    assert found["tumour"].possible == {"glioma", "meningioma", "pituitary"}
    assert found["unsure"].possible == frozenset()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["A=pneumonia", "B=", "A=tuberculosis"], "found 'A=pneumonia' and 'A=tuberculosis', expected 'A' once"),
        (["A=pneumonia,pneumonia:0"], "found 'pneumonia' and 'pneumonia:0', expected 'pneumonia' once"),
    ],
)
def test_what_is_told_twice_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_meanings(CHEST, given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NORMAL", "found 'NORMAL', expected NAME=MEANING, such as NAME=pneumonia"),
        ("=pneumonia", "expected NAME=MEANING"),
        ("NORMAL=healthy", "chest-xray has no label 'healthy', only pneumonia, tuberculosis"),
        ("NORMAL=pneumonia:2", "expected 0 or 1 behind the colon"),
        ("NORMAL=pneumonia,", "has no label ''"),
        ("NORMAL=pneumonia|tuberculosis", r"has no label 'pneumonia\|tuberculosis'"),
    ],
)
def test_a_meaning_that_is_none_is_told(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_meanings(CHEST, [text])


@pytest.mark.parametrize("name", ["no_tumour", "No tumour", "NO-TUMOUR", " no_tumour "])
def test_a_label_is_known_however_it_is_written(name: str) -> None:
    assert meaning_of(MRI, name, {}) == Meaning(possible=frozenset({"no_tumour"}))


def test_what_is_given_goes_before_the_label_of_that_name() -> None:
    given = parse_meanings(CHEST, ["PNEUMONIA=pneumonia:0"])
    assert meaning_of(CHEST, "PNEUMONIA", given) == Meaning({"pneumonia": 0})
    assert meaning_of(CHEST, "pneumonia", given) == Meaning({"pneumonia": 1})
    assert meaning_of(CHEST, "healthy", given) is None


def test_findings_add_up_and_presence_wins() -> None:
    absent, present = Meaning({"pneumonia": 0, "tuberculosis": 0}), Meaning({"pneumonia": 1})
    for order in ([absent, present], [present, absent]):
        assert dict(merged(order).labels) == {"pneumonia": 1, "tuberculosis": 0}
    assert merged([]) == Meaning()
