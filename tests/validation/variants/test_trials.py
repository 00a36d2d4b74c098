from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.case import Case, Manifest
from radiolens.tasks import get_task
from radiolens.validation.variants.sample import Sample, draw_sample
from radiolens.validation.variants.trials import Trials, trials_of
from tests.validation.variants.hospital_cases import slices

TYPES = tuple(frozenset({name}) for name in ("glioma", "meningioma", "pituitary"))
NONE, ANY = frozenset({"no_tumour"}), frozenset({"glioma", "meningioma", "pituitary"})


def _chest() -> Iterator[Case]:
    for source, pneumonia, tuberculosis in (
        ("guangzhou", 0, None),
        ("guangzhou", 1, None),
        ("nih", 0, None),
        ("nih", 1, None),
        ("tb-collection", 0, 0),
        ("tb-collection", None, 1),
    ):
        for number in range(24):
            name = f"{source}-{pneumonia}-{tuberculosis}-{number}"
            labels = {"pneumonia": pneumonia, "tuberculosis": tuberculosis}
            yield Case(f"{name}.png", source=source, patient_id=name, split="train", labels=labels)


def _ct() -> Iterator[Case]:
    for kind, source, haemorrhage in (("haemorrhage", "sich", 1), ("none", "sich", 0), ("normal", "stroke", None)):
        for number in range(24):
            path, patient = f"images/{source}/{kind}/{number}.jpg", f"{source}{number // 4}"
            labels = {"haemorrhage": haemorrhage, "tumour": None}
            yield Case(path, source=source, patient_id=patient, split="train", labels=labels)


SAMPLES = {
    task: draw_sample(Manifest(Path("m.csv"), get_task(task), tuple(cases)), 1000, 0)
    for task, cases in (
        ("chest-xray", _chest()),
        ("brain-mri", slices({"figshare": TYPES, "web": (*TYPES, NONE, ANY)}, 25)),
        ("brain-ct", _ct()),
    )
}
LINES = [(task, line) for task, sample in SAMPLES.items() for line in trials_of(sample)]
each_line = pytest.mark.parametrize(
    ("task", "line"), LINES, ids=[f"{line.name}, {line.unseen or 'grouped'}" for _, line in LINES]
)


@each_line
def test_what_is_judged_is_of_no_patient_that_was_fitted_on(task: str, line: Trials) -> None:
    patients = SAMPLES[task].patients
    for trial in line.trials:
        fitted, judged = patients[trial.fitted & (line.answers >= 0)], patients[trial.judged & (line.asked >= 0)]
        assert fitted.size
        assert judged.size
        assert not set(fitted) & set(judged)


@each_line
def test_every_asked_case_is_judged_once_and_both_answers_are_asked(task: str, line: Trials) -> None:
    del task
    times = np.sum([trial.judged & (line.asked >= 0) for trial in line.trials], axis=0)
    np.testing.assert_array_equal(times, line.asked >= 0)
    assert set(line.asked[line.asked >= 0]) == set(range(line.labels))


@each_line
def test_a_source_that_is_called_unseen_is_never_fitted_on(task: str, line: Trials) -> None:
    sample = SAMPLES[task]
    hidden = sample.sources == line.unseen
    if line.unseen == "tumours of the web":
        hidden = np.asarray([case.source == "web" and case.possible != NONE for case in sample.cases])
    assert hidden.any() == bool(line.unseen)
    for trial in line.trials:
        assert not (trial.fitted & hidden).any()
    assert (hidden & (line.asked >= 0)).any() == bool(line.unseen)


def asked_of(sample: Sample, name: str, unseen: str = "") -> Trials:
    (found,) = [line for line in trials_of(sample) if (line.name, line.unseen) == (name, unseen)]
    return found


def test_a_score_that_only_a_hospital_would_move_is_best_at_one_half() -> None:
    normal = {line.name for _, line in LINES if line.target == 0.5}
    assert normal == {
        "tuberculosis score: collection's normals against NIH normals",
        "haemorrhage score: sich without against normal heads",
    }
    line = asked_of(SAMPLES["chest-xray"], "tuberculosis score: collection's normals against NIH normals", "nih")
    ill = [case.path for case, asked in zip(SAMPLES["chest-xray"].cases, line.asked, strict=True) if asked >= 0]
    assert all("-0-" in path for path in ill)


def test_a_tumour_of_unknown_type_is_asked_as_a_tumour_and_not_as_a_type() -> None:
    sample = SAMPLES["brain-mri"]
    unknown = np.asarray([case.possible == ANY for case in sample.cases])
    assert (asked_of(sample, "tumour, web").asked[unknown] == 1).all()
    assert (asked_of(sample, "tumour type, web", "web").asked[unknown] == -1).all()


def test_another_task_has_no_lines() -> None:
    sample = SAMPLES["brain-ct"]
    other = Manifest(Path("m.csv"), get_task("brain-mri"), sample.cases)
    assert trials_of(Sample(other, sample.cases, sample.patients, sample.folds, sample.stands_for))
    renamed = Manifest(Path("m.csv"), type(other.task)(**{**vars(other.task), "name": "knee"}), sample.cases)
    assert trials_of(Sample(renamed, sample.cases, sample.patients, sample.folds, sample.stands_for)) == ()
