"""How many cases are missing."""

from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from radiolens.evaluation.sample_size import shortfall


def test_it_says_how_many_are_missing_and_how_many_patients_bring_them() -> None:
    found = shortfall("sensitivity", 36, 40, 0.05, share_of_patients=0.1)
    low, high = proportion_confint(36, 40, method="wilson")
    assert found.half_width == pytest.approx((high - low) / 2)
    assert found.missing == found.needed - 40 > 0
    assert found.patients == 10 * found.missing
    # At the centre of the interval so many cases are precise enough, and one fewer is not.
    share = (low + high) / 2
    for cases, enough in ((found.needed, True), (found.needed - 1, False)):
        low, high = proportion_confint(share * cases, cases, method="wilson")
        assert ((high - low) / 2 <= 0.05) is enough


def test_what_is_precise_enough_misses_nothing() -> None:
    found = shortfall("specificity", 900, 1000, 0.05, share_of_patients=0.9)
    assert found.half_width < 0.05
    assert (found.missing, found.patients) == (0, 0)


def test_of_few_cases_a_perfect_share_does_not_say_that_few_are_enough() -> None:
    # All of 20 right: at a share of 1 exactly, 35 cases would do for 0.05; that share is not what 20 cases show.
    found = shortfall("sensitivity", 20, 20, 0.05, share_of_patients=1.0)
    assert found.needed > 100


def test_a_present_interval_that_is_too_wide_always_misses_a_case() -> None:
    for cases in range(10, 60):
        found = shortfall("sensitivity", cases, cases, 0.06, share_of_patients=0.5)
        assert (found.missing > 0) is (found.half_width > 0.06)


def test_no_cases_tell_nothing() -> None:
    with pytest.raises(ValueError, match="no cases to tell the sensitivity"):
        shortfall("sensitivity", 0, 0, 0.05, 0.1)
