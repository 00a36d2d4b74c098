"""Two bundles on the same cases."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics
from statsmodels.stats import contingency_tables
from statsmodels.stats.multitest import multipletests

from radiolens.evaluation.intervals import auroc_difference_interval, auroc_difference_p_value
from radiolens.validation.comparison import Compared, Comparison, compare
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Question, Scored, questions
from radiolens.validation.results import plain_json
from tests.validation.scored_cases import CHEST, MRI, THRESHOLDS, chest, grey_pictures, slices

PLAN = Plan(seed=1, resamples=50)
KINDS = ("right", "sensitivity", "specificity")


def worse(scored: Scored, seed: int = 7) -> Scored:
    """Return the same cases with answers to which noise was added."""
    random = np.random.default_rng(seed)
    logits = np.log(scored.probabilities / (1 - scored.probabilities)) + random.normal(0, 2, scored.probabilities.shape)
    return replace(scored, probabilities=1 / (1 + np.exp(-logits)))


@pytest.fixture(scope="module")
def pair() -> tuple[Scored, Scored]:
    return chest(240), worse(chest(240))


@pytest.fixture(scope="module")
def found(pair: tuple[Scored, Scored]) -> Comparison:
    return compare(CHEST, *pair, THRESHOLDS, THRESHOLDS, PLAN, ("new 2.0", "old 1.0"))


def asked(pair: tuple[Scored, Scored]) -> list[tuple[Question, Question]]:
    first, second = (questions(CHEST, scored, THRESHOLDS) for scored in pair)
    return list(zip(first, second, strict=True))


def right(question: Question) -> NDArray[np.bool_]:
    return np.asarray(question.called == question.truth)


def test_it_says_which_two_on_how_many_cases(found: Comparison) -> None:
    assert (found.first, found.second, found.cases, found.left_out) == ("new 2.0", "old 1.0", 240, ())
    assert [(row.question, row.source) for row in found.rows] == [
        ("pneumonia", "children"),
        ("tuberculosis", "adults"),
    ]


def test_a_row_holds_the_areas_of_both_and_their_paired_difference(
    pair: tuple[Scored, Scored], found: Comparison
) -> None:
    for row, (first, second) in zip(found.rows, asked(pair), strict=True):
        areas = [metrics.roc_auc_score(first.truth, question.scores) for question in (first, second)]
        assert [row.first_auroc.estimate, row.second_auroc.estimate] == pytest.approx(areas)
        assert row.difference == auroc_difference_interval(first.truth, first.scores, second.scores)
        assert row.p_value == auroc_difference_p_value(first.truth, first.scores, second.scores)
        assert row.difference_clustered.estimate == pytest.approx(areas[0] - areas[1])
        assert row.difference_clustered.low > 0  # the noise is found


def test_the_decisions_are_tested_on_all_cases_on_positives_and_on_negatives(
    pair: tuple[Scored, Scored], found: Comparison
) -> None:
    for row, (first, second) in zip(found.rows, asked(pair), strict=True):
        parts = {"right": np.ones(first.truth.size, bool), "sensitivity": first.truth, "specificity": ~first.truth}
        for kind, part in parts.items():
            one, other = right(first)[part], right(second)[part]
            table = [[np.sum(one & other), np.sum(one & ~other)], [np.sum(~one & other), np.sum(~one & ~other)]]
            expected = contingency_tables.mcnemar(table, exact=True).pvalue
            assert getattr(row, kind).test.p_value == pytest.approx(expected)


def test_p_values_of_each_kind_of_test_are_corrected_over_all_rows(found: Comparison) -> None:
    areas = [row.p_value for row in found.rows]
    assert [row.corrected_p_value for row in found.rows] == pytest.approx(multipletests(areas, method="holm")[1])
    for kind in KINDS:
        tests = [getattr(row, kind) for row in found.rows]
        expected = multipletests([test.test.p_value for test in tests], method="holm")[1]
        assert [test.corrected_p_value for test in tests] == pytest.approx(expected)


def test_turned_round_it_says_the_opposite(pair: tuple[Scored, Scored], found: Comparison) -> None:
    turned = compare(CHEST, pair[1], pair[0], THRESHOLDS, THRESHOLDS, PLAN)
    for one, other in zip(found.rows, turned.rows, strict=True):
        assert other.difference.estimate == pytest.approx(-one.difference.estimate)
        assert other.p_value == pytest.approx(one.p_value)
        assert other.right.test.only_first == one.right.test.only_second


def test_a_bundle_against_itself_differs_in_nothing(pair: tuple[Scored, Scored]) -> None:
    rows = compare(CHEST, pair[0], pair[0], THRESHOLDS, THRESHOLDS, PLAN).rows
    for row in rows:
        assert (row.difference.estimate, row.p_value, row.corrected_p_value) == (0.0, 1.0, 1.0)
        assert (row.difference_clustered.low, row.difference_clustered.high) == (0.0, 0.0)
        assert [getattr(row, kind).test.p_value for kind in KINDS] == [1.0, 1.0, 1.0]


def test_each_bundle_is_judged_by_its_own_thresholds(pair: tuple[Scored, Scored]) -> None:
    low = dict.fromkeys(THRESHOLDS, 0.0)
    for row in compare(CHEST, pair[0], pair[0], THRESHOLDS, low, PLAN).rows:
        assert row.second_sensitivity.estimate == 1.0
        assert row.second_specificity.estimate == 0.0
        assert row.specificity.test.only_second == 0
        assert row.specificity.corrected_p_value < 0.001 < row.p_value


def test_a_finding_that_only_one_of_them_knows_is_left_out_and_named(pair: tuple[Scored, Scored]) -> None:
    found = compare(CHEST, *pair, THRESHOLDS, {"tuberculosis": 0.5}, PLAN)
    assert [row.question for row in found.rows] == ["tuberculosis"]
    assert found.left_out == ("pneumonia",)


def test_of_too_few_cases_of_a_class_only_decisions_are_compared(pair: tuple[Scored, Scored]) -> None:
    def few(scored: Scored) -> Scored:
        kept = [number for number, case in enumerate(scored.cases) if case.labels["pneumonia"] == 1]
        cases = tuple(scored.cases[number] for number in kept)
        return Scored(cases, scored.probabilities[kept], scored.grey[kept])

    (row,) = compare(CHEST, few(pair[0]), few(pair[1]), THRESHOLDS, THRESHOLDS, PLAN).rows
    assert all(isnan(value) for value in (row.p_value, row.corrected_p_value, row.difference.estimate))
    assert isnan(row.specificity.test.p_value)
    assert 0 < row.sensitivity.test.p_value <= 1


@pytest.fixture(scope="module")
def exclusive() -> tuple[Scored, Scored]:
    """Return slices of two sources with answers that are mostly right, and with random ones."""
    names = [name for name in MRI.label_names for _ in range(20)]
    cases = slices(names, "web") + slices(["glioma", "pituitary"] * 15, "figshare")
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), len(cases))
    random = Scored(cases, probabilities, grey_pictures(len(cases)))
    told = np.asarray([[name in case.possible for name in MRI.label_names] for case in cases])
    return replace(random, probabilities=0.6 * told + 0.4 * probabilities), random


def test_an_exclusive_task_is_compared_by_any_finding(exclusive: tuple[Scored, Scored]) -> None:
    thresholds = dict.fromkeys(MRI.label_names, 0.5)
    found = compare(MRI, *exclusive, thresholds, thresholds, PLAN)
    assert {row.question for row in found.rows} == {"any finding"}
    assert {row.source: row.positives for row in found.rows}["web"] == 60


def test_an_exclusive_task_is_also_compared_by_the_types_that_are_named(exclusive: tuple[Scored, Scored]) -> None:
    thresholds = dict.fromkeys(MRI.label_names, 0.5)
    found = compare(MRI, *exclusive, thresholds, thresholds, PLAN).types
    assert [(row.source, row.cases) for row in found] == [("all", 90), ("figshare", 30), ("web", 60)]
    corrected = multipletests([row.right.test.p_value for row in found], method="holm")[1]
    assert [row.right.corrected_p_value for row in found] == pytest.approx(corrected)
    web = found[-1]
    rows = [row for row, case in enumerate(exclusive[0].cases) if case.source == "web" and row < 80]
    rows = [row for row in rows if "no_tumour" not in exclusive[0].cases[row].possible]
    truth = [min(exclusive[0].cases[row].possible) for row in rows]
    named = [np.asarray(MRI.label_names)[scored.probabilities[rows].argmax(axis=1)] for scored in exclusive]
    types = [name for name in MRI.label_names if name != "no_tumour"]
    expected = [metrics.f1_score(truth, names, labels=types, average="macro") for names in named]
    assert [web.first_macro_f1.estimate, web.second_macro_f1.estimate] == pytest.approx(expected)
    assert web.difference.estimate == pytest.approx(expected[0] - expected[1])
    assert web.difference.low > 0
    right = [names == np.asarray(truth) for names in named]
    assert web.right.test.only_first == np.sum(right[0] & ~right[1])


def test_other_cases_are_refused(pair: tuple[Scored, Scored]) -> None:
    with pytest.raises(ValueError, match="the same cases in the same order"):
        compare(CHEST, pair[0], chest(120), THRESHOLDS, THRESHOLDS, PLAN)


def test_it_becomes_json_in_which_what_is_not_defined_is_null(found: Comparison) -> None:
    row = replace(found.rows[0], p_value=float("nan"))
    content = json.loads(json.dumps(plain_json(replace(found, rows=(row,))), allow_nan=False))
    assert content["rows"][0]["p_value"] is None
    assert content["rows"][0]["right"]["test"]["only_first"] == row.right.test.only_first
    assert isinstance(row, Compared)
