"""Cross-validated thresholds: what the apparent figures hide, in simulated samples."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from radiolens.evaluation.cut_offs import Practice, cut_offs
from radiolens.evaluation.optimism import held_out
from radiolens.evaluation.thresholds import Criterion, Rule, choose

PRACTICE = Practice(0.5)
YOUDEN = Rule(Criterion.YOUDEN)


def sample(random: np.random.Generator, per_class: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return labels and normal scores, the positives' one standard deviation higher, as probabilities."""
    labels = np.arange(2 * per_class) < per_class
    return labels, norm.cdf(random.normal(labels.astype(float), 1.0))


def test_it_does_not_flatter_a_chosen_threshold_as_its_own_cases_do() -> None:
    random = np.random.default_rng(3)
    flattery, error = [], []
    for _ in range(80):
        labels, scores = sample(random, 30)
        points = cut_offs(labels, scores)
        place = choose(points, YOUDEN, PRACTICE)
        assert place is not None
        apparent = points.sensitivity[place] + points.specificity[place]
        threshold = norm.ppf(points.thresholds[place])
        true = norm.sf(threshold - 1) + norm.cdf(threshold)
        found = held_out(labels, scores, np.arange(60), YOUDEN, PRACTICE, random)
        flattery.append(apparent - true)
        error.append(found.sensitivity.estimate + found.specificity.estimate - true)
    standard_error = np.std(error) / np.sqrt(len(error))
    assert np.mean(flattery) > 0.05
    # It chooses on nine tenths of the cases, so it may be a little low, which is not flattery.
    assert -0.03 - 3 * standard_error < np.mean(error) < 3 * standard_error


def test_images_of_a_patient_are_held_out_together() -> None:
    # Scores say nothing, but every patient has five images of one score: whoever has seen one knows the others.
    random = np.random.default_rng(0)
    labels, patients = np.repeat(np.arange(24) % 2, 5), np.repeat(np.arange(24), 5)
    apart, mixed = [], []
    for _ in range(20):
        scores = np.repeat(random.random(24), 5)
        for groups, found in ((patients, apart), (np.arange(120), mixed)):
            result = held_out(labels, scores, groups, YOUDEN, PRACTICE, random)
            found.append(result.sensitivity.estimate + result.specificity.estimate)
    assert np.mean(apart) < 1.05
    assert np.mean(mixed) - np.mean(apart) > 0.1


def test_the_same_seed_gives_the_same_figures_and_says_how_they_were_made() -> None:
    labels, scores = sample(np.random.default_rng(1), 40)
    first, second = (
        held_out(labels, scores, np.arange(80), YOUDEN, PRACTICE, np.random.default_rng(5)) for _ in range(2)
    )
    assert first == second
    assert (first.folds, first.repeats) == (10, 10)
    assert first.sensitivity.method == "10 x 10-fold cross-validation by patient, Wilson"
    assert first.threshold_low <= first.threshold_high
    assert first.sensitivity.low < first.sensitivity.estimate < first.sensitivity.high


def test_a_perfect_score_stays_perfect() -> None:
    labels = np.repeat([0, 1], 20)
    found = held_out(labels, labels * 0.8 + 0.1, np.arange(40), YOUDEN, PRACTICE, np.random.default_rng(0))
    assert (found.sensitivity.estimate, found.specificity.estimate) == (1.0, 1.0)
    assert found.threshold_low == found.threshold_high == pytest.approx(0.5)


def test_rows_that_cannot_be_called_positive_are_not() -> None:
    labels = np.repeat([0, 1], 20)
    possible = np.arange(40) % 2 == 0
    found = held_out(labels, labels * 0.8 + 0.1, np.arange(40), YOUDEN, PRACTICE, np.random.default_rng(0), possible)
    assert (found.sensitivity.estimate, found.specificity.estimate) == (0.5, 1.0)


def test_few_patients_make_few_folds_and_one_of_a_class_makes_none() -> None:
    labels, scores = np.repeat([0, 1], [20, 3]), np.linspace(0, 1, 23)
    assert held_out(labels, scores, np.arange(23), YOUDEN, PRACTICE, np.random.default_rng(0)).folds == 3
    alone = held_out(labels, scores, np.minimum(np.arange(23), 20), YOUDEN, PRACTICE, np.random.default_rng(0))
    assert np.isnan((alone.sensitivity.estimate, alone.specificity.low, alone.threshold_low)).all()


def test_a_target_that_part_of_the_cases_cannot_reach_is_not_estimated() -> None:
    # 24 of 24 right have a lower bound of 0.862, 21 of 21 one of 0.845.
    labels, scores = np.repeat([0, 1], 24), np.repeat([0.1, 0.9], 24)
    rule = Rule(Criterion.SENSITIVITY, 0.86, lower_bound=True)
    assert choose(cut_offs(labels, scores), rule, PRACTICE) == 1
    found = held_out(labels, scores, np.arange(48), rule, PRACTICE, np.random.default_rng(0))
    assert np.isnan(found.sensitivity.estimate)
