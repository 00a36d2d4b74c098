"""Reader, network and both against the truth."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from radiolens.evaluation.intervals import clustered_share_interval
from radiolens.evaluation.reader_study import either, reading_accuracy, switches

P, A, U = "present", "absent", "indeterminate"


def test_sensitivity_and_specificity_are_the_shares_and_wilson_intervals_of_statsmodels() -> None:
    truth = [P] * 40 + [A] * 60
    decisions = [P] * 33 + [A] * 7 + [A] * 51 + [P] * 9
    found = reading_accuracy(decisions, truth, np.arange(100))
    for interval, hits, of in ((found.sensitivity, 33, 40), (found.specificity, 51, 60)):
        assert interval.estimate == pytest.approx(hits / of)
        assert (interval.low, interval.high) == pytest.approx(proportion_confint(hits, of, method="wilson"))
    assert (found.present, found.absent, found.undecided) == (40, 60, 0)


def test_an_undecided_reading_counts_against_both() -> None:
    found = reading_accuracy([P, U, A, U], [P, P, A, A], [1, 2, 3, 4])
    assert (found.sensitivity.estimate, found.specificity.estimate, found.undecided) == (0.5, 0.5, 2)


def test_an_undecided_truth_counts_nowhere() -> None:
    found = reading_accuracy([P, P, U], [P, U, U], [1, 2, 3])
    assert (found.present, found.absent, found.undecided) == (1, 0, 0)
    assert np.isnan(found.specificity.estimate)


def test_several_readers_of_a_case_are_taken_together() -> None:
    decisions, truth, cases = [P, P, A, A] * 10, [P] * 40, np.repeat(np.arange(10), 4)
    found = reading_accuracy(decisions, truth, cases).sensitivity
    hits = np.array([1, 1, 0, 0] * 10)
    assert found == clustered_share_interval(hits, cases)
    split = reading_accuracy([P] * 20 + [A] * 20, truth, cases).sensitivity
    assert split.high - split.low > found.high - found.low  # cases that agree in themselves are worth fewer readings


def test_switches_are_counted_by_where_they_end() -> None:
    before, after = [P, A, U, P, A], [P, P, A, A, U]
    found = switches(before, after, [P, P, A, P, A], range(5))
    assert (found.readings, found.switched, found.to_truth, found.from_truth) == (5, 4, 2, 2)
    assert found.rate.estimate == pytest.approx(0.8)


def test_nobody_who_switches_is_a_rate_of_nothing() -> None:
    found = switches([P, A], [P, A], [P, P], ["a", "b"])
    assert (found.rate.estimate, found.rate.low, found.switched) == (0.0, 0.0, 0)
    assert found.rate.high > 0.3


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [(P, A, P), (A, P, P), (A, A, A), (U, A, U), (A, U, U), (U, U, U), (U, P, P), (P, P, P)],
)
def test_either_finds_what_one_finds_and_excludes_what_both_do(first: str, second: str, both: str) -> None:
    assert list(either([first], [second])) == [both]


def test_rows_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of one length"):
        reading_accuracy([P], [P, A], [1])
