"""Counts of scores against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import binned_statistic

from radiolens.evaluation.histogram import HISTOGRAM_BINS, score_histogram
from tests.evaluation.labelled import Data, labelled_scores


@given(labelled_scores())
def test_each_side_is_counted_as_scipy_does(data: Data) -> None:
    labels, scores = data
    found = score_histogram(labels, scores)
    for counts, side in ((found.positives, labels), (found.negatives, ~labels)):
        expected = binned_statistic(scores[side], scores[side], "count", HISTOGRAM_BINS, (0.0, 1.0)).statistic
        assert counts == tuple(expected)


def test_an_end_belongs_to_the_bin_above_it_and_1_to_the_last() -> None:
    found = score_histogram([1, 1, 0, 0], [0.5, 1.0, 0.0, 0.49], bins=2)
    assert (found.positives, found.negatives) == ((0, 2), (2, 0))


def test_of_nothing_every_bin_is_empty() -> None:
    assert sum(score_histogram([], []).positives) == 0


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="probabilities must be 0 to 1"):
        score_histogram([1], np.asarray([1.5]))
