"""The thresholds that a bundle gets, chosen on the scores that its prediction sets keep."""

from __future__ import annotations

import numpy as np
import pytest

from radiolens.evaluation.conformal import ConformalSets
from radiolens.evaluation.threshold_choice import EXCLUSIVE_THRESHOLD, balanced, thresholds_of
from radiolens.evaluation.thresholds import threshold_youden


def sets_of_a_finding(absent: dict[str, list[float]], present: dict[str, list[float]]) -> ConformalSets:
    rows = [
        (source, side, value)
        for side, by_source in enumerate((absent, present))
        for source, values in by_source.items()
        for value in values
    ]
    truth = np.asarray([[side == 0, side == 1] for _, side, _ in rows])
    scores = np.asarray([[value] for *_, value in rows])
    return ConformalSets.calibrated(["pneumonia"], scores, truth, [source for source, *_ in rows], exclusive=False)


def test_without_specificity_to_spare_every_source_weighs_the_same() -> None:
    # The small hospital's absent films lie among the large one's present ones: pooled, they would not count.
    absent = {"large": np.linspace(0.01, 0.1, 400).tolist(), "small": np.linspace(0.5, 0.7, 20).tolist()}
    present = {"large": np.linspace(0.3, 0.95, 400).tolist(), "small": np.linspace(0.75, 0.95, 20).tolist()}
    labels = [False] * 420 + [True] * 420
    scores = [value for part in (absent, present) for values in part.values() for value in values]
    assert threshold_youden(labels, scores) < 0.31
    (found,) = thresholds_of(sets_of_a_finding(absent, present)).values()
    assert 0.65 < found < 0.75


def test_specificity_to_spare_is_spent_until_one_absent_case_in_twenty_is_an_alarm() -> None:
    absent = {"home": [*np.linspace(0.01, 0.1, 95).tolist(), *[0.3] * 5], "away": np.linspace(0.01, 0.28, 40).tolist()}
    present = {"home": np.linspace(0.8, 0.99, 50).tolist()}
    (found,) = thresholds_of(sets_of_a_finding(absent, present)).values()
    # At home five in a hundred lie at 0.3, away two in forty above 0.27: between these two and the next.
    assert found == pytest.approx(0.28 - 0.27 / 39 * 1.5)


def test_exclusive_labels_have_one_half() -> None:
    labels = ("glioma", "no_tumour")
    truth = np.eye(2, dtype=bool)[[0, 1, 0, 1]]
    sets = ConformalSets.calibrated(labels, np.full((4, 2), 0.5), truth, list("abab"), exclusive=True)
    assert thresholds_of(sets) == dict.fromkeys(labels, EXCLUSIVE_THRESHOLD)


@pytest.mark.parametrize(("absent", "present"), [({}, {"home": [0.5]}), ({"home": [0.5]}, {})])
def test_a_finding_without_one_side_is_refused(absent: dict[str, list[float]], present: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="a threshold needs"):
        thresholds_of(sets_of_a_finding(absent, present))


def test_weights_are_shared_by_sources_on_each_side() -> None:
    keys = [("large", 0)] * 40 + [("small", 0)] * 10 + [("large", 1)] * 30 + [None]
    weights = balanced(keys)
    assert weights[:40].sum() == pytest.approx(0.5) == weights[40:50].sum()
    assert weights[50:80].sum() == pytest.approx(1.0)
    assert weights[80] == 0.0
