"""Do the intervals hold the truth as often as they say? Simulated by benchmarks/interval_coverage.py."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.interval_coverage import CUT, LEVEL, SEPARATION, TRUTH, coverage
from radiolens.evaluation.intervals import clustered_share_interval

RUNS, RESAMPLES = 700, 400
TOLERANCE = 3 * float(np.sqrt(LEVEL * (1 - LEVEL) / RUNS))
"""Three standard errors of a simulated coverage: 0.025."""


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "images"), [(30, 3), (80, 4)])
def test_every_clustered_interval_covers_the_truth_as_often_as_it_says(
    patients: int, images: int, rng: np.random.Generator
) -> None:
    covered = coverage(rng, patients, images, RUNS, RESAMPLES)
    assert covered == {name: pytest.approx(LEVEL, abs=TOLERANCE) for name in TRUTH}


def test_images_of_a_patient_taken_as_independent_would_not_cover(rng: np.random.Generator) -> None:
    # Why patients are drawn: the same shares, with every image for a patient of its own.
    def covers() -> bool:
        shared = np.repeat(rng.normal(0, np.sqrt(0.5), 30), 6)
        hits = SEPARATION + shared + rng.normal(0, np.sqrt(0.5), shared.size) >= CUT
        found = clustered_share_interval(hits, np.arange(hits.size))
        return found.low <= TRUTH["sensitivity"] <= found.high

    assert np.mean([covers() for _ in range(300)]) < 0.85
