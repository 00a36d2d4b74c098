"""PPV and NPV at a prevalence, against the interval of a likelihood ratio and by simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from statsmodels.stats.proportion import confint_proportions_2indep

from radiolens.evaluation.discrimination import Confusion
from radiolens.evaluation.predictive_values import npv_interval, number_needed_to_test, ppv_interval

APOE = Confusion(true_positives=240, false_positives=87, false_negatives=178, true_negatives=288)
"""ApoE.e4 and Alzheimer's disease: the example of Mercaldo et al. 2007, section 4."""


@pytest.mark.parametrize("prevalence", [0.03, 0.5])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_ends_are_those_of_the_likelihood_ratio_at_the_prevalence(prevalence: float, level: float) -> None:
    # logit(PPV) = logit(prevalence) + log(LR+), so its interval is that of a ratio of two shares, moved.
    ratio = confint_proportions_2indep(240, 418, 87, 375, method="log", compare="ratio", alpha=1 - level)
    found = ppv_interval(APOE, prevalence, level)
    np.testing.assert_allclose((found.low, found.high), expit(logit(prevalence) + np.log(ratio)), atol=1e-12)
    ratio = confint_proportions_2indep(288, 375, 178, 418, method="log", compare="ratio", alpha=1 - level)
    found = npv_interval(APOE, prevalence, level)
    np.testing.assert_allclose((found.low, found.high), expit(logit(1 - prevalence) + np.log(ratio)), atol=1e-12)


def test_the_estimates_follow_bayes_theorem() -> None:
    # Of 10,000 patients 300 are ill: 172.2 are found, 127.8 missed; of 9,700 well ones 2,250.4 give an alarm.
    ppv, npv = ppv_interval(APOE, 0.03), npv_interval(APOE, 0.03)
    assert ppv.estimate == pytest.approx(172.249 / (172.249 + 2250.4), abs=1e-6)
    assert npv.estimate == pytest.approx(7449.6 / (7449.6 + 127.751), abs=1e-6)
    assert ppv.method == npv.method == "logit"


def test_at_the_prevalence_of_the_sample_they_are_the_shares_among_the_called() -> None:
    prevalence = APOE.positives / (APOE.positives + APOE.negatives)
    assert ppv_interval(APOE, prevalence).estimate == pytest.approx(APOE.ppv)
    assert npv_interval(APOE, prevalence).estimate == pytest.approx(APOE.npv)


def test_an_empty_cell_gives_the_adjusted_interval_with_the_estimate_in_it() -> None:
    counts = Confusion(true_positives=20, false_positives=0, false_negatives=0, true_negatives=30)
    ppv, npv = ppv_interval(counts, 0.1), npv_interval(counts, 0.1)
    assert (ppv.estimate, ppv.high, npv.estimate, npv.high) == (1.0, 1.0, 1.0, 1.0)
    assert 0.3 < ppv.low < 0.9 < npv.low < 1.0
    assert ppv.method == "adjusted logit"
    # Mercaldo et al., table II: z^2 / 2 comes to each cell. By hand, with z = 1.95996:
    square = 3.841459
    sensitivity, specificity = (20 + square / 2) / (20 + square), (30 + square / 2) / (30 + square)
    variance = (1 - sensitivity) / sensitivity / (20 + square) + specificity / (1 - specificity) / (30 + square)
    centre = np.log(sensitivity * 0.1 / ((1 - specificity) * 0.9))
    assert ppv.low == pytest.approx(expit(centre - np.sqrt(square * variance)), abs=1e-6)


def test_where_nobody_gets_an_answer_or_a_class_is_missing_there_is_no_value() -> None:
    for counts in (Confusion(0, 0, 5, 5), Confusion(3, 0, 2, 0)):
        assert np.isnan(ppv_interval(counts, 0.1).estimate)
    assert np.isnan(npv_interval(Confusion(5, 5, 0, 0), 0.1).estimate)


def test_the_number_needed_to_test_is_the_inverse_and_infinite_where_nothing_is_found() -> None:
    found = number_needed_to_test(ppv_interval(APOE, 0.03))
    ppv = ppv_interval(APOE, 0.03)
    assert (found.low, found.estimate, found.high) == (1 / ppv.high, 1 / ppv.estimate, 1 / ppv.low)
    none = number_needed_to_test(ppv_interval(Confusion(0, 5, 10, 10), 0.1))
    assert none.estimate == none.high == np.inf
    assert none.low < 100


@pytest.mark.parametrize("prevalence", [0.0, 1.0, 1.5])
def test_a_prevalence_that_is_none_is_refused(prevalence: float) -> None:
    with pytest.raises(ValueError, match="prevalence must be above 0 and below 1"):
        ppv_interval(APOE, prevalence)


def test_the_intervals_hold_the_true_value_as_often_as_they_say() -> None:
    sensitivity, specificity, prevalence, samples = 0.85, 0.8, 0.1, 2000
    true_ppv = sensitivity * prevalence / (sensitivity * prevalence + (1 - specificity) * (1 - prevalence))
    true_npv = specificity * (1 - prevalence) / (specificity * (1 - prevalence) + (1 - sensitivity) * prevalence)
    random = np.random.default_rng(7)
    held = np.zeros(2)
    for hits, rejected in zip(
        random.binomial(200, sensitivity, samples), random.binomial(300, specificity, samples), strict=True
    ):
        counts = Confusion(int(hits), 300 - int(rejected), 200 - int(hits), int(rejected))
        ppv, npv = ppv_interval(counts, prevalence), npv_interval(counts, prevalence)
        held += (ppv.low <= true_ppv <= ppv.high, npv.low <= true_npv <= npv.high)
    # Three standard errors of a share of 0.95 in 2,000 samples.
    assert np.abs(held / samples - 0.95).max() < 3 * np.sqrt(0.95 * 0.05 / samples)
