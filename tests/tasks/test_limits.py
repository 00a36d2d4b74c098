"""Limits are said where they apply, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from radiolens.task import Limit, Task
from radiolens.tasks import TASKS, get_task

CHEST, MRI, CT = (get_task(name) for name in ("chest-xray", "brain-mri", "brain-ct"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_every_limit_is_a_sentence_about_labels_of_its_task_and_has_a_range_of_ages(task: Task) -> None:
    for limit in task.limits:
        assert limit.text.endswith(".")
        assert set(limit.labels) <= set(task.label_names)
        assert 0 <= limit.from_age < limit.to_age
    assert len({limit.text for limit in task.limits}) == len(task.limits)


@pytest.mark.parametrize(
    ("age_years", "applies"), [(None, True), (0.5, True), (14.9, True), (15.0, False), (60.0, False)]
)
def test_a_limit_of_children_is_said_of_them_and_where_the_age_is_not_told(
    age_years: float | None, *, applies: bool
) -> None:
    (limit,) = [entry for entry in CHEST.limits if entry.to_age == CHEST.label("tuberculosis").youngest_age]
    assert "15 years" in limit.text
    assert limit.applies(age_years, volume=False) is applies


@pytest.mark.parametrize("task", [MRI, CT], ids=["mri", "ct"])
def test_a_volume_is_said_not_to_be_validated_and_a_slice_to_be_alone(task: Task) -> None:
    of_volume, of_slice = (
        " ".join(limit.text for limit in task.limits if limit.applies(None, volume=volume)) for volume in (True, False)
    )
    assert "not validated" in of_volume
    assert "not validated" not in of_slice
    assert "This slice alone" in of_slice
    assert "This slice alone" not in of_volume


def test_the_populations_and_sequences_of_the_training_data_are_told() -> None:
    pneumonia = " ".join(limit.text for limit in CHEST.limits if limit.labels == ("pneumonia",))
    assert all(word in pneumonia for word in ("Guangzhou", "children", "NIH", "adults"))
    assert "T1-weighted slices after contrast" in " ".join(limit.text for limit in MRI.limits)
    assert "stroke" in " ".join(limit.text for limit in CT.limits)


def test_a_limit_of_one_finding_is_not_about_another() -> None:
    limit = Limit("A sentence.", ("pneumonia",))
    assert limit.is_about(["pneumonia", "tuberculosis"])
    assert not limit.is_about(["tuberculosis"])
    assert Limit("A sentence.").is_about(["tuberculosis"])


@pytest.mark.parametrize(
    ("task", "labels", "scope", "nothing"),
    [
        (CHEST, CHEST.label_names, "Only pneumonia and tuberculosis are", "No pneumonia or tuberculosis found"),
        (CHEST, ["tuberculosis"], "Only tuberculosis is", "No tuberculosis found"),
        (MRI, MRI.label_names, "Only glioma, meningioma and pituitary tumour are", MRI.negative_answer),
        (MRI, ["no_tumour", "glioma"], "Only glioma is", "No glioma found"),
        (CT, ["haemorrhage"], "Only intracranial haemorrhage is", "No intracranial haemorrhage found"),
    ],
)
def test_what_is_looked_for_and_not_found_is_named_by_what_is_answered(
    task: Task, labels: Sequence[str], scope: str, nothing: str
) -> None:
    assert task.scope(labels).text == f"{scope} looked for; every other disease is missed."
    assert task.nothing_found(labels) == nothing


def test_a_bundle_of_some_findings_has_their_limits_alone_and_says_what_it_looks_for() -> None:
    told = CHEST.limit_texts(["tuberculosis"])
    assert told[0] == "Only tuberculosis is looked for; every other disease is missed."
    of_pneumonia = {limit.text for limit in CHEST.limits if limit.labels == ("pneumonia",)}
    assert of_pneumonia
    assert not of_pneumonia & set(told)
    assert set(CHEST.limit_texts(CHEST.label_names)) >= of_pneumonia


def test_a_text_finds_its_limit_and_a_sites_own_is_about_what_it_names() -> None:
    assert all(CHEST.limit(limit.text) is limit for limit in CHEST.limits)
    assert CHEST.limit("Pneumonia is called too often.") == Limit("Pneumonia is called too often.", ("pneumonia",))
    assert CHEST.limit("It was trained elsewhere.") == Limit("It was trained elsewhere.")
    assert CHEST.limit("It was trained elsewhere.").applies(3.0, volume=True)
