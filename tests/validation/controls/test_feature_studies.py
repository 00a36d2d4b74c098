"""The controls find the faults they are there for, and find nothing where there is none."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.manifest import Case
from radiolens.validation.controls.feature_fits import FeatureFits
from radiolens.validation.controls.feature_questions import Partition, asked, partition, random_folds
from radiolens.validation.controls.image_features import BORDERS, IMAGENET, Features
from radiolens.validation.controls.random_labels import random_labels, shuffled
from tests.validation.feature_cases import PLAN, answers_of, film, noise, studied
from tests.validation.scored_cases import CHEST, MRI

SICK_AT_A, SICK_AT_B = 75, 25  # of 100 patients each: the source tells the answer with AUROC 0.75


def two_sources(sick_a: int = SICK_AT_A, sick_b: int = SICK_AT_B) -> list[Case]:
    return [
        film(number, int(number < sick), source)
        for source, sick in (("a", sick_a), ("b", sick_b))
        for number in range(100)
    ]


def with_mark(cases: list[Case], values: np.ndarray) -> np.ndarray:
    """Return the features with something that shows on the images of source a."""
    marked = np.asarray([case.source == "a" for case in cases], float)
    return values + 3.0 * marked[:, np.newaxis] * (np.arange(values.shape[1]) < 3)


def test_an_injected_source_shortcut_is_exposed_and_without_it_nothing_is(tmp_path: Path) -> None:
    cases = two_sources()
    plain = noise(cases) + answers_of(cases)[:, np.newaxis] * (np.arange(30) == 0)
    (clean,) = studied(tmp_path / "clean", cases, plain).source_probe.answers
    (marked,) = studied(tmp_path / "marked", cases, with_mark(cases, plain)).source_probe.answers
    assert (clean.exposed, marked.exposed) == (False, True)
    assert marked.auroc.estimate == pytest.approx(0.75)
    assert "shows little" in marked.verdict
    assert "hardly tell their source" in clean.verdict
    assert [dict(share.counts) for share in marked.shares] == [{"no": 25, "yes": 75}, {"no": 75, "yes": 25}]


def test_a_source_that_shows_but_tells_no_answer_is_no_shortcut(tmp_path: Path) -> None:
    cases = two_sources(50, 50)
    probe = studied(tmp_path, cases, with_mark(cases, noise(cases))).source_probe
    (answer,) = probe.answers
    assert not answer.exposed
    assert "gains a network little" in answer.verdict
    row = next(row for row in probe.recognitions if row.features == IMAGENET and row.within == "pneumonia: yes")
    assert (row.sources, row.cases, row.chance) == (("a", "b"), 100, 0.5)
    assert row.balanced_accuracy.low > 0.9


def test_the_source_is_not_told_by_the_finding_itself(tmp_path: Path) -> None:
    cases = two_sources(90, 10)
    values = noise(cases) + 3.0 * answers_of(cases)[:, np.newaxis] * (np.arange(30) < 3)
    rows = {
        row.within: row
        for row in studied(tmp_path, cases, values).source_probe.recognitions
        if row.features == IMAGENET
    }
    assert rows["all cases"].balanced_accuracy.low > 0.6  # the finding differs between them
    assert rows["pneumonia: yes"].balanced_accuracy.low < 0.6
    assert rows["pneumonia: no"].balanced_accuracy.low < 0.6


def test_a_source_that_is_the_answer_cannot_be_told_apart_from_it(tmp_path: Path) -> None:
    (answer,) = studied(tmp_path, cases := two_sources(100, 0), noise(cases)).source_probe.answers
    assert "cannot be told apart" in answer.verdict


def test_random_labels_rank_nothing_however_strong_the_true_ones_are(tmp_path: Path) -> None:
    cases = two_sources()
    found = studied(tmp_path, cases, noise(cases) + 5.0 * answers_of(cases)[:, np.newaxis])
    assert [(row.source, row.holds, len(row.aurocs)) for row in found.random_labels] == [
        ("a", True, 10),
        ("b", True, 10),
    ]
    assert all(row.auroc.low < 0.5 < row.auroc.high and row.auroc.level == 0.975 for row in found.random_labels)
    assert all("as they must" in row.verdict for row in found.random_labels)
    (row,) = (row for row in found.cross_validation if (row.source, row.head) == ("a", "linear"))
    assert row.by_patient.low > 0.95


def series(patients: int = 80, images: int = 4) -> tuple[list[Case], np.ndarray]:
    """Return images of patients that resemble one another far more than their finding does."""
    cases = [film(number, number // images % 2, patient=f"p{number // images}") for number in range(patients * images)]
    own = np.repeat(np.random.default_rng(3).normal(size=(patients, 30)), images, axis=0)
    return cases, 3.0 * own + 0.3 * noise(cases) + 0.5 * answers_of(cases)[:, np.newaxis]


def test_random_labels_expose_a_procedure_that_cuts_patients(tmp_path: Path) -> None:
    cases, values = series()
    features = Features(tuple(cases), {BORDERS: noise(cases, 12), IMAGENET: values})
    inside = np.ones(len(cases), bool)
    sound = partition(cases, inside, 0)
    torn = Partition(sound.patients, sound.units, random_folds(cases, 5, 0), given=False)
    rows = {
        name: random_labels(FeatureFits(features, folds, inside, tmp_path, PLAN), asked(CHEST, cases))[0]
        for name, folds in (("sound", sound), ("torn", torn))
    }
    assert (rows["sound"].holds, rows["torn"].holds) == (True, False)
    assert "the procedure leaks" in rows["torn"].verdict


def test_a_split_that_ignores_patients_scores_higher_and_is_told_why(tmp_path: Path) -> None:
    cases, values = series()
    rows = {row.head: row for row in studied(tmp_path, cases, values).cross_validation}
    assert rows["nearest neighbour"].difference.low > 0.1
    assert rows["linear"].difference.low > 0.0
    for row in rows.values():
        assert row.difference.estimate == pytest.approx(row.by_image.estimate - row.by_patient.estimate)
        assert row.patients == 80
        assert row.sharing > 300 > 10 > row.sharing_by_chance
        assert f"of {row.sharing} of 320 held-out images the most similar" in row.verdict
        assert "neighbouring slices or repeated images of the same patient stand in both halves" in row.verdict


def test_where_no_patient_is_known_nothing_is_said_of_a_gain(tmp_path: Path) -> None:
    cases = [replace(case, patient_id="") for case in two_sources(50, 50)]
    found = studied(tmp_path, cases, noise(cases))
    assert all("No two images are known to be of one patient" in row.verdict for row in found.cross_validation)
    assert any("names no patients" in note for note in found.notes)


def test_patients_without_names_are_kept_together_by_the_folds_of_the_manifest(tmp_path: Path) -> None:
    cases, values = series()
    hidden = [replace(case, patient_id="", fold=number // 4 % 5) for number, case in enumerate(cases)]
    rows = {row.head: row for row in studied(tmp_path, hidden, values).cross_validation}
    row = rows["nearest neighbour"]
    assert row.difference.low > 0.1
    assert "the same patient-level fold, whose patients are not named" in row.verdict
    assert row.sharing > 250 > row.sharing_by_chance


def test_a_source_held_out_shows_what_did_not_carry_over(tmp_path: Path) -> None:
    cases = two_sources(50, 50)
    signs = np.asarray([1.0 if case.source == "a" else -1.0 for case in cases]) * (answers_of(cases) - 0.5)
    values = noise(cases) + 3.0 * signs[:, np.newaxis] * (np.arange(30) == 0)
    values = with_mark(cases, values) + 6.0 * np.asarray([case.source == "a" for case in cases])[:, np.newaxis]
    found = {row.source: row for row in studied(tmp_path, cases, values).source_held_out}
    assert found.keys() == {"a", "b"}
    assert (found["a"].fitted_on, found["a"].fitted_cases, found["a"].cases) == (("b",), 100, 100)
    assert found["a"].auroc.high < 0.5


def test_a_source_of_positives_alone_is_judged_against_negatives_that_were_not_fitted_on(tmp_path: Path) -> None:
    cases = [*two_sources(50, 50), *(film(number, 1, "c", split="external") for number in range(40))]
    told = answers_of(cases)[:, np.newaxis] * (np.arange(30) == 0)
    rows = studied(tmp_path, cases, noise(cases) + 2.0 * told).source_held_out
    row = next(row for row in rows if row.source == "c against the others")
    assert (row.fitted_on, row.fitted_cases, row.cases, row.patients) == (("a", "b"), 200, 140, 140)
    assert row.auroc.low > 0.7
    assert row.control.low < 0.5 < row.control.high
    assert np.isnan(row.inside.estimate)
    # Random features rank nothing: fitted-on negatives would be told from the strange positives.
    rows = studied(tmp_path / "noise", cases, noise(cases, 100)).source_held_out
    row = next(row for row in rows if row.source == "c against the others")
    assert row.auroc.low < 0.5 < row.auroc.high


def test_external_cases_are_judged_and_never_fitted_on(tmp_path: Path) -> None:
    cases = two_sources(50, 50)
    values = noise(cases) + 2.0 * answers_of(cases)[:, np.newaxis]
    outside = [replace(case, split="external") if case.source == "b" else case for case in cases]
    turned = [
        replace(case, labels={"pneumonia": 1 - int(case.labels["pneumonia"] or 0)}) if case.source == "b" else case
        for case in outside
    ]
    found = [studied(tmp_path / str(number), part, values) for number, part in enumerate((outside, turned))]
    assert found[0].cross_validation == found[1].cross_validation
    assert [row.source for row in found[0].source_held_out] == ["b"]
    assert np.isnan(found[0].source_held_out[0].inside.estimate)
    assert found[0].source_held_out[0].auroc.estimate == pytest.approx(1 - found[1].source_held_out[0].auroc.estimate)


def test_what_is_not_annotated_is_not_counted(tmp_path: Path) -> None:
    cases = [replace(film(number, number % 2 if number < 60 else None)) for number in range(100)]
    found = studied(tmp_path, cases, noise(cases))
    assert {row.cases for row in found.cross_validation} == {60}
    assert {row.question for row in found.cross_validation} == {"pneumonia"}


def slices(patients: int = 40, images: int = 12) -> list[Case]:
    random = np.random.default_rng(1)
    return [
        replace(
            film(patient * images + place, int(4 <= place + random.normal() < 8), patient=str(patient)),
            slice_index=place,
        )
        for patient in range(patients)
        for place in range(images)
    ]


def test_the_position_of_a_slice_is_judged_beside_the_result(tmp_path: Path) -> None:
    cases = slices()
    (row,) = studied(tmp_path, cases, noise(cases), cases[:120]).slice_position
    assert (row.cases, row.patients) == (480, 40)
    assert row.auroc.low > 0.8
    assert row.on_scored.estimate > 0.8
    shuffle = np.random.default_rng(2).permutation(len(cases))
    mixed = [replace(case, slice_index=cases[place].slice_index) for case, place in zip(cases, shuffle, strict=True)]
    (row,) = studied(tmp_path / "mixed", mixed, noise(cases)).slice_position
    assert row.auroc.low < 0.5 < row.auroc.high
    assert np.isnan(row.on_scored.estimate)


def test_exclusive_labels_are_asked_for_any_finding_and_for_the_type() -> None:
    names = ["no_tumour", "glioma", "pituitary"] * 20
    cases = [Case(path=str(number), possible=frozenset({name})) for number, name in enumerate(names)]
    unsure = [Case(path=f"u{number}", possible=frozenset({"glioma", "meningioma"})) for number in range(5)]
    first, second = asked(MRI, [*cases, *unsure])
    assert (first.name, len(first.rows), int(first.answers.sum())) == ("any finding", 65, 45)
    assert (second.name, len(second.rows), second.labels) == ("type", 40, ("glioma", "meningioma", "pituitary"))


@pytest.mark.parametrize("seed", range(20))
def test_no_patient_stands_in_two_folds(seed: int) -> None:
    random = np.random.default_rng(seed)
    cases = [film(number, int(random.integers(2)), patient=str(random.integers(60))) for number in range(200)]
    wrong = [replace(case, fold=int(random.integers(5))) for case in cases]  # a manifest whose folds cut patients
    for part in (partition(cases, np.ones(200, bool), seed), partition(wrong, np.ones(200, bool), seed)):
        assert not part.given
        assert len(set(zip(part.patients.tolist(), part.folds.tolist(), strict=True))) == len(
            set(part.patients.tolist())
        )


def test_shuffled_answers_are_as_many_in_every_source_and_stay_together_in_a_patient() -> None:
    patients = np.repeat(np.arange(40), 3)
    sources = np.where(patients < 20, "a", "b")
    answers = (patients % 2 == 0).astype(int)
    found = shuffled(answers, patients, sources, np.random.default_rng(0))
    assert [found[sources == name].sum() for name in "ab"] == [answers[sources == name].sum() for name in "ab"]
    assert all(len(set(found[patients == patient].tolist())) == 1 for patient in range(40))
    assert (found != answers).any()


def test_the_same_data_give_the_same_studies_and_what_is_kept_is_used(tmp_path: Path) -> None:
    cases, values = series(30)
    first = studied(tmp_path, cases, values)
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "work").iterdir()}
    again = studied(tmp_path, cases, values)
    assert json.dumps(asdict(first)) == json.dumps(asdict(again))
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "work").iterdir()} == kept
    assert json.dumps(asdict(first)) == json.dumps(asdict(studied(tmp_path / "anew", cases, values)))


def test_a_network_without_features_and_one_source_are_noted(tmp_path: Path) -> None:
    cases = [film(number, number % 2) for number in range(60)]
    found = studied(tmp_path, cases, noise(cases), own=False)
    assert any("gives no feature map" in note for note in found.notes)
    assert any("one source only" in note for note in found.notes)
    assert any("no slice_index" in note for note in found.notes)
    assert (found.source_probe.answers, found.source_held_out) == ((), ())


def test_one_patient_cannot_be_cut_and_two_can(tmp_path: Path) -> None:
    cases = [film(number, number % 2, patient="one") for number in range(60)]
    found = studied(tmp_path, cases, noise(cases))
    assert (found.cross_validation, found.random_labels, found.source_probe.recognitions) == ((), (), ())
    more = [*cases, replace(film(61, 1, patient="two"))]
    rows = studied(tmp_path / "two", more, noise(more)).cross_validation
    assert {row.patients for row in rows} == {2}


def test_a_large_data_set_without_patients_but_with_folds_is_still_cut(tmp_path: Path) -> None:
    cases = [replace(film(number, number % 2), patient_id="", fold=number % 2) for number in range(4600)]
    rows = studied(tmp_path, cases, noise(cases, 6)).random_labels
    assert [(row.cases, row.holds) for row in rows] == [(2000, True)]


def test_too_few_cases_leave_the_studies_empty(tmp_path: Path) -> None:
    cases = [film(number, number % 2) for number in range(8)]
    found = studied(tmp_path, cases, noise(cases))
    assert (found.cross_validation, found.random_labels) == ((), ())
    assert any("nothing was fitted" in note for note in found.notes)
