"""The gain of one network over another, with one image of each patient and with several."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from radiolens.evaluation.gain import auroc_gain
from radiolens.evaluation.intervals import auroc_difference_interval, auroc_interval, share_interval

Drawn = tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]


def drawn(random: np.random.Generator, patients: int, images: int, apart: tuple[float, float]) -> Drawn:
    """Return labels, two rows of scores and patients; the classes lie `apart` in standard deviations of a patient."""
    truth = np.arange(patients) < patients // 2
    one, other = (random.normal(size=patients) + truth * distance for distance in apart)
    scores = (np.repeat(each, images) + random.normal(scale=0.1, size=patients * images) for each in (one, other))
    return np.repeat(truth, images), next(scores), next(scores), np.repeat(np.arange(patients), images)


def test_with_one_image_of_each_patient_it_is_that_of_delong(rng: np.random.Generator) -> None:
    truth, first, second, patients = drawn(rng, 60, 1, (1.0, 2.0))
    found = auroc_gain(truth, first, second, patients, rng)
    assert found.first == auroc_interval(truth, first)
    assert found.gain == auroc_difference_interval(truth, second, first)


def test_the_auroc_and_the_gain_are_those_of_scikit_learn(rng: np.random.Generator) -> None:
    truth, first, second, patients = drawn(rng, 60, 3, (1.0, 2.0))
    found = auroc_gain(truth, first, second, patients, rng, resamples=50)
    assert found.first.estimate == pytest.approx(roc_auc_score(truth, first))
    assert found.gain.estimate == pytest.approx(roc_auc_score(truth, second) - roc_auc_score(truth, first))


def test_intervals_hold_the_truth_where_patients_have_several_images(rng: np.random.Generator) -> None:
    apart, runs = (1.0, 1.5), 200
    spread = np.sqrt(2 * (1 + 0.1**2))
    area, better = (norm.cdf(distance / spread) for distance in apart)
    held = np.zeros(2)
    for _ in range(runs):
        found = auroc_gain(*drawn(rng, 60, 4, apart), rng, resamples=200)
        held += [found.first.low <= area <= found.first.high, found.gain.low <= better - area <= found.gain.high]
    assert held / runs == pytest.approx([0.95, 0.95], abs=0.05)  # three standard errors; DeLong's hold 0.68


def test_where_the_classes_are_separated_patients_count_and_not_images(rng: np.random.Generator) -> None:
    truth, first, second, patients = drawn(rng, 24, 5, (50.0, 1.0))
    found = auroc_gain(truth, first, second, patients, rng, resamples=50).first
    assert (found.estimate, found.low, found.high) == (1.0, share_interval(12, 12).low, 1.0)
