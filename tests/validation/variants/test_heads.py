from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from radiolens.evaluation.discrimination import auroc
from radiolens.evaluation.heads import transferred
from radiolens.training.variant import Head
from radiolens.validation.variants.heads import balanced_weights, fitted, source_directions

HOSPITALS = np.asarray(["a", "b"])
ONES = np.ones(3000)


def hospitals(count: int = 400, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.str_]]:
    """Return features (count, 20), answers and sources; column 0 tells the answer, column 1 the hospital."""
    random = np.random.default_rng(seed)
    answers, sources = random.integers(0, 2, count), random.integers(0, 2, count)
    values = random.normal(size=(count, 20))
    values[:, 0] += 2 * answers
    values[:, 1] += 6 * sources
    return values, answers.astype(np.intp), HOSPITALS[sources]


def test_every_group_weighs_the_same_and_the_mean_weight_is_one() -> None:
    groups = np.asarray(["a"] * 90 + ["b"] * 9 + ["c"])
    weights = balanced_weights(groups, np.ones(100))
    assert weights.mean() == pytest.approx(1.0)
    for name in "abc":
        assert weights[groups == name].sum() == pytest.approx(100 / 3)


def test_in_a_group_a_case_weighs_what_it_stands_for() -> None:
    groups, stands_for = np.asarray(["a", "a", "b"]), np.asarray([1.0, 3.0, 50.0])
    np.testing.assert_allclose(balanced_weights(groups, stands_for), [0.375, 1.125, 1.5])
    np.testing.assert_allclose(balanced_weights(np.asarray(["", "", ""]), stands_for), 3 * stands_for / 54)


def test_a_linear_head_of_equal_groups_ranks_as_the_head_of_the_controls() -> None:
    values, answers, sources = hospitals()
    groups = np.asarray(["yes" if answer else "no" for answer in answers])
    own = fitted(Head.LINEAR, values[:300], answers[:300], groups[:300], ONES[:300], sources[:300], 2)(values[300:])
    theirs = transferred(values[:300], answers[:300], values[300:], 2)
    # All 20 directions are kept, so the approximation has nothing to give up but single precision.
    np.testing.assert_allclose(own, theirs, atol=1e-3)


@pytest.mark.parametrize("head", list(Head))
def test_the_scores_of_any_head_are_log_probabilities_that_tell_the_answer(head: Head) -> None:
    values, answers, sources = hospitals()
    scores = fitted(head, values[:300], answers[:300], sources[:300], ONES[:300], sources[:300], 2)(values[300:])
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0)
    assert auroc(answers[300:], scores[:, 1] - scores[:, 0]) > 0.8


@pytest.mark.parametrize("head", list(Head))
def test_a_label_that_no_answer_names_is_impossible(head: Head) -> None:
    values, answers, sources = hospitals()
    scores = fitted(head, values, answers * 2, sources, ONES[:400], sources, 3)(values[:5])
    assert np.isneginf(scores[:, 1]).all()
    assert np.isfinite(scores[:, [0, 2]]).all()
    one = fitted(head, values, np.full(len(values), 1, np.intp), sources, ONES[:400], sources, 2)(values[:5])
    np.testing.assert_array_equal(one, [[-np.inf, 0.0]] * 5)


def test_without_the_directions_between_sources_no_linear_head_tells_the_source() -> None:
    values, answers, sources = hospitals()
    directions = source_directions(values, sources, answers)
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-9)
    hidden = values - values @ directions.T @ directions
    for told, expected in ((values, 0.99), (hidden, 0.65)):
        model = LogisticRegression().fit(told, sources)
        found = auroc(sources == "b", model.decision_function(told))
        assert (found > expected) is (told is values)


def test_a_source_blind_head_does_not_live_on_a_hospital_that_goes_with_the_answer() -> None:
    values, answers, sources = hospitals(3000)
    kept = (answers == (sources == "b")) | (np.random.default_rng(1).random(3000) < 0.1)
    told = {}
    for head in (Head.LINEAR, Head.SOURCE_BLIND):
        groups = answers[kept].astype(str)
        score = fitted(head, values[kept], answers[kept], groups, ONES[kept], sources[kept], 2)
        # Where hospital and answer do not go together, what lives on the hospital ranks worse.
        told[head] = auroc(answers[~kept], np.diff(score(values[~kept]))[:, 0])
    assert told[Head.SOURCE_BLIND] > 0.85
    assert told[Head.LINEAR] < told[Head.SOURCE_BLIND] - 0.3


def test_directions_are_none_where_there_is_one_source() -> None:
    values, answers, _ = hospitals()
    assert source_directions(values, np.full(len(values), "a"), answers).shape == (0, 20)


def test_a_group_robust_head_lifts_the_worst_group() -> None:
    random = np.random.default_rng(0)
    # The answer lies in column 0 for the many, in column 1 for the few, whom balanced weights alone still serve less.
    few = random.random(3000) < 0.05
    answers = random.integers(0, 2, 3000).astype(np.intp)
    values = random.normal(size=(3000, 12))
    values[~few, 0] += 3 * answers[~few]
    values[few, 1] += 1.2 * answers[few]
    groups = np.asarray([f"{answer}{rare}" for answer, rare in zip(answers, few, strict=True)])
    losses = {}
    for head in (Head.LINEAR, Head.GROUP_ROBUST):
        scores = fitted(head, values, answers, groups, ONES, groups, 2)(values)
        each = -scores[np.arange(3000), answers]
        losses[head] = max(each[groups == name].mean() for name in np.unique(groups))
    assert losses[Head.GROUP_ROBUST] < losses[Head.LINEAR] - 0.01
