"""A whole study, without a network."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from sklearn import metrics

from radiolens.data.manifest import Case
from radiolens.evaluation.controls import border_brightness_features
from radiolens.validation.questions import Scored
from radiolens.validation.results import as_json
from radiolens.validation.study import Binary, ControlPart, Plan, Study, measure
from tests.validation.scored_cases import CHEST, MRI, THRESHOLDS, chest, grey_pictures, slices

PLAN = Plan(seed=1, resamples=50, trees=20)
TYPES = ["glioma", "meningioma", "pituitary"]


@pytest.fixture(scope="module")
def study() -> Study:
    return measure(CHEST, chest(), THRESHOLDS, PLAN)


def row(study: Study, question: str, source: str) -> Binary:
    (found,) = (entry for entry in study.binary if (entry.question, entry.source) == (question, source))
    return found


def test_a_row_holds_the_figures_of_its_source(study: Study) -> None:
    scored = chest()
    rows = [number for number, case in enumerate(scored.cases) if case.source == "children"]
    truth = [scored.cases[number].labels["pneumonia"] for number in rows]
    scores = scored.probabilities[rows, 0]
    found = row(study, "pneumonia", "children")
    assert found.auroc.estimate == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert found.auprc.estimate == pytest.approx(metrics.average_precision_score(truth, scores))
    assert found.sensitivity.estimate == pytest.approx(metrics.recall_score(truth, scores >= 0.5))
    assert found.ppv.estimate == pytest.approx(metrics.precision_score(truth, scores >= 0.5))
    assert found.f1 == pytest.approx(metrics.f1_score(truth, scores >= 0.5))
    assert found.brier_score == pytest.approx(metrics.brier_score_loss(truth, scores))
    assert (found.positives + found.negatives, found.patients) == (len(rows), len(rows) // 2)


def test_the_mean_over_sources_counts_each_source_the_same() -> None:
    # Ten times as many films of one source, of which the worse half is called wrongly.
    first, second = chest(200, seed=1), chest(20 * 4, seed=2)
    one = tuple(replace(case, source="one", labels=both(case)) for case in first.cases)
    two = tuple(
        replace(case, source="two", patient_id=f"b{case.patient_id}", path=f"b{case.path}", labels=both(case))
        for case in second.cases
    )
    probabilities = np.concatenate([first.probabilities, second.probabilities])
    found = measure(CHEST, Scored((*one, *two), probabilities, grey_pictures(280)), {"pneumonia": 0.5}, PLAN)
    means = {entry.measure: entry for entry in found.averages}
    assert list(means) == ["auroc", "sensitivity", "specificity"]
    for measured, average in means.items():
        each = [getattr(row(found, "pneumonia", source), measured).estimate for source in ("one", "two")]
        assert average.sources == ("one", "two")
        assert average.interval.estimate == pytest.approx(np.mean(each))
        assert average.interval.low < average.interval.estimate < average.interval.high


def both(case: Case) -> dict[str, int | None]:
    """Return labels with pneumonia annotated, whichever of the two findings was."""
    told = case.labels["pneumonia"]
    return {"pneumonia": case.labels["tuberculosis"] if told is None else told, "tuberculosis": None}


def test_ages_sexes_and_views_are_judged_apart_where_a_source_tells_two_of_them() -> None:
    scored = chest(80)
    cases = tuple(
        replace(case, age=None if number % 20 == 0 else 10.0 + number, sex="F" if number % 3 else "M", view="PA")
        if case.source == "children"
        else case
        for number, case in enumerate(scored.cases)
    )
    found = measure(CHEST, replace(scored, cases=cases), THRESHOLDS, PLAN)
    assert [(entry.question, entry.source, entry.attribute) for entry in found.subgroups] == [
        ("pneumonia", "children", "age"),
        ("pneumonia", "children", "sex"),
    ]
    age, sex = found.subgroups
    assert [group.name for group in age.groups] == ["0 to 17", "18 to 59", "60 and older"]
    told = [case for case in cases if case.source == "children" and case.age is not None]
    assert sum(group.support for group in age.groups) == len(told)
    women = [number for number, case in enumerate(cases) if case.source == "children" and case.sex == "F"]
    truth = [cases[number].labels["pneumonia"] for number in women]
    expected = metrics.roc_auc_score(truth, scored.probabilities[women, 0])
    assert (sex.groups[0].name, sex.groups[0].interval.estimate) == ("F", pytest.approx(expected))


def test_a_source_without_enough_cases_of_a_class_is_left_out_of_the_mean() -> None:
    scored = chest(160)
    cases = tuple(
        replace(case, source="sick" if case.labels["pneumonia"] == 1 else "mixed")
        if case.labels["pneumonia"] is not None and number < 80
        else replace(case, source="rest")
        for number, case in enumerate(scored.cases)
    )
    found = measure(CHEST, replace(scored, cases=cases), {"pneumonia": 0.5}, PLAN)
    assert {entry.measure: entry.sources for entry in found.averages} == {
        "sensitivity": ("rest", "sick"),
        "specificity": ("mixed", "rest"),
    }


def test_every_estimate_lies_within_its_interval(study: Study) -> None:
    for entry in study.binary:
        intervals = (entry.auroc, entry.auroc_clustered, entry.auprc, entry.sensitivity, entry.specificity, entry.npv)
        for interval in intervals:
            assert interval.low <= interval.estimate <= interval.high


def test_beside_every_auroc_stands_a_control_which_noise_leaves_at_chance(study: Study) -> None:
    for entry in study.binary:
        assert 0.2 < entry.controls.out_of_fold.estimate < 0.8
        assert entry.controls.difference.estimate == pytest.approx(
            entry.auroc.estimate - entry.controls.out_of_fold.estimate
        )
        assert isnan(entry.controls.trained.estimate)


def test_the_same_input_gives_the_same_study_and_another_seed_another() -> None:
    first, second, other = (
        as_json(measure(CHEST, chest(40), THRESHOLDS, replace(PLAN, seed=seed))) for seed in (1, 1, 2)
    )
    assert first == second
    assert first["binary"] != other["binary"]


def test_a_source_with_positives_alone_has_a_sensitivity_and_no_auroc() -> None:
    scored = chest()
    sick = [number for number, case in enumerate(scored.cases) if case.labels["tuberculosis"] == 1]
    cases = tuple(replace(scored.cases[number], source="abroad") for number in sick)
    found = measure(CHEST, Scored(cases, scored.probabilities[sick], scored.grey[sick]), THRESHOLDS, PLAN)
    (entry,) = found.binary
    assert entry.sensitivity.estimate > 0.5
    assert isnan(entry.auroc.estimate)
    assert isnan(entry.specificity.estimate)
    assert isnan(entry.controls.out_of_fold.estimate)
    assert entry.risk_coverage.area.low < entry.risk_coverage.area.estimate < entry.risk_coverage.area.high


def test_a_study_is_valid_json_in_which_what_is_not_defined_is_null(study: Study) -> None:
    content = json.loads(json.dumps(as_json(study), allow_nan=False))
    assert content["settings"] == {"seed": 1, "resamples": 50, "trees": 20, "cases": 120}
    first = content["binary"][0]
    assert first["controls"]["trained"]["estimate"] is None
    assert first["auroc"]["method"] == "DeLong, logit"


def with_mark(case: Case, grey: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    if case.labels["pneumonia"] == 1 or case.labels["tuberculosis"] == 1:
        grey[:3] = 255


def test_a_mark_at_the_border_is_found_by_the_control_of_the_training_part() -> None:
    scored, training = chest(80, seed=1), chest(200, seed=2)
    for part in (scored, training):
        for case, grey in zip(part.cases, part.grey, strict=True):
            with_mark(case, grey)
    others = tuple(
        replace(case, patient_id=f"training-{case.patient_id}", path=f"t{case.path}") for case in training.cases
    )
    part = ControlPart(others, border_brightness_features(training.grey))
    found = measure(CHEST, scored, THRESHOLDS, PLAN, part)
    for entry in found.binary:
        assert entry.controls.trained.estimate == 1.0
        assert entry.controls.out_of_fold.estimate > 0.95
        assert entry.controls.difference.high < 0.05
    # 200 films, of which the half with this finding annotated come from the same source.
    assert row(found, "pneumonia", "children").controls.trained_on == "100 training cases, source children"


def test_training_cases_of_scored_patients_are_left_out_of_the_control() -> None:
    scored = chest(40)
    part = ControlPart(scored.cases, border_brightness_features(scored.grey))
    found = measure(CHEST, scored, THRESHOLDS, PLAN, part)
    assert all(isnan(entry.controls.trained.estimate) for entry in found.binary)
    assert found.binary[0].controls.trained_on == "0 training cases, source all"


def test_progress_counts_the_questions() -> None:
    told: list[tuple[int, int]] = []
    measure(CHEST, chest(16), THRESHOLDS, PLAN, progress=lambda done, total: told.append((done, total)))
    assert told == [(number, len(told)) for number in range(1, len(told) + 1)]


def exclusive() -> Scored:
    """Return 40 slices of each label of web and 40 gliomas of figshare; every tenth is taken for no tumour."""
    names = [name for name in MRI.label_names for _ in range(40)]
    cases = slices(names, "web") + slices(["glioma"] * 40, "figshare") + slices(["|".join(TYPES)] * 10, "web/unknown")
    probabilities = np.full((len(cases), 4), 0.1)
    for number, case in enumerate(cases):
        name = min(case.possible) if number % 10 else "no_tumour"
        probabilities[number, MRI.label_names.index(name)] = 0.7
    return Scored(cases, probabilities, grey_pictures(len(cases)))


@pytest.fixture(scope="module")
def mri_study() -> Study:
    return measure(MRI, exclusive(), dict.fromkeys(MRI.label_names, 0.5), PLAN)


def test_types_are_judged_among_cases_of_one_known_type_and_no_tumour_is_a_wrong_answer(mri_study: Study) -> None:
    by_source = {entry.source: entry for entry in mri_study.types}
    assert list(by_source) == ["all", "figshare", "web"]
    assert by_source["web"].labels == tuple(TYPES)
    assert by_source["web"].answers == (*TYPES, "no_tumour")
    assert by_source["web"].confusion == ((36, 0, 0, 4), (0, 36, 0, 4), (0, 0, 36, 4))
    # Sensitivity 0.9, PPV 1, of each type that occurs.
    assert by_source["web"].macro_f1.estimate == pytest.approx(2 * 0.9 / 1.9)
    assert by_source["figshare"].macro_f1.estimate == pytest.approx(2 * 0.9 / 1.9)
    assert by_source["figshare"].cases == 40


def test_any_tumour_counts_the_slices_of_unknown_type_too(mri_study: Study) -> None:
    (unknown,) = (entry for entry in mri_study.binary if entry.source == "web/unknown")
    assert (unknown.question, unknown.positives, unknown.negatives) == ("any finding", 10, 0)
    assert unknown.sensitivity.estimate == 0.9


def test_a_class_of_one_patient_has_no_control_and_no_difference() -> None:
    scored = chest(40)
    cases = tuple(
        replace(case, patient_id="the only one") if case.labels["pneumonia"] == 1 else case for case in scored.cases
    )
    found = measure(CHEST, replace(scored, cases=cases), {"pneumonia": 0.5}, PLAN)
    (entry,) = found.binary
    assert isnan(entry.controls.out_of_fold.estimate)
    assert isnan(entry.controls.difference.estimate)
    assert entry.auroc.estimate > 0.5


def test_a_row_holds_readings_of_the_roc_curve_at_each_share_asked_for(study: Study) -> None:
    for entry in study.binary:
        for points in (entry.sensitivity_at_specificity, entry.specificity_at_sensitivity):
            assert [point.required for point in points] == [0.80, 0.90, 0.95]
            estimates = [point.interval.estimate for point in points]
            assert estimates == sorted(estimates, reverse=True)
            assert all(point.interval.low <= point.interval.estimate <= point.interval.high for point in points)


def test_a_row_holds_curves_of_few_points(study: Study) -> None:
    for entry in study.binary:
        count = entry.positives + entry.negatives
        assert sum(entry.histogram.positives) == entry.positives
        assert sum(entry.histogram.negatives) == entry.negatives
        assert len(entry.decision_curve) <= 100
        prevalence = entry.positives / count
        assert entry.decision_curve[0].treat_all == pytest.approx(prevalence - (1 - prevalence) * 0.02 / 0.98)
        errors = entry.counts.false_positives + entry.counts.false_negatives
        assert entry.risk_coverage.points[-1].risk == pytest.approx(errors / count)
        assert entry.risk_coverage.points[0].risk < errors / count
        assert 0 < entry.risk_coverage.excess < entry.risk_coverage.area.estimate


def test_shares_of_patients_with_several_images_have_wider_intervals_than_the_images_would() -> None:
    scored = chest(160)
    # What one film of a patient is called the next is called, too: two films tell as much as one.
    pairs = np.repeat(scored.probabilities[::2], 2, axis=0)
    found = measure(CHEST, replace(scored, probabilities=pairs), {"pneumonia": 0.5}, PLAN)
    alone = tuple(replace(case, patient_id="") for case in scored.cases)
    images = measure(CHEST, Scored(alone, pairs, scored.grey), {"pneumonia": 0.5}, PLAN)
    for each, other in zip(found.binary, images.binary, strict=True):
        assert (each.patients, other.patients) == (each.positives // 2 + each.negatives // 2, other.positives * 2)
        for name in ("sensitivity", "specificity", "ppv", "npv"):
            own, naive = getattr(each, name), getattr(other, name)
            assert own.estimate == naive.estimate
            assert own.high - own.low > 1.2 * (naive.high - naive.low)


def test_cases_of_a_cross_validation_are_judged_by_their_own_thresholds() -> None:
    scored = chest(80)
    own = np.where(np.arange(80) < 40, 0.3, 0.7)
    (entry,) = measure(CHEST, scored, {"pneumonia": own}, PLAN).binary
    rows = [number for number, case in enumerate(scored.cases) if case.labels["pneumonia"] is not None]
    truth = [scored.cases[number].labels["pneumonia"] for number in rows]
    called = scored.probabilities[rows, 0] >= own[rows]
    assert entry.threshold == pytest.approx(own[rows].mean())
    assert entry.sensitivity.estimate == pytest.approx(metrics.recall_score(truth, called))
    assert entry.risk_coverage.points[-1].risk == pytest.approx(np.mean(called != truth))


def test_a_question_of_all_sources_is_told_apart_by_source_with_the_worst_named() -> None:
    scored = chest(120)
    # The second source is called wrongly where it is ill.
    cases = tuple(
        replace(case, source="good" if number < 60 else "bad", labels=both(case))
        for number, case in enumerate(scored.cases)
    )
    ill = np.asarray([case.labels["pneumonia"] == 1 for case in cases])
    probabilities = np.where(ill, 0.9, 0.1)[:, np.newaxis] * np.ones((1, 2))
    probabilities[60::2][ill[60::2]] = 0.2
    probabilities[:5][~ill[:5]] = 0.6
    found = measure(CHEST, Scored(cases, probabilities, scored.grey), {"pneumonia": 0.5}, PLAN)
    (entry,) = found.subgroups
    assert (entry.source, entry.attribute) == ("all", "source")
    assert [group.name for group in entry.groups] == ["bad", "good"]
    assert (entry.lowest_sensitivity, entry.lowest_specificity) == ("bad", "good")
    bad = entry.groups[0]
    assert (bad.support, bad.positives, bad.patients) == (60, int(ill[60:].sum()), 30)
    assert bad.sensitivity.estimate == 0.5
    assert bad.specificity.estimate == 1.0


def test_a_worst_group_is_named_only_among_groups_of_ten_cases_of_the_class() -> None:
    scored = chest(80)
    cases = tuple(replace(case, sex="F" if number < 10 else "M") for number, case in enumerate(scored.cases))
    found = measure(CHEST, replace(scored, cases=cases), THRESHOLDS, PLAN)
    assert [entry.attribute for entry in found.subgroups] == ["sex", "sex"]
    for entry in found.subgroups:
        assert (entry.lowest_auroc, entry.lowest_sensitivity, entry.lowest_specificity) == ("", "", "")
