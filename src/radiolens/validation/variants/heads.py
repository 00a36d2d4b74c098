"""Last layers on features: fits in which groups weigh the same, the worst group weighs most, or no source shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radiolens.training.variant import Head

__all__ = ["balanced_weights", "fitted", "source_directions"]

_Values = NDArray[np.float64]

_Scorer = Callable[[NDArray[np.floating]], _Values]
"""Features (m, channels) to log probabilities (m, labels)."""

_COMPONENTS, _PENALTY, _ITERATIONS = 128, 0.01, 1000
"""As in `evaluation.heads`, whose fits the controls use."""

_ROUNDS, _STEP = 10, 1.0
"""Of group DRO: refits, and how fast a badly fitted group gains weight; after ten the weights change little."""


def balanced_weights(groups: NDArray[np.str_], stands_for: _Values) -> _Values:
    """Return weights (n,) of mean 1 with which every group (n,) weighs the same.

    Within a group a case weighs as many cases as it `stands_for` (n,), more than 0.
    """
    names, numbers = np.unique(groups, return_inverse=True)
    shares = stands_for / np.bincount(numbers, stands_for)[numbers]
    return np.asarray(shares * len(groups) / len(names), np.float64)


def fitted(
    head: Head,
    features: NDArray[np.floating],
    answers: NDArray[np.intp],
    groups: NDArray[np.str_],
    stands_for: NDArray[np.float64],
    sources: NDArray[np.str_],
    labels: int,
) -> _Scorer:
    """Return what a fit to features (n, channels) makes of others.

    A label that no answer (n,) names gets minus infinity. Groups (n,) weigh the same, or more the worse they are
    fitted, and in them a case as many as it `stands_for` (n,); `sources` (n,) are hidden from a source-blind head.
    """
    components = min(_COMPONENTS, *features.shape)
    # Seven times as fast as an exact decomposition; what it gives up are the last of the directions.
    steps = make_pipeline(StandardScaler(), PCA(components, svd_solver="randomized", random_state=0))
    values = steps.fit_transform(features.astype(np.float32)).astype(np.float64)
    hide = np.zeros((0, values.shape[1]))
    if head is Head.SOURCE_BLIND:
        hide = source_directions(values, sources, answers)
    values = values - values @ hide.T @ hide
    known = np.unique(answers)
    if len(known) < 2:
        return lambda others: _only_label(len(others), known, labels)
    weights = balanced_weights(groups, stands_for)
    robust = head is Head.GROUP_ROBUST
    model = _robust(values, answers, weights, groups) if robust else _fit(values, answers, weights)

    def score(others: NDArray[np.floating]) -> _Values:
        turned = steps.transform(others.astype(np.float32)).astype(np.float64)
        scores = np.full((len(others), labels), -np.inf)
        scores[:, known] = _log_probabilities(model, turned - turned @ hide.T @ hide)
        return scores

    return score


def source_directions(values: _Values, sources: NDArray[np.str_], answers: NDArray[np.intp]) -> _Values:
    """Return orthonormal directions (k, channels) in which sources differ among cases of the same answer.

    These are the differences of a source's mean to the mean of its answer; without them no linear head gains by the
    source over a constant (Ravfogel et al. 2022, arXiv:2201.12091; Belrose et al. 2023, arXiv:2306.03819), which is
    where a linear adversary would drive the features.
    """
    differences = []
    for answer in np.unique(answers):
        of_answer = answers == answer
        middle = values[of_answer].mean(axis=0)
        own = [values[of_answer & (sources == source)] for source in np.unique(sources[of_answer])]
        differences += [part.mean(axis=0) - middle for part in own]
    _, strengths, directions = np.linalg.svd(np.asarray(differences), full_matrices=False)
    return np.asarray(directions[strengths > 1e-8 * max(strengths.max(initial=0.0), 1e-12)], np.float64)


def _only_label(rows: int, known: NDArray[np.intp], labels: int) -> _Values:
    scores = np.full((rows, labels), -np.inf)
    scores[:, known] = 0.0
    return scores


def _fit(values: _Values, answers: NDArray[np.intp], weights: _Values) -> LogisticRegression:
    model = LogisticRegression(C=_PENALTY, max_iter=_ITERATIONS)
    return model.fit(values, answers, sample_weight=weights)


def _robust(
    values: _Values, answers: NDArray[np.intp], weights: _Values, groups: NDArray[np.str_]
) -> LogisticRegression:
    """Return the fit after rounds of exponentiated gradient on the groups' weights.

    Sagawa et al. 2020 (arXiv:1911.08731), algorithm 1, with a full fit in each round.
    """
    names, numbers = np.unique(groups, return_inverse=True)
    shares = np.full(len(names), 1 / len(names))
    places = np.searchsorted(np.unique(answers), answers)
    for _ in range(_ROUNDS):
        model = _fit(values, answers, weights * shares[numbers] * len(names))
        losses = -_log_probabilities(model, values)[np.arange(len(answers)), places]
        shares *= np.exp(_STEP * np.bincount(numbers, losses) / np.bincount(numbers))
        shares /= shares.sum()
    return model


def _log_probabilities(model: LogisticRegression, values: _Values) -> _Values:
    """Return the log probabilities (m, labels); scikit-learn's own are minus infinity where a fit is very sure."""
    logits = model.decision_function(values)
    return np.asarray(log_softmax(np.stack([-logits / 2, logits / 2], axis=1) if logits.ndim == 1 else logits, axis=1))
