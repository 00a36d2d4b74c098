"""Plain heads on features, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from radiolens.evaluation.heads import HEADS, LINEAR, NEAREST, most_similar, out_of_fold, transferred

RANDOM = np.random.default_rng(0)
ANSWERS = np.arange(120) % 3
FEATURES = RANDOM.normal(size=(120, 10)) + 2.0 * np.eye(10)[ANSWERS]
FOLDS = np.arange(120) // 3 % 4


def test_the_linear_head_is_a_logistic_regression_on_standardised_features() -> None:
    own, others = FOLDS > 0, FOLDS == 0
    scaler = StandardScaler().fit(FEATURES[own])
    model = LogisticRegression(C=0.01, class_weight="balanced").fit(scaler.transform(FEATURES[own]), ANSWERS[own])
    expected = model.predict_log_proba(scaler.transform(FEATURES[others]))
    found = transferred(FEATURES[own], ANSWERS[own], FEATURES[others], 3)
    # Turning all ten features changes no prediction; lbfgs stops at gradients of 1e-4.
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_nearest_head_names_the_label_of_the_most_similar_row() -> None:
    own, others = FOLDS > 0, FOLDS == 0
    scaler = StandardScaler().fit(FEATURES[own])
    search = NearestNeighbors(n_neighbors=1, metric="cosine").fit(scaler.transform(FEATURES[own]))
    nearest = np.flatnonzero(own)[search.kneighbors(scaler.transform(FEATURES[others]), return_distance=False)[:, 0]]
    found = transferred(FEATURES[own], ANSWERS[own], FEATURES[others], 3, NEAREST)
    assert found.argmax(axis=1).tolist() == ANSWERS[nearest].tolist()
    assert most_similar(FEATURES, FOLDS)[others].tolist() == nearest.tolist()


@pytest.mark.parametrize("head", HEADS)
def test_no_row_is_scored_by_a_fit_that_saw_it(head: str) -> None:
    (before,) = out_of_fold(FEATURES, [(head, ANSWERS, 3)], FOLDS)
    changed = np.where(FOLDS == 0, (ANSWERS + 1) % 3, ANSWERS)
    (after,) = out_of_fold(FEATURES, [(head, changed, 3)], FOLDS)
    assert after[FOLDS == 0] == pytest.approx(before[FOLDS == 0])
    assert not np.allclose(after[FOLDS == 1], before[FOLDS == 1])


@pytest.mark.parametrize("head", HEADS)
def test_a_label_that_was_not_fitted_on_is_never_named(head: str) -> None:
    answers: NDArray[np.intp] = np.where(FOLDS == 0, 2, ANSWERS % 2)
    (scores,) = out_of_fold(FEATURES, [(head, answers, 3)], FOLDS)
    assert (scores[FOLDS == 0, 2] == -np.inf).all()
    assert np.isfinite(scores[FOLDS == 0, :2]).all()


def test_a_fit_to_one_label_ranks_nothing() -> None:
    scores = transferred(FEATURES[:50], np.zeros(50, int), FEATURES[50:], 2, LINEAR)
    assert (scores[:, 0] == 0).all()
    assert (scores[:, 1] == -np.inf).all()


def test_a_label_told_beyond_doubt_is_the_least_likely_and_no_infinity() -> None:
    answers = np.arange(40) % 2
    features = np.zeros((40, 4))
    features[:, 0] = answers
    found = transferred(features, answers, np.array([[1e9, 0, 0, 0], [-1e9, 0, 0, 0]]), 2)
    assert np.isfinite(found).all()
    assert found.argmax(axis=1).tolist() == [1, 0]
