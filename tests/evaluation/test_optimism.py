"""Figures corrected for optimism: their bias and coverage in simulated samples of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from radiolens.evaluation.cut_offs import Practice, cut_offs
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.optimism import corrected
from radiolens.evaluation.thresholds import Criterion, Rule, choose
from radiolens.evaluation.wilson import wilson_bounds

PRACTICE = Practice(0.5)
YOUDEN = Rule(Criterion.YOUDEN)
AT_90 = Rule(Criterion.SENSITIVITY, 0.9)


def sample(
    random: np.random.Generator, patients: int, images: int = 1
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]:
    """Return labels, scores and patients, half of them ill; images of one patient have nearly the same score.

    A score is normal with standard deviation 1, the positives' 1.5 higher, turned to a probability.
    """
    labels = np.arange(patients) < patients // 2
    middle = random.normal(1.5 * labels, np.sqrt(0.9))
    scores = np.repeat(middle, images) + random.normal(0, np.sqrt(0.1), patients * images)
    return np.repeat(labels, images), norm.cdf(scores), np.repeat(np.arange(patients), images)


def truth(threshold: float) -> NDArray[np.float64]:
    """Return the sensitivity and specificity of a threshold on new patients."""
    place = norm.ppf(threshold)
    return np.array([norm.sf(place - 1.5), norm.cdf(place)])


def apparent(labels: NDArray[np.bool_], scores: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    return np.array([(scores[labels] >= threshold).mean(), (scores[~labels] < threshold).mean()])


def holds(interval: Interval, value: float) -> bool:
    return bool(interval.low <= value <= interval.high)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "patients", "images"), [(YOUDEN, 60, 1), (AT_90, 120, 1), (YOUDEN, 100, 4)])
def test_the_intervals_hold_the_truth_as_often_as_they_say_and_the_estimates_flatter_less(
    rule: Rule, patients: int, images: int
) -> None:
    random = np.random.default_rng(11)
    samples, held, errors, flattery = 100, np.zeros(2), [], []
    for _ in range(samples):
        labels, scores, members = sample(random, patients, images)
        points = cut_offs(labels, scores)
        place = choose(points, rule, PRACTICE)
        assert place is not None
        threshold = float(points.thresholds[place])
        found = corrected(labels, scores, members, rule, PRACTICE, random, resamples=200)
        true = truth(threshold)
        held += [holds(found.sensitivity, true[0]), holds(found.specificity, true[1])]
        flattery.append((apparent(labels, scores, threshold) - true).sum())
        errors.append(found.sensitivity.estimate + found.specificity.estimate - true.sum())
    # Three standard errors of a share of 0.95.
    assert (np.abs(held / samples - 0.95) < 3 * np.sqrt(0.95 * 0.05 / samples)).all(), held
    assert np.mean(flattery) > 0.02
    assert abs(np.mean(errors)) < 0.6 * np.mean(flattery)


def test_the_draws_are_those_of_a_plain_bootstrap_over_patients() -> None:
    labels, scores, members = sample(np.random.default_rng(1), 40, 2)
    points = cut_offs(labels, scores)
    place = choose(points, YOUDEN, PRACTICE)
    assert place is not None
    found = corrected(labels, scores, members, YOUDEN, PRACTICE, np.random.default_rng(5))
    random = np.random.default_rng(6)
    errors = []
    for _ in range(1000):
        rows = np.concatenate([np.flatnonzero(members == patient) for patient in random.integers(40, size=40)])
        drawn = cut_offs(labels[rows], scores[rows])
        chosen = choose(drawn, YOUDEN, PRACTICE)
        assert chosen is not None
        threshold = float(drawn.thresholds[chosen])
        errors.append(apparent(labels[rows], scores[rows], threshold) - apparent(labels, scores, threshold))
    expected = apparent(labels, scores, float(points.thresholds[place])) - np.mean(errors, axis=0)
    # Two bootstraps of 1,000 samples differ by chance: three standard errors of the difference of their means.
    chance = 3 * np.std(errors, axis=0) * np.sqrt(2 / 1000)
    assert found.sensitivity.estimate == pytest.approx(expected[0], abs=chance[0])
    assert found.specificity.estimate == pytest.approx(expected[1], abs=chance[1])


def test_images_of_a_patient_say_less_than_images_of_as_many_patients() -> None:
    labels, scores, members = sample(np.random.default_rng(2), 80, 5)
    together = corrected(labels, scores, members, AT_90, PRACTICE, np.random.default_rng(0))
    alone = corrected(labels, scores, np.arange(400), AT_90, PRACTICE, np.random.default_rng(0))
    for name in ("sensitivity", "specificity"):
        wide, narrow = getattr(together, name), getattr(alone, name)
        assert wide.high - wide.low > 1.4 * (narrow.high - narrow.low)


def test_no_interval_is_narrower_than_that_of_the_cases() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        labels, scores, members = sample(random, 80)
        found = corrected(labels, scores, members, AT_90, PRACTICE, random, resamples=50)
        for interval in (found.sensitivity, found.specificity):
            low, high = wilson_bounds(interval.estimate * 40, 40)
            assert interval.high - interval.low >= high - low - 1e-12


def test_the_same_seed_gives_the_same_figures_and_says_how_they_were_made() -> None:
    labels, scores, members = sample(np.random.default_rng(1), 80)
    first, second = (corrected(labels, scores, members, YOUDEN, PRACTICE, np.random.default_rng(5)) for _ in range(2))
    assert first == second
    assert first.sensitivity.method.startswith("bootstrap over patients, corrected for optimism")
    assert first.threshold_low < first.threshold_high
    assert first.sensitivity.low < first.sensitivity.estimate < first.sensitivity.high


def test_a_perfect_score_stays_perfect_with_the_interval_of_its_cases() -> None:
    labels = np.repeat([0, 1], 20)
    found = corrected(labels, labels * 0.8 + 0.1, np.arange(40), YOUDEN, PRACTICE, np.random.default_rng(0))
    assert (found.sensitivity.estimate, found.specificity.estimate) == (1.0, 1.0)
    assert found.sensitivity.low == pytest.approx(20 / (20 + 1.959964**2), abs=1e-6)
    assert found.threshold_low == found.threshold_high == pytest.approx(0.5)


def test_rows_that_cannot_be_called_positive_are_not() -> None:
    labels = np.repeat([0, 1], 20)
    possible = np.arange(40) % 2 == 0
    scores = labels * 0.8 + 0.1
    found = corrected(labels, scores, np.arange(40), YOUDEN, PRACTICE, np.random.default_rng(0), possible)
    assert found.sensitivity.estimate == pytest.approx(0.5, abs=0.02)  # the mean of random errors of a fixed threshold
    assert found.specificity.estimate == 1.0


def test_one_patient_of_a_class_is_not_enough() -> None:
    labels, scores = np.repeat([0, 1], [20, 3]), np.linspace(0, 1, 23)
    members = np.minimum(np.arange(23), 20)
    alone = corrected(labels, scores, members, YOUDEN, PRACTICE, np.random.default_rng(0))
    assert np.isnan((alone.sensitivity.estimate, alone.specificity.low, alone.threshold_low)).all()


def test_a_target_that_many_samples_cannot_reach_is_not_estimated() -> None:
    # 24 of 24 right have a lower bound of 0.862; half of the samples have fewer than 24 positives.
    labels, scores = np.repeat([0, 1], 24), np.repeat([0.1, 0.9], 24)
    rule = Rule(Criterion.SENSITIVITY, 0.86, lower_bound=True)
    assert choose(cut_offs(labels, scores), rule, PRACTICE) == 1
    found = corrected(labels, scores, np.arange(48), rule, PRACTICE, np.random.default_rng(0))
    assert np.isnan(found.sensitivity.estimate)
