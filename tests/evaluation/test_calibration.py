"""Calibration against scikit-learn, worked examples and data with a known temperature."""

from __future__ import annotations

from math import isnan, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.special import logit
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from radiolens.evaluation.calibration import (
    Bin,
    brier_score,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    log_loss,
    reliability_bins,
)
from radiolens.evaluation.link import probabilities

CASES = 4000
TRUE_TEMPERATURE = 2.5


def drawn(chances: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return 0 and 1 drawn with these chances."""
    return (random.random(chances.shape) < chances).astype(np.float64)


@given(hnp.arrays(bool, 50), hnp.arrays(np.float64, 50, elements=st.floats(0, 1)))
def test_the_brier_score_is_that_of_scikit_learn(labels: NDArray[np.bool_], probability: NDArray[np.float64]) -> None:
    assert brier_score(labels, probability) == pytest.approx(metrics.brier_score_loss(labels, probability, pos_label=1))


@pytest.mark.parametrize(("equal_mass", "strategy"), [(True, "quantile"), (False, "uniform")])
def test_reliability_bins_are_the_curve_of_scikit_learn(
    equal_mass: bool, strategy: str, rng: np.random.Generator
) -> None:
    probability = rng.random(997)
    labels = drawn(probability, rng)
    found = reliability_bins(labels, probability, 10, equal_mass=equal_mass)
    observed, predicted = calibration_curve(labels, probability, n_bins=10, strategy=strategy)
    np.testing.assert_allclose([point.observed for point in found], observed)
    np.testing.assert_allclose([point.probability for point in found], predicted)
    assert sum(point.count for point in found) == 997


def test_the_calibration_error_is_the_mean_gap_weighted_by_cases() -> None:
    # Bin of 0.2: three cases, one positive, gap 2/15; bin of 0.9: one case, positive, gap 0.1.
    labels, probability = [1, 0, 0, 1], [0.2, 0.2, 0.2, 0.9]
    assert expected_calibration_error(labels, probability, 2, equal_mass=False) == pytest.approx(0.75 * 2 / 15 + 0.025)


def test_equal_mass_bins_never_part_a_tie() -> None:
    assert reliability_bins([0, 1, 1, 0, 1], [0.5, 0.5, 0.5, 0.5, 0.5], 3) == (Bin(0.5, 0.6, 5),)


@given(st.integers(0, 20))
def test_true_probabilities_have_a_small_error_and_squared_ones_a_large_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    chances = random.random(CASES)
    labels = drawn(chances, random)
    for equal_mass in (True, False):
        assert expected_calibration_error(labels, chances, equal_mass=equal_mass) < 0.05
        # The mean gap of p and p squared over 0 to 1 is 1/6.
        assert expected_calibration_error(labels, chances**2, equal_mass=equal_mass) == pytest.approx(1 / 6, abs=0.05)


def test_measures_of_no_case_are_not_defined() -> None:
    assert isnan(brier_score([], []))
    assert isnan(expected_calibration_error([], []))
    assert isnan(log_loss(np.zeros((1, 2)), np.full((1, 2), -1.0), exclusive=False))


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="probabilities must be 0 to 1, found -1 to 2"):
        brier_score([0, 1], [-1.0, 2.0])


def test_the_log_loss_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    predicted = rng.dirichlet(np.ones(4), 60)
    truth = rng.integers(4, size=60)
    found = log_loss(predicted, np.eye(4)[truth], exclusive=True)
    assert found == pytest.approx(metrics.log_loss(truth, predicted, labels=range(4)))
    labels = drawn(predicted, rng)
    each = [metrics.log_loss(labels[:, column], predicted[:, column]) for column in range(4)]
    assert log_loss(predicted, labels, exclusive=False) == pytest.approx(np.mean(each))


def test_a_case_of_several_possible_labels_costs_the_logarithm_of_their_sum() -> None:
    predicted = np.asarray([[0.1, 0.2, 0.3, 0.4]])
    assert log_loss(predicted, np.asarray([[1.0, 1.0, 1.0, 0.0]]), exclusive=True) == pytest.approx(-log(0.6))


def test_findings_that_are_not_annotated_cost_nothing() -> None:
    predicted = np.asarray([[0.25, 0.9], [0.5, 0.9]])
    targets = np.asarray([[1.0, -1.0], [-1.0, -1.0]])
    assert log_loss(predicted, targets, exclusive=False) == pytest.approx(-log(0.25))


def test_each_finding_gets_the_temperature_its_labels_were_drawn_with(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 4, (CASES, 2))
    targets = drawn(probabilities(logits, [TRUE_TEMPERATURE, 0.5], exclusive=False), rng)
    targets[::3, 0] = -1.0
    assert fit_temperature(logits, targets, exclusive=False) == pytest.approx((TRUE_TEMPERATURE, 0.5), rel=0.1)


def test_exclusive_labels_share_the_temperature_they_were_drawn_with(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 4, (CASES, 4))
    chances = probabilities(logits, TRUE_TEMPERATURE, exclusive=True)
    truth = (rng.random((CASES, 1)) > np.cumsum(chances, axis=1)).sum(axis=1).clip(max=3)
    targets = np.eye(4)[truth]
    # Every fourth case only says on which side it is, as "a tumour of unknown type".
    targets[::4] = np.where(targets[::4, 3:] == 1, [0, 0, 0, 1], [1, 1, 1, 0])
    assert fit_temperature(logits, targets, exclusive=True) == pytest.approx([TRUE_TEMPERATURE] * 4, rel=0.1)


def test_the_fitted_temperature_lowers_the_log_loss_and_keeps_the_order(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 4, (200, 1))
    targets = drawn(probabilities(logits, TRUE_TEMPERATURE, exclusive=False), rng)
    before = probabilities(logits, 1.0, exclusive=False)
    after = probabilities(logits, fit_temperature(logits, targets, exclusive=False), exclusive=False)
    assert log_loss(after, targets, exclusive=False) < log_loss(before, targets, exclusive=False)
    np.testing.assert_array_equal(np.argsort(after[:, 0]), np.argsort(before[:, 0]))


@pytest.mark.parametrize(
    ("targets", "exclusive", "message"),
    [
        ([[1.0], [-1.0]], False, r"label 0 \(counted from 0\) lacks present or absent cases"),
        ([[1.0, 1.0], [1.0, 1.0]], True, "every case allows every label"),
        ([[1.0, 0.0]], True, r"must be \(n, labels\), found \(2, 2\) and \(1, 2\)"),
    ],
)
def test_a_temperature_that_nothing_tells_is_refused(targets: list[list[float]], exclusive: bool, message: str) -> None:
    wanted = np.asarray(targets)
    with pytest.raises(ValueError, match=message):
        fit_temperature(np.ones((2, wanted.shape[1])), wanted, exclusive=exclusive)


@given(hnp.arrays(np.float64, (6, 3), elements=st.floats(-800, 800)), st.floats(0.1, 10))
def test_probabilities_stay_finite_and_within_0_and_1(logits: NDArray[np.float64], temperature: float) -> None:
    softmax = probabilities(logits, temperature, exclusive=True)
    sigmoid = probabilities(logits, [temperature] * 3, exclusive=False)
    np.testing.assert_allclose(softmax.sum(axis=1), 1.0)
    for values in (softmax, sigmoid):
        assert np.isfinite(values).all()
        assert values.min() >= 0.0
        assert values.max() <= 1.0


@pytest.mark.parametrize("exclusive", [True, False])
def test_weights_count_a_case_as_often_as_they_say(exclusive: bool, rng: np.random.Generator) -> None:
    logits = rng.normal(0, 4, (300, 3))
    chances = probabilities(logits, TRUE_TEMPERATURE, exclusive=exclusive)
    one_of_three = (rng.random((300, 1)) > np.cumsum(chances, axis=1)).sum(axis=1).clip(max=2)
    targets = np.eye(3)[one_of_three] if exclusive else drawn(chances, rng)
    targets[::5] = 0.0 if exclusive else -1.0  # not annotated
    times = rng.integers(1, 4, 300)
    weights = times.astype(float) if exclusive else np.repeat(times[:, np.newaxis], 3, axis=1).astype(float)
    repeated = np.repeat(logits, times, axis=0), np.repeat(targets, times, axis=0)
    found = fit_temperature(logits, targets, exclusive=exclusive, weights=weights)
    assert found == pytest.approx(fit_temperature(*repeated, exclusive=exclusive))
    assert found != pytest.approx(fit_temperature(logits, targets, exclusive=exclusive))


def test_each_finding_has_weights_of_its_own(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 4, (CASES, 1)).repeat(2, axis=1)
    first = np.arange(CASES) < CASES // 2
    temperature = np.where(first, 0.5, TRUE_TEMPERATURE)[:, np.newaxis]
    targets = drawn(probabilities(logits / temperature, 1.0, exclusive=False), rng)
    weights = np.stack([first, ~first], axis=1).astype(float)
    found = fit_temperature(logits, targets, exclusive=False, weights=weights)
    assert found == pytest.approx((0.5, TRUE_TEMPERATURE), rel=0.1)


def test_weights_of_another_shape_are_refused_and_of_nothing_leave_nothing() -> None:
    predicted, targets = np.full((2, 2), 0.5), np.ones((2, 2))
    with pytest.raises(ValueError, match=r"weights must be \(2, 2\), found \(2,\)"):
        log_loss(predicted, targets, exclusive=False, weights=np.ones(2))
    assert isnan(log_loss(predicted, targets, exclusive=False, weights=np.zeros((2, 2))))


def test_temperature_and_bias_are_the_logistic_regression_of_scikit_learn(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 3, (400, 2))
    targets = drawn(probabilities(logits, TRUE_TEMPERATURE, [0.8, -1.5], exclusive=False), rng)
    targets[::3, 0] = -1.0  # not annotated
    weights = rng.random((400, 2))
    temperature, bias = fit_platt(logits, targets, weights)
    for label in range(2):
        told = targets[:, label] >= 0
        line = LogisticRegression(C=np.inf, tol=1e-10)
        line.fit(logits[told, label][:, np.newaxis], targets[told, label], weights[told, label])
        assert 1 / temperature[label] == pytest.approx(line.coef_[0, 0], rel=1e-3)
        assert bias[label] == pytest.approx(line.intercept_[0], rel=1e-3)


def test_a_bias_moves_the_log_odds_and_nothing_else(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 3, (50, 2))
    moved = logit(probabilities(logits, 2.0, [1.0, -0.5], exclusive=False))
    np.testing.assert_allclose(moved, logits / 2 + [1.0, -0.5])
    np.testing.assert_array_equal(
        probabilities(logits, 2.0, 0.0, exclusive=True), probabilities(logits, 2.0, exclusive=True)
    )


def test_a_finding_that_is_told_perfectly_ends_at_the_bounds() -> None:
    logits = np.linspace(-3, 3, 20)[:, np.newaxis]
    (temperature,), (bias,) = fit_platt(logits, (logits > 0).astype(float))
    assert temperature == pytest.approx(0.05)
    assert abs(bias) < 1e-3


def test_temperature_and_bias_of_one_side_alone_are_refused() -> None:
    with pytest.raises(ValueError, match=r"label 0 \(counted from 0\) lacks present or absent cases"):
        fit_platt(np.ones((2, 1)), np.asarray([[1.0], [-1.0]]))
    with pytest.raises(ValueError, match=r"must be \(n, labels\), found \(2, 2\) and \(1, 2\)"):
        fit_platt(np.ones((2, 2)), np.ones((1, 2)))
