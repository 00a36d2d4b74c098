"""Wilson's interval of many shares against statsmodels, and the sample sizes against a search and exact power."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from radiolens.evaluation.intervals import share_interval
from radiolens.evaluation.wilson import (
    cases_for_half_width,
    cases_for_lower_bound,
    lower_bound_reaches,
    wilson_bounds,
    z_value,
)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_ends_are_those_of_statsmodels_and_of_the_interval_of_one_share(level: float) -> None:
    for total in (1, 7, 250):
        successes = np.arange(total + 1)
        low, high = wilson_bounds(successes, total, level)
        expected = proportion_confint(successes, total, 1 - level, "wilson")
        np.testing.assert_allclose((low, high), expected, atol=1e-12)
        one = share_interval(total, total, level)
        assert (low[-1], high[-1]) == pytest.approx((one.low, one.high))


def test_the_ends_of_no_cases_are_not_defined() -> None:
    assert np.isnan(wilson_bounds([0, 0], 0)).all()


@given(st.integers(1, 300), st.floats(0.01, 0.99), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_lower_bound_is_reached_where_the_interval_says_so(total: int, target: float, level: float) -> None:
    successes = np.arange(total + 1)
    low = proportion_confint(successes, total, 1 - level, "wilson")[0]
    clear = np.abs(low - target) > 1e-9  # at equality rounding decides
    reached = lower_bound_reaches(successes, total, target, level)
    np.testing.assert_array_equal(reached[clear], low[clear] >= target)


def test_no_share_has_a_lower_bound_of_one_and_every_share_one_of_zero() -> None:
    assert not lower_bound_reaches([5, 10], 10, 1.0).any()
    assert lower_bound_reaches([0, 10], 10, 0.0).all()
    assert not lower_bound_reaches([0], 0, 0.5).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.83, 0.95, 1.0])
@pytest.mark.parametrize("half_width", [0.02, 0.05, 0.1, 0.3])
def test_the_cases_of_a_half_width_are_the_fewest_that_a_search_finds(share: float, half_width: float) -> None:
    def reaches(cases: int) -> bool:
        low, high = proportion_confint(share * cases, cases, method="wilson")
        return bool((high - low) / 2 <= half_width + 1e-12)

    found = cases_for_half_width(share, half_width)
    assert reaches(found)
    assert found == 1 or not reaches(found - 1)


def test_the_cases_of_one_half_are_those_of_the_textbook_less_the_square_of_z() -> None:
    # Normal: z^2 p (1 - p) / w^2 = 384.1; Wilson's half width at one half is that of n + z^2 cases.
    assert cases_for_half_width(0.5, 0.05) == 381
    assert z_value(0.95) == pytest.approx(1.959964, abs=1e-6)


@pytest.mark.parametrize(("share", "target", "power"), [(0.95, 0.9, 0.8), (0.8, 0.7, 0.9), (0.75, 0.7, 0.5)])
def test_the_cases_of_a_lower_bound_reach_it_as_often_as_asked(share: float, target: float, power: float) -> None:
    cases = int(cases_for_lower_bound(share, target, power))
    reached = lower_bound_reaches(np.arange(cases + 1), cases, target)
    exact = binom.pmf(np.arange(cases + 1), cases, share)[reached].sum()
    # The formula is normal, the binomial exact and in steps: at these sizes they are within three hundredths.
    assert exact == pytest.approx(power, abs=0.03)


def test_no_number_of_cases_helps_a_share_below_the_target() -> None:
    assert cases_for_lower_bound(0.9, 0.9) == inf


@pytest.mark.parametrize(("share", "half_width"), [(1.1, 0.1), (0.5, 0.0), (0.5, 0.5)])
def test_a_share_or_width_that_is_none_is_refused(share: float, half_width: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        cases_for_half_width(share, half_width)
