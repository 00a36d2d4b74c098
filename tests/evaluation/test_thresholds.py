"""Thresholds against an exhaustive search and worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.metrics import roc_curve
from statsmodels.stats.proportion import proportion_confint

from radiolens.evaluation.cut_offs import Practice, cut_offs
from radiolens.evaluation.discrimination import confusion
from radiolens.evaluation.thresholds import (
    FEWEST_NEGATIVES,
    Criterion,
    Rule,
    choose,
    threshold_at_specificity,
    threshold_sensitive,
    threshold_youden,
)


@given(hnp.arrays(bool, 30), hnp.arrays(np.int8, 30, elements=st.integers(-9, 9)))
def test_the_youden_threshold_reaches_the_best_balanced_accuracy_of_the_roc_curve(
    labels: NDArray[np.bool_], scores: NDArray[np.int8]
) -> None:
    labels[:2] = (True, False)
    false_positive_rates, true_positive_rates, _ = roc_curve(labels, scores)
    best = (1 + (true_positive_rates - false_positive_rates).max()) / 2
    found = confusion(labels, scores >= threshold_youden(labels, scores))
    assert found.balanced_accuracy == pytest.approx(best)


@given(
    hnp.arrays(bool, 30), hnp.arrays(np.int8, 30, elements=st.integers(-9, 9)), st.sampled_from([0.1, 0.5, 0.9, 1.0])
)
def test_the_sensitivity_asked_for_is_reached_and_no_higher_threshold_reaches_it(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], sensitivity: float
) -> None:
    labels[0] = True
    points = cut_offs(labels, scores)
    place = choose(points, Rule(Criterion.SENSITIVITY, sensitivity), Practice(0.5))
    assert place is not None
    called = [scores >= score for score in np.unique(scores)]
    reached = [each for each in called if confusion(labels, each).sensitivity >= sensitivity - 1e-12]
    np.testing.assert_array_equal(scores >= points.thresholds[place], reached[-1])


def test_a_threshold_lies_midway_between_the_scores_it_parts() -> None:
    assert threshold_youden([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.9]) == pytest.approx(0.3)
    assert threshold_at_specificity([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.9], 1.0) == pytest.approx(0.3)
    assert threshold_at_specificity([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.9], 0.5) == pytest.approx(0.15)


def test_nine_of_ten_negatives_are_ninety_percent() -> None:
    assert threshold_at_specificity(np.zeros(10), np.arange(10.0), 0.9) == 8.5


def test_of_two_equally_good_thresholds_the_higher_is_taken() -> None:
    # 0.35 takes the 0 at 0.5 for positive, 0.75 the 1 at 0.4 for negative, and 0.45 errs in both: two are best.
    assert threshold_youden([0, 1, 0, 1], [0.3, 0.4, 0.5, 1.0]) == pytest.approx(0.75)


@pytest.mark.parametrize(("labels", "what"), [([0, 0], "positives"), ([1, 1], "negatives")])
def test_a_threshold_of_a_single_class_is_refused(labels: list[int], what: str) -> None:
    with pytest.raises(ValueError, match=f"a threshold needs {what}"):
        threshold_youden(labels, [0.1, 0.2])


@given(hnp.arrays(bool, 20), hnp.arrays(np.int8, 20, elements=st.integers(-9, 9)), st.integers(0, 99))
def test_weights_count_a_case_as_often_as_they_say(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], seed: int
) -> None:
    labels[:2] = (True, False)
    times = np.random.default_rng(seed).integers(1, 4, 20)
    repeated = threshold_youden(np.repeat(labels, times), np.repeat(scores, times))
    assert threshold_youden(labels, scores, times) == pytest.approx(repeated)
    assert threshold_youden(labels, scores, np.full(20, 0.3)) == pytest.approx(threshold_youden(labels, scores))


def test_a_large_hospital_does_not_drown_a_small_one() -> None:
    # 90 easy negatives at 0.1 and 10 hard ones of another hospital at 0.6; positives at 0.5 and 0.9, half each.
    labels = np.repeat([0, 0, 1, 1], [90, 10, 50, 50])
    scores = np.repeat([0.1, 0.6, 0.5, 0.9], [90, 10, 50, 50])
    # Unweighted, 0.3 costs 10 of 100 alarms and 0.75 half of the positives.
    assert threshold_youden(labels, scores) == pytest.approx(0.3)
    # With each hospital's negatives weighing one half, 0.3 costs half of the alarms, 0.75 half of the positives: equal,
    # and the higher of two is taken. A little more weight on the positives' low group turns it.
    weights = np.repeat([1 / 90, 1 / 10, 1 / 50, 1 / 50], [90, 10, 50, 50])
    assert threshold_youden(labels, scores, weights) == pytest.approx(0.75)
    weights[100:150] *= 1.5
    assert threshold_youden(labels, scores, weights) == pytest.approx(0.3)


@given(
    hnp.arrays(bool, 90),
    hnp.arrays(np.int8, 90, elements=st.integers(-50, 50)),
    st.sampled_from([0.5, 0.9, 0.95]),
)
def test_the_sensitive_threshold_is_the_lowest_that_spares_the_negatives_of_every_source(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], specificity: float
) -> None:
    labels[:4] = (True, False, True, False)
    sources = np.asarray(["one", "two", "three"] * 30)
    youden = threshold_youden(labels, scores)
    found = threshold_sensitive(labels, scores, None, sources, specificity)
    groups = [scores[~labels & (sources == name)] for name in np.unique(sources)]
    large = [group for group in groups if len(group) >= FEWEST_NEGATIVES]

    assert found <= youden
    if found < youden:
        assert all((group < found).mean() >= specificity - 1e-12 for group in large)
        # Below the next negative of one source at least that source is spared no longer.
        lower = [group[group < found].max(initial=-99) for group in large]
        assert any((group < low).mean() < specificity for group, low in zip(large, lower, strict=True))


def test_a_plateau_is_left_at_its_sensitive_end() -> None:
    # Of 320 negatives 16 lie at 0.3, one at 0.9; positives from 0.8 on, but for three at 0.1. The best is 0.55.
    labels = np.repeat([0, 0, 0, 1, 1], [303, 16, 1, 3, 66])
    scores = np.concatenate([np.full(303, 0.2), np.full(16, 0.3), [0.9], np.full(3, 0.1), np.linspace(0.8, 1.0, 66)])
    home = np.full(389, "home")
    assert threshold_youden(labels, scores) == pytest.approx(0.55)
    assert threshold_sensitive(labels, scores, None, home, 0.95) == pytest.approx(0.55)  # 17 of 320 are too many
    scores[303] = 0.2
    assert threshold_sensitive(labels, scores, None, home, 0.95) == pytest.approx(0.25)  # 16 are not
    # A second hospital, whose normal films score higher, keeps it up; a handful of its films would not.
    away = np.where(np.arange(389) < 30, "away", "home")
    scores[:2] = 0.5
    assert threshold_sensitive(labels, scores, None, away, 0.95) == pytest.approx(0.65)
    few = np.where(np.arange(389) < 19, "away", "home")
    assert threshold_sensitive(labels, scores, None, few, 0.94) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "for each of 2 scores"),
        ([1.0, -1.0], "of at least 0"),
        ([1.0, np.nan], "one finite number"),
        ([0.0, 1.0], "needs negatives"),
        ([1.0, 0.0], "needs positives"),
    ],
)
def test_weights_that_say_nothing_are_refused(weights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        threshold_youden([0, 1], [0.1, 0.2], weights)
    with pytest.raises(ValueError, match=message):
        threshold_sensitive([0, 1], [0.1, 0.2], weights, ["one", "one"], 0.95)


@given(
    hnp.arrays(bool, 30), hnp.arrays(np.int8, 30, elements=st.integers(-9, 9)), st.sampled_from([0.1, 0.5, 0.9, 1.0])
)
def test_the_specificity_asked_for_is_reached_by_the_lowest_threshold_that_does(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], specificity: float
) -> None:
    labels[0] = False
    threshold = threshold_at_specificity(labels, scores, specificity)
    reached = [
        score for score in np.unique(scores) if confusion(labels, scores >= score).specificity >= specificity - 1e-12
    ]
    if not reached:
        assert threshold == np.inf
    else:
        np.testing.assert_array_equal(scores >= threshold, scores >= reached[0])


def test_a_specificity_without_negatives_is_refused() -> None:
    with pytest.raises(ValueError, match="a threshold needs negatives"):
        threshold_at_specificity([1, 1], [0.1, 0.2], 0.9)


@given(hnp.arrays(bool, 30), hnp.arrays(np.int8, 30, elements=st.integers(0, 9)), st.floats(0.01, 0.99))
def test_the_rule_by_cost_finds_the_cheapest_decision(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], prevalence: float
) -> None:
    labels[:2] = (True, False)
    practice = Practice(prevalence, cost_false_negative=7.0, cost_false_positive=2.0)
    points = cut_offs(labels, scores)
    place = choose(points, Rule(Criterion.COST), practice)

    def cost(threshold: float) -> float:
        found = confusion(labels, scores >= threshold)
        return 7 * prevalence * (1 - found.sensitivity) + 2 * (1 - prevalence) * (1 - found.specificity)

    assert place is not None
    assert cost(points.thresholds[place]) == pytest.approx(min(cost(float(score)) for score in np.unique(scores)))


@given(hnp.arrays(bool, 60), hnp.arrays(np.int8, 60, elements=st.integers(0, 30)), st.sampled_from([0.5, 0.7, 0.85]))
def test_a_lower_bound_is_reached_by_the_interval_and_not_by_the_share_alone(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], target: float
) -> None:
    labels[:2] = (True, False)
    points = cut_offs(labels, scores)
    for criterion, counts, total in (
        (Criterion.SENSITIVITY, points.true_positives, points.positives),
        (Criterion.SPECIFICITY, points.negatives - points.false_positives, points.negatives),
    ):
        low = proportion_confint(counts, total, method="wilson")[0]
        reached = np.flatnonzero(low >= target - 1e-12)
        place = choose(points, Rule(criterion, target, lower_bound=True), Practice(0.5))
        best = -1 if criterion is Criterion.SENSITIVITY else 0
        assert place == (reached[best] if reached.size else None)


def test_the_rules_choose_what_the_functions_of_one_rule_choose() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(200) < 90
    scores = np.where(labels, random.beta(3, 2, 200), random.beta(2, 3, 200))
    points, practice = cut_offs(labels, scores), Practice(0.1)
    for rule, threshold in (
        (Rule(Criterion.SPECIFICITY, 0.8), threshold_at_specificity(labels, scores, 0.8)),
        (Rule(Criterion.YOUDEN), threshold_youden(labels, scores)),
    ):
        place = choose(points, rule, practice)
        assert place is not None
        assert points.thresholds[place] == threshold


def test_the_lower_bound_is_of_the_level_that_is_asked_for() -> None:
    # 10 of 10 right: the lower bound is 0.722 at 95 %, 0.859 at 80 %.
    points = cut_offs(np.repeat([0, 1], 10), np.repeat([0.1, 0.9], 10))
    for level, place in ((0.95, None), (0.8, 1)):
        rule = Rule(Criterion.SENSITIVITY, 0.8, lower_bound=True, level=level)
        assert choose(points, rule, Practice(0.5)) == place


@pytest.mark.parametrize("target", [0.0, 1.1, float("nan")])
def test_a_target_that_is_no_share_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="the target sensitivity must be above 0 and at most 1"):
        Rule(Criterion.SENSITIVITY, target)


def test_a_lower_bound_of_a_rule_without_target_and_a_cost_without_costs_are_refused() -> None:
    with pytest.raises(ValueError, match="a lower bound is of a target sensitivity or specificity, not of youden"):
        Rule(Criterion.YOUDEN, lower_bound=True)
    with pytest.raises(ValueError, match="needs the costs"):
        choose(cut_offs([0, 1], [0.1, 0.2]), Rule(Criterion.COST), Practice(0.5))
