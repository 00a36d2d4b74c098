"""Measures by group."""

from __future__ import annotations

import numpy as np

from radiolens.evaluation.intervals import auroc_interval
from radiolens.evaluation.subgroups import by_group, worst_group

LABELS = np.asarray([0, 0, 1, 1, 0, 0, 1, 1, 1])
SCORES = np.asarray([1, 2, 3, 4, 3, 4, 1, 2, 0])
VIEWS = np.asarray(["PA"] * 4 + ["AP"] * 4 + [""])


def test_each_group_has_its_own_support_and_interval_in_the_order_of_names() -> None:
    groups = by_group(auroc_interval, [LABELS, SCORES], VIEWS)
    assert [(group.name, group.support) for group in groups] == [("", 1), ("AP", 4), ("PA", 4)]
    assert [group.interval.estimate for group in groups[1:]] == [0.0, 1.0]


def test_the_worst_group_is_the_lowest_of_those_with_a_result_and_enough_cases() -> None:
    groups = by_group(auroc_interval, [LABELS, SCORES], VIEWS)
    worst = worst_group(groups)
    assert worst is not None
    assert worst.name == "AP"
    assert worst_group(groups, least_support=5) is None


def test_groups_may_be_numbers() -> None:
    groups = by_group(auroc_interval, [LABELS, SCORES], [1] * 5 + [2] * 4)
    assert [group.name for group in groups] == ["1", "2"]
