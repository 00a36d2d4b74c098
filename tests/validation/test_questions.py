"""What a study asks, and of which cases."""

from __future__ import annotations

import numpy as np
import pytest

from radiolens.data.manifest import Case
from radiolens.prediction import Presence, decide
from radiolens.validation.questions import ANY_FINDING, Scored, parts_by_source, questions, truth
from tests.validation.scored_cases import CHEST, MRI, THRESHOLDS, chest, grey_pictures, slices


def test_cases_that_are_not_annotated_stand_in_no_question() -> None:
    scored = chest()
    asked = {(question.name, question.source): question for question in questions(CHEST, scored, THRESHOLDS)}
    assert ("pneumonia", "adults") not in asked
    assert ("tuberculosis", "children") not in asked
    children = [row for row, case in enumerate(scored.cases) if case.source == "children"]
    np.testing.assert_array_equal(asked["pneumonia", "children"].rows, children)


def test_truth_scores_and_patients_are_those_of_the_rows() -> None:
    scored = chest()
    for question in questions(CHEST, scored, THRESHOLDS):
        column = CHEST.label_names.index(question.name)
        for place, row in enumerate(question.rows):
            assert question.truth[place] == scored.cases[row].labels[question.name]
            assert question.scores[place] == scored.probabilities[row, column]
        patients = {scored.cases[row].patient_id for row in question.rows}
        assert len(np.unique(question.groups)) == len(patients)


def test_the_decision_counted_is_the_one_served() -> None:
    scored = chest()
    for question in questions(CHEST, scored, THRESHOLDS):
        for place, row in enumerate(question.rows):
            named = dict(zip(CHEST.label_names, scored.probabilities[row].tolist(), strict=True))
            served = {finding.label: finding.presence for finding in decide(named, THRESHOLDS, exclusive=False)}
            assert question.called[place] == (served[question.name] is Presence.PRESENT)


def test_a_label_without_threshold_is_not_asked() -> None:
    asked = questions(CHEST, chest(), {"tuberculosis": 0.3})
    assert {question.name for question in asked} == {"tuberculosis"}


def test_all_stands_before_the_sources_if_there_are_several_that_tell() -> None:
    cases = slices(["glioma", "glioma"], "web") + slices(["glioma"], "figshare")
    both = parts_by_source(cases, np.ones(3, bool))
    assert [(name, rows.tolist()) for name, rows in both] == [("all", [0, 1, 2]), ("figshare", [2]), ("web", [0, 1])]
    alone = parts_by_source(cases, np.asarray([True, False, False]))
    assert [(name, rows.tolist()) for name, rows in alone] == [("web", [0])]


@pytest.mark.parametrize(
    ("possible", "expected"),
    [
        ("glioma", 1),
        ("glioma|meningioma|pituitary", 1),
        ("no_tumour", 0),
        ("glioma|no_tumour", -1),
        ("", -1),
    ],
)
def test_a_case_tells_whether_there_is_a_tumour_if_all_its_labels_are_on_one_side(possible: str, expected: int) -> None:
    assert truth(MRI, ANY_FINDING, slices([possible])).tolist() == [expected]


def test_the_score_of_any_tumour_is_the_sum_of_the_types() -> None:
    probabilities = np.asarray([[0.2, 0.2, 0.2, 0.4], [0.1, 0.1, 0.1, 0.7]])
    scored = Scored(slices(["glioma|meningioma|pituitary", "no_tumour"]), probabilities, grey_pictures(2))
    (question,) = questions(MRI, scored, dict.fromkeys(MRI.label_names, 0.5))
    np.testing.assert_allclose(question.scores, [0.6, 0.3])
    assert question.called.tolist() == [True, False]
    assert question.truth.tolist() == [True, False]


def abroad() -> Scored:
    """Return tuberculosis of one country alone, films of another with both answers, and films without annotation."""
    told: list[tuple[str, int | None, int | None]] = [
        ("abroad", None, 1),
        ("abroad", None, 1),
        ("clinic", 0, 0),
        ("clinic", None, 1),
        ("clinic", 1, 0),
        ("school", 0, None),
        ("school", 1, None),
        ("school", None, None),
    ]
    cases = tuple(
        Case(path=f"{number}.png", source=source, labels={"pneumonia": pneumonia, "tuberculosis": tuberculosis})
        for number, (source, pneumonia, tuberculosis) in enumerate(told)
    )
    return Scored(cases, np.linspace(0.1, 0.9, 2 * len(cases)).reshape(-1, 2), grey_pictures(len(cases)))


def test_positives_alone_are_judged_against_the_normal_films_of_each_other_source_and_of_all() -> None:
    asked = [question for question in questions(CHEST, abroad(), THRESHOLDS) if question.name == "tuberculosis"]
    rows = {question.source: question.rows.tolist() for question in asked}
    assert rows == {
        "all": [0, 1, 2, 3, 4],
        "abroad": [0, 1],
        "clinic": [2, 3, 4],
        "abroad against all": [0, 1, 2, 4, 5],
        "abroad against clinic": [0, 1, 2, 4],
        "abroad against school": [0, 1, 5],
    }


def test_only_the_positives_of_such_a_question_have_the_finding() -> None:
    for question in questions(CHEST, abroad(), THRESHOLDS):
        if question.source.startswith("abroad against"):
            assert question.truth.tolist() == [row < 2 for row in question.rows]


def test_a_tumour_source_without_normal_slices_is_judged_against_those_of_the_other() -> None:
    cases = slices(["glioma", "pituitary"], "figshare") + slices(["no_tumour", "glioma"], "web")
    scored = Scored(cases, np.full((4, 4), 0.25), grey_pictures(4))
    asked = {question.source: question for question in questions(MRI, scored, {})}
    assert list(asked) == ["all", "figshare", "web", "figshare against web"]
    assert asked["figshare against web"].rows.tolist() == [0, 1, 2]


def test_each_case_may_have_a_threshold_of_its_own() -> None:
    scored = chest(40)
    own = {name: np.where(np.arange(40) < 20, 0.3, 0.7) for name in THRESHOLDS}
    for question in questions(CHEST, scored, own):
        expected = own[question.name][question.rows]
        assert question.threshold == pytest.approx(expected.mean())
        assert question.called.tolist() == (question.scores >= expected).tolist()
        assert question.own_thresholds is not None
        assert question.own_thresholds.tolist() == expected.tolist()


def test_the_same_threshold_for_each_case_decides_as_one_for_all() -> None:
    scored = chest(40)
    own = {name: np.full(40, threshold) for name, threshold in THRESHOLDS.items()}
    for each, shared in zip(questions(CHEST, scored, own), questions(CHEST, scored, THRESHOLDS), strict=True):
        assert (each.name, each.source, each.threshold) == (shared.name, shared.source, pytest.approx(shared.threshold))
        assert each.called.tolist() == shared.called.tolist()
