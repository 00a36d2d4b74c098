"""AUROC within folds, against scikit-learn, DeLong, and its own promise to cover."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from radiolens.evaluation.intervals import Interval, auroc_interval
from radiolens.evaluation.within_folds import auroc_difference_within_folds, auroc_within_folds, mean_interval

RANDOM = np.random.default_rng(0)


def drawn(random: np.random.Generator, patients: int, images: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return truth and scores of patients with so many images each, which resemble one another."""
    truth = np.repeat(random.random(patients) < 0.4, images)
    own = np.repeat(random.normal(size=patients), images)
    return truth, truth + own + random.normal(scale=0.5, size=truth.size)


def test_one_fold_of_single_images_is_the_usual_auroc_with_delongs_interval() -> None:
    truth, scores = drawn(RANDOM, 500, 1)
    found = auroc_within_folds(truth, scores, np.zeros(500, int), np.arange(500))
    usual = auroc_interval(truth, scores)
    assert found.estimate == pytest.approx(roc_auc_score(truth, scores))
    # Student's t and the factor of n / (n - 1) widen it by about 3 in 1,000 here.
    assert found.high - found.low == pytest.approx(usual.high - usual.low, rel=0.01)


def test_pairs_are_compared_within_their_fold_only() -> None:
    truth, scores = drawn(RANDOM, 300, 1)
    folds = np.arange(300) % 3
    found = auroc_within_folds(truth, scores + 100.0 * folds, folds, np.arange(300))
    parts = [
        (roc_auc_score(truth[folds == fold], scores[folds == fold]), pairs(truth[folds == fold])) for fold in (0, 1, 2)
    ]
    assert found.estimate == pytest.approx(np.average([part[0] for part in parts], weights=[part[1] for part in parts]))
    assert found == auroc_within_folds(truth, scores, folds, np.arange(300))


def pairs(truth: NDArray[np.bool_]) -> int:
    return int(truth.sum() * (~truth).sum())


def test_several_labels_give_the_mean_of_each_against_the_rest() -> None:
    truth = np.eye(3, dtype=bool)[RANDOM.integers(0, 3, 300)]
    scores = truth + RANDOM.normal(size=truth.shape)
    found = auroc_within_folds(truth, scores, np.zeros(300, int), np.arange(300))
    assert found.estimate == pytest.approx(roc_auc_score(truth, scores, average="macro"))


def test_a_label_that_no_case_has_is_left_out_of_the_mean() -> None:
    truth, scores = drawn(RANDOM, 100, 1)
    both = np.stack([truth, np.zeros(100, bool)], axis=1)
    one = auroc_within_folds(truth, scores, np.zeros(100, int), np.arange(100))
    assert auroc_within_folds(both, np.stack([scores, scores], axis=1), np.zeros(100, int), np.arange(100)) == one


def test_copies_of_an_image_add_nothing_when_their_patient_is_known() -> None:
    truth, scores = drawn(RANDOM, 200, 1)
    once = auroc_within_folds(truth, scores, np.zeros(200, int), np.arange(200))
    again = [np.repeat(values, 5) for values in (truth, scores, np.zeros(200, int), np.arange(200))]
    assert auroc_within_folds(*again).low == pytest.approx(once.low)
    assert auroc_within_folds(*again[:3], np.arange(1000)).low > once.low


@pytest.mark.parametrize("truth", [[True, True, True], [False, True, True]])
def test_what_the_data_do_not_define_is_nan(truth: list[bool]) -> None:
    folds = np.asarray([0, 1, 1])  # the only negative stands in a fold of its own
    found = auroc_within_folds(np.asarray(truth), np.asarray([0.1, 0.2, 0.3]), folds, np.arange(3))
    assert np.isnan([found.estimate, found.low, found.high]).all()


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must fit, found \(3,\), \(2,\) and \(3,\)"):
        auroc_within_folds(np.ones(3, bool), np.ones(2), np.zeros(3, int), np.zeros(3, int))


def test_the_interval_covers_what_a_score_reaches_on_new_patients() -> None:
    random = np.random.default_rng(5)
    truth, scores = drawn(random, 20_000, 3)
    wanted = roc_auc_score(truth, scores)
    hits = [covers(sample(random, 60), wanted) for _ in range(400)]
    assert np.mean(hits) == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 400))


def sample(random: np.random.Generator, patients: int) -> Interval:
    """Return the interval of some patients with three images each, in four folds that score on different scales."""
    truth, scores = drawn(random, patients, 3)
    folds = np.repeat(np.arange(patients) % 4, 3)
    return auroc_within_folds(truth, scores * (folds + 1) - folds, folds, np.repeat(np.arange(patients), 3))


def covers(interval: Interval, wanted: float) -> bool:
    return interval.low <= wanted <= interval.high


def test_the_difference_of_equal_scores_is_nought_and_of_better_ones_is_found() -> None:
    truth, scores = drawn(RANDOM, 200, 2)
    folds, groups = np.repeat(np.arange(200) % 5, 2), np.repeat(np.arange(200), 2)
    same = auroc_difference_within_folds(truth, (scores, folds), (scores, folds), groups)
    assert (same.estimate, same.low, same.high) == (0.0, 0.0, 0.0)
    better = auroc_difference_within_folds(truth, (scores + truth, folds), (scores, folds), groups)
    each = [auroc_within_folds(truth, values, folds, groups).estimate for values in (scores + truth, scores)]
    assert better.estimate == pytest.approx(each[0] - each[1])
    assert better.low > 0


def test_the_mean_of_shuffles_has_students_interval() -> None:
    values = RANDOM.normal(0.5, 0.02, 10)
    found = mean_interval(values, 0.99)
    low, high = stats.t.interval(0.99, 9, values.mean(), stats.sem(values))
    assert (found.estimate, found.low, found.high) == pytest.approx((values.mean(), low, high))
    assert np.isnan(mean_interval([0.5]).low)
    assert np.isnan(mean_interval([]).estimate)
