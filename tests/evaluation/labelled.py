"""Drawn labels and scores for the tests of measures."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

__all__ = ["Data", "labelled_scores", "normal_scores"]

Data = tuple[NDArray[np.bool_], NDArray[np.float64]]


@st.composite
def labelled_scores(draw: st.DrawFn) -> Data:
    """Draw labels of both classes and scores of 0 to 1 in tenths, so that ties are common."""
    size = draw(st.integers(4, 60))
    labels = draw(hnp.arrays(bool, size))
    labels[:2] = (True, False)
    return labels, draw(hnp.arrays(np.int8, size, elements=st.integers(0, 10))) / 10


def normal_scores(random: np.random.Generator, size: int, *, ties: bool = False) -> Data:
    """Return labels, four in ten positive, and scores that tell them; rounded to thirds with `ties`."""
    labels = random.random(size) < 0.4
    scores = random.normal(labels * 1.2)
    return labels, np.rint(scores * 3) / 3 if ties else scores
