"""Paired tests and corrections against statsmodels."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from statsmodels.stats import contingency_tables
from statsmodels.stats.multitest import multipletests

from radiolens.evaluation.paired import McNemar, holm, mcnemar


@given(hnp.arrays(bool, (2, 30)))
def test_mcnemar_is_the_exact_test_of_statsmodels(right: NDArray[np.bool_]) -> None:
    first, second = right
    table = [[np.sum(first & second), np.sum(first & ~second)], [np.sum(~first & second), np.sum(~first & ~second)]]
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (table[0][1], table[1][0])
    assert found.p_value == pytest.approx(contingency_tables.mcnemar(table, exact=True).pvalue)


def test_an_example_worked_by_hand() -> None:
    # One against seven: (1 + 8) / 2^8 on each side.
    first = [1] + [0] * 7 + [1] * 20
    second = [0] + [1] * 7 + [1] * 20
    assert mcnemar(first, second) == McNemar(1, 7, pytest.approx(2 * 9 / 256))


def test_decisions_that_never_differ_are_equal_and_none_tell_nothing() -> None:
    assert mcnemar([1, 0], [1, 0]).p_value == 1.0
    assert isnan(mcnemar([], []).p_value)


def test_decisions_on_other_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows of one length"):
        mcnemar([1, 0], [1, 0, 1])


@pytest.mark.parametrize("count", [1, 2, 5, 20])
@pytest.mark.parametrize("digits", [1, 6])  # with one digit many are equal, 0 or 1
def test_holm_is_that_of_statsmodels(count: int, digits: int, rng: np.random.Generator) -> None:
    for _ in range(10):
        p_values = np.round(rng.random(count) ** 3, digits).tolist()
        assert holm(p_values) == pytest.approx(tuple(multipletests(p_values, method="holm")[1]))


def test_what_is_not_defined_does_not_count_as_a_test() -> None:
    found = holm([0.01, nan, 0.04])
    assert found[0] == pytest.approx(0.02)
    assert isnan(found[1])
    assert found[2] == pytest.approx(0.04)
    assert holm([]) == ()
