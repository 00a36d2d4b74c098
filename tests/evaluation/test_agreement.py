"""Agreement against scikit-learn, statsmodels, and the share of simulated intervals that hold the truth."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, to_table

from radiolens.evaluation.agreement import agreement_of
from radiolens.evaluation.intervals import share_interval

THREE = hnp.arrays(np.dtype("U13"), (2, 20), elements=st.sampled_from(["present", "absent", "indeterminate"]))


def pair(count: int, agreed: float, random: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return two rows of decisions that are drawn alike in this share of the cases, and else by chance."""
    first, second = random.random((2, count)) < 0.5
    return first, np.where(random.random(count) < agreed, first, second)


@settings(max_examples=40)
@given(THREE)
def test_kappa_is_that_of_scikit_learn(said: NDArray[np.str_]) -> None:
    first, second = said
    found = agreement_of(first, second, np.arange(20), np.random.default_rng(0), resamples=20)
    assert found.cases == 20
    assert found.share == share_interval(int((first == second).sum()), 20)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert isnan(found.kappa.estimate)
    else:
        assert found.kappa.estimate == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)


def test_the_interval_of_many_cases_is_about_that_of_statsmodels() -> None:
    first, second = pair(800, 0.7, np.random.default_rng(1))
    found = agreement_of(first, second, np.arange(800), np.random.default_rng(0)).kappa
    expected = cohens_kappa(to_table(np.stack([first, second], axis=1).astype(int))[0])
    assert (found.low, found.high) == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=0.01)


def test_the_intervals_hold_the_truth_as_often_as_they_say() -> None:
    # Drawn alike in a share of the cases, and else by chance with equal shares: kappa is that share.
    random, runs, held = np.random.default_rng(2), 200, 0
    for _ in range(runs):
        first, second = pair(80, 0.6, random)
        kappa = agreement_of(first, second, np.arange(80), random, resamples=200).kappa
        held += kappa.low <= 0.6 <= kappa.high
    assert held / runs == pytest.approx(0.95, abs=0.05)  # three standard errors


def test_images_of_a_patient_are_taken_together() -> None:
    first, second = pair(60, 0.6, np.random.default_rng(3))
    alone = agreement_of(first, second, np.arange(60), np.random.default_rng(0))
    copies = agreement_of(
        np.repeat(first, 5), np.repeat(second, 5), np.repeat(np.arange(60), 5), np.random.default_rng(0)
    )
    assert copies.kappa.estimate == pytest.approx(alone.kappa.estimate)
    assert copies.kappa.high - copies.kappa.low == pytest.approx(alone.kappa.high - alone.kappa.low, rel=0.1)
    assert copies.share.low == pytest.approx(alone.share.low, abs=0.02)


def test_where_all_agree_the_low_end_is_not_one() -> None:
    same = np.arange(30) < 10
    found = agreement_of(same, same, np.arange(30), np.random.default_rng(0))
    assert (found.share.estimate, found.kappa.estimate, found.kappa.high) == (1, 1, 1)
    chance = (1 / 3) ** 2 + (2 / 3) ** 2
    assert found.kappa.low == pytest.approx((share_interval(30, 30).low - chance) / (1 - chance))
    assert isnan(agreement_of(same[:5], same[:5], np.arange(5), np.random.default_rng(0)).kappa.low)


def test_one_who_says_the_same_of_every_case_has_no_kappa() -> None:
    found = agreement_of(np.arange(30) < 10, np.zeros(30, bool), np.arange(30), np.random.default_rng(0))
    assert found.share == share_interval(20, 30)
    assert (isnan(found.kappa.estimate), isnan(found.kappa.low)) == (True, True)


def test_nothing_tells_nothing_and_rows_of_other_lengths_are_refused() -> None:
    nothing = agreement_of([], [], [], np.random.default_rng(0))
    assert nothing.cases == 0
    assert isnan(nothing.share.estimate)
    assert isnan(nothing.kappa.estimate)
    with pytest.raises(ValueError, match="two rows of one length"):
        agreement_of([1], [1, 0], [1, 2], np.random.default_rng(0))
