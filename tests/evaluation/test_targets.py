"""The WHO's triage target, judged on lower bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.cut_offs import CutOffs, cut_offs
from radiolens.evaluation.intervals import Interval, share_interval
from radiolens.evaluation.targets import WHO_TRIAGE_2014, judge


def points(positives: int, found: int, negatives: int, rejected: int) -> CutOffs:
    """Return the cut-offs of a test with two answers."""
    counts = [found, positives - found, negatives - rejected, rejected]
    return cut_offs(np.repeat([1, 1, 0, 0], counts), np.repeat([0.9, 0.1, 0.9, 0.1], counts))


def shares(positives: int, found: int, negatives: int, rejected: int) -> tuple[list[Interval], list[Interval]]:
    return [share_interval(found, positives)], [share_interval(rejected, negatives)]


def test_it_is_met_only_if_both_lower_bounds_reach_it() -> None:
    for numbers, met in (
        ((400, 376, 400, 300), True),  # 0.94 (0.912), 0.75 (0.705)
        ((100, 94, 400, 300), False),  # 0.94 (0.875)
        ((400, 376, 400, 290), False),  # 0.725 (0.679)
    ):
        verdict = judge(WHO_TRIAGE_2014, points(*numbers), *shares(*numbers))
        assert verdict.met is met
        assert (verdict.reached_from is not None) is met


def test_it_tells_where_the_bounds_reach_it_and_how_many_cases_would() -> None:
    numbers = (100, 94, 400, 300)
    verdict = judge(WHO_TRIAGE_2014, points(*numbers), *shares(*numbers))
    assert verdict.reached_from is verdict.reached_to is None
    assert verdict.positives_needed is not None
    assert 300 < verdict.positives_needed < 500
    assert verdict.negatives_needed is not None
    worse = judge(WHO_TRIAGE_2014, points(100, 85, 400, 300), *shares(100, 85, 400, 300))
    assert worse.positives_needed is None


def test_the_lowest_of_several_intervals_decides_and_what_is_not_defined_does_not() -> None:
    numbers = (400, 376, 400, 300)
    sensitivity, specificity = shares(*numbers)
    nothing = Interval(np.nan, np.nan, np.nan, 0.95, "none")
    lower = Interval(0.93, 0.89, 0.95, 0.95, "corrected")
    assert judge(WHO_TRIAGE_2014, points(*numbers), [*sensitivity, nothing], [*specificity, nothing]).met
    verdict = judge(WHO_TRIAGE_2014, points(*numbers), [*sensitivity, lower], specificity)
    assert (verdict.met, verdict.sensitivity_low) == (False, 0.89)
    below = Interval(0.9, 0.8, 0.95, 0.95, "corrected")
    assert judge(WHO_TRIAGE_2014, points(*numbers), [*sensitivity, below], specificity).positives_needed is None


def test_several_cut_offs_that_reach_it_are_told_from_the_lowest_to_the_highest() -> None:
    random = np.random.default_rng(0)
    labels: NDArray[np.bool_] = np.arange(4000) < 2000
    scores = np.where(labels, random.beta(6, 2, 4000), random.beta(2, 6, 4000))
    every = cut_offs(labels, scores)
    verdict = judge(WHO_TRIAGE_2014, every, [share_interval(1950, 2000)], [share_interval(1700, 2000)])
    assert verdict.reached_from is not None
    assert verdict.reached_to is not None
    assert verdict.reached_from < verdict.reached_to
    for threshold, below in ((verdict.reached_from, False), (verdict.reached_to, True)):
        found = share_interval(int((scores[labels] >= threshold).sum()), 2000)
        rejected = share_interval(int((scores[~labels] < threshold).sum()), 2000)
        assert found.low >= 0.9 - 1e-9
        assert rejected.low >= 0.7 - 1e-9
        assert (found.low < 0.91) is below


def test_the_target_names_its_source_and_says_what_radiological_labels_are_not() -> None:
    assert (WHO_TRIAGE_2014.sensitivity, WHO_TRIAGE_2014.specificity) == (0.9, 0.7)
    assert "WHO/HTM/TB/2014.18" in WHO_TRIAGE_2014.source
    assert "not microbiology" in WHO_TRIAGE_2014.note
