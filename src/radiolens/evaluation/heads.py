"""Two plain classifiers on the features of a network: linear, and by the most similar image that was fitted on.

Neither learns features, so both take seconds, and what they reach is in the images, not in a training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["HEADS", "LINEAR", "NEAREST", "linear", "most_similar", "nearest", "out_of_fold", "reduced", "transferred"]

LINEAR, NEAREST = "linear", "nearest neighbour"

_COMPONENTS = 128
"""Directions of most variance that are kept of 1,280 features: the fit is ten times as fast, and as good (docs)."""

_PENALTY = 0.01
"""Inverse strength of the L2 penalty, on standardised features: strong, since there are about as many as patients."""

_ITERATIONS = 1000
"""Far more than a fit takes (about 50); scikit-learn warns if one does not end."""

_ROWS_AT_ONCE = 1000
"""Of a table of similarities: 80 MB beside 10,000 rows."""

_Scores = NDArray[np.float64]


def out_of_fold(
    features: NDArray[np.floating],
    fits: Sequence[tuple[str, NDArray[np.intp], int]],
    folds: NDArray[np.intp],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[_Scores]:
    """Return for each (head, answers (n,), number of labels) the scores (n, labels) of fits to the other folds.

    Labels count from 0; a higher score is likelier. Of a label that the other folds lack it is minus infinity, and so
    of every label where the other folds hold fewer than two rows.
    """
    scores = [np.full((len(features), labels), -np.inf) for _, _, labels in fits]
    numbers = np.unique(folds)
    for done, fold in enumerate(numbers, 1):
        held_out = folds == fold
        if np.count_nonzero(~held_out) < 2:
            continue
        fitted, others = reduced(features[~held_out], features[held_out])
        for (head, answers, labels), found in zip(fits, scores, strict=True):
            found[held_out] = HEADS[head](fitted, answers[~held_out], others, labels)
        progress(done, len(numbers))
    return scores


def most_similar(features: NDArray[np.floating], folds: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each row the row (n,) of another fold that is most similar to it, by cosine."""
    found = np.zeros(len(features), np.intp)
    for fold in np.unique(folds):
        held_out = folds == fold
        fitted, others = reduced(features[~held_out], features[held_out])
        places = [similarity.argmax(axis=1) for similarity in _similarities(fitted, others)]
        found[held_out] = np.flatnonzero(~held_out)[np.concatenate(places)]
    return found


def transferred(
    fitted_features: NDArray[np.floating],
    answers: NDArray[np.intp],
    features: NDArray[np.floating],
    labels: int,
    head: str = LINEAR,
) -> _Scores:
    """Return the scores (n, labels) of a fit to other rows."""
    fitted, others = reduced(fitted_features, features)
    return HEADS[head](fitted, answers, others, labels)


def reduced(
    fitted: NDArray[np.floating], others: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both standardised and turned to their main directions, as the rows of `fitted` alone tell."""
    kept = min(_COMPONENTS, *fitted.shape)
    steps = make_pipeline(StandardScaler(), PCA(kept, svd_solver="covariance_eigh"))
    # Single precision, as the network computed them, halves the time; the fits that follow are in double.
    first, second = steps.fit_transform(fitted.astype(np.float32)), steps.transform(others.astype(np.float32))
    return first.astype(np.float64), second.astype(np.float64)


def linear(fitted: _Scores, answers: NDArray[np.intp], others: _Scores, labels: int) -> _Scores:
    """Return the log probabilities (n, labels) of a logistic regression; every label weighs the same."""
    scores = np.full((len(others), labels), -np.inf)
    known = np.unique(answers)
    if len(known) < 2:
        scores[:, known] = 0.0
        return scores
    # Weighed the same, since a fit that names the largest class for all says nothing of balanced measures.
    model = LogisticRegression(C=_PENALTY, class_weight="balanced", max_iter=_ITERATIONS)
    likely = model.fit(fitted, answers).predict_proba(others)
    scores[:, known] = np.log(np.maximum(likely, np.finfo(likely.dtype).tiny))  # an exact 0 is of rounding
    return scores


def nearest(fitted: _Scores, answers: NDArray[np.intp], others: _Scores, labels: int) -> _Scores:
    """Return the cosine similarity (n, labels) to the most similar row of each label."""
    scores = np.full((len(others), labels), -np.inf)
    for label in np.unique(answers):
        parts = [part.max(axis=1) for part in _similarities(fitted[answers == label], others)]
        scores[:, label] = np.concatenate(parts)
    return scores


def _similarities(fitted: _Scores, others: _Scores) -> Iterator[_Scores]:
    """Yield the cosine (rows, fitted) of `_ROWS_AT_ONCE` of the other rows after another."""
    first, second = _unit(fitted), _unit(others)
    for start in range(0, len(second), _ROWS_AT_ONCE):
        yield second[start : start + _ROWS_AT_ONCE] @ first.T


def _unit(rows: _Scores) -> _Scores:
    lengths: _Scores = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


HEADS: Mapping[str, Callable[[_Scores, NDArray[np.intp], _Scores, int], _Scores]] = MappingProxyType(
    {LINEAR: linear, NEAREST: nearest}
)
"""From fitted rows, their answers and other rows to scores of the latter."""
