"""Resampling of groups: the weights, and the ends against scipy's bootstrap."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, skew, t

from radiolens.evaluation.resampling import bootstrap_ends, drawn_weights, left_out_weights

MANY = 10**9
"""Groups: Student's t is then the normal distribution, so that nothing is expanded."""


def test_every_draw_takes_as_many_whole_groups_as_there_are(rng: np.random.Generator) -> None:
    numbers = np.asarray([0, 1, 1, 2, 3, 3, 3])
    (weights,) = drawn_weights(numbers, rng, 4000)
    of_group = weights[:, [0, 1, 3, 4]]
    assert (of_group.sum(axis=1) == 4).all()
    np.testing.assert_array_equal(weights, of_group[:, numbers])
    # Counts of a multinomial of four draws from four: mean 1, variance 1 - 1/4; to four standard errors.
    assert of_group.mean(axis=0) == pytest.approx(np.ones(4), abs=4 * np.sqrt(0.75 / 4000))
    assert of_group.var(axis=0) == pytest.approx(np.full(4, 0.75), abs=0.1)


def test_many_cases_are_drawn_in_blocks() -> None:
    numbers = np.arange(50_000)
    blocks = list(drawn_weights(numbers, np.random.default_rng(0), 200))
    assert len(blocks) > 1
    assert sum(len(block) for block in blocks) == 200


def test_each_group_is_left_out_once() -> None:
    (weights,) = left_out_weights(np.asarray([0, 1, 1, 2]))
    assert weights.tolist() == [[0, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 0]]


def test_of_very_many_groups_several_are_left_out_at_a_time() -> None:
    weights = np.concatenate(list(left_out_weights(np.arange(1200))))
    assert weights.shape == (500, 1200)
    assert ((weights == 0).sum(axis=0) == 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_ends_are_those_of_scipys_bca_on_the_same_replicates(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.exponential(size=25)
    expected = bootstrap((values,), np.mean, n_resamples=2000, method="BCa", rng=random)
    jackknife = (values.sum() - values) / (values.size - 1)
    found = bootstrap_ends(float(values.mean()), expected.bootstrap_distribution, jackknife, MANY, 0.95)
    assert found == pytest.approx(tuple(expected.confidence_interval), rel=1e-6)
    percentiles = bootstrap(
        (values,), np.mean, n_resamples=0, method="percentile", bootstrap_result=expected, rng=random
    )
    plain = bootstrap_ends(float(values.mean()), expected.bootstrap_distribution, np.empty(0), MANY, 0.95)
    assert plain == pytest.approx(tuple(percentiles.confidence_interval), rel=1e-6)


def test_percentiles_are_expanded_to_students_t(rng: np.random.Generator) -> None:
    # Hesterberg 2015: the normal reach grows by sqrt(n / (n - 1)) t / z.
    replicates = rng.normal(size=200_000)
    low, high = bootstrap_ends(0.0, replicates, np.empty(0), 10, 0.95)
    reach = float(np.sqrt(10 / 9) * t.ppf(0.975, 9))
    assert high - low == pytest.approx(2 * reach, rel=0.01)
    assert reach > norm.ppf(0.975)


def test_an_acceleration_of_blocks_of_groups_is_that_of_single_groups(rng: np.random.Generator) -> None:
    # The acceleration of a mean is skewness / (6 sqrt n), whatever the size of the parts that are left out.
    values = rng.exponential(size=1000)
    expected = skew(values) / (6 * np.sqrt(values.size))
    weights = np.concatenate(list(left_out_weights(np.arange(values.size))))
    means = weights @ values / weights.sum(axis=1)
    differences = means.mean() - means
    found = (differences**3).sum() / (6 * (differences**2).sum() ** 1.5)
    assert found == pytest.approx(expected, rel=0.25)


def test_two_groups_have_the_ends_of_their_replicates() -> None:
    low, high = bootstrap_ends(0.5, np.asarray([0.0, 0.5, 0.5, 1.0]), np.asarray([0.0, 1.0]), 2, 0.95)
    assert (low, high) == pytest.approx((0.0, 1.0))


def test_without_a_defined_replicate_or_estimate_there_are_no_ends() -> None:
    nothing = np.full(5, np.nan)
    assert all(isnan(end) for end in bootstrap_ends(0.5, nothing, nothing, 5, 0.95))
    assert all(isnan(end) for end in bootstrap_ends(np.nan, np.ones(5), np.ones(5), 5, 0.95))
    assert bootstrap_ends(1.0, np.ones(5), nothing, 5, 0.95) == (1.0, 1.0)
