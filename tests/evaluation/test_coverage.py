"""Do the intervals hold the truth as often as they say? Simulated on patients with several images each.

Every patient is ill or not; the scores of a patient's images share half of their variance. The truth is that of the two
normal distributions, by integration.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from radiolens.evaluation.intervals import Interval, clustered_intervals, clustered_share_interval
from radiolens.evaluation.weighted import (
    weighted_area_under_risk_coverage,
    weighted_auprc,
    weighted_auroc,
    weighted_macro_f1,
    weighted_sensitivity_at_specificity,
    weighted_specificity_at_sensitivity,
)

SEPARATION, PREVALENCE, CUT = 1.2, 0.4, 0.8
RUNS, RESAMPLES = 700, 400
LEVEL = 0.95
TOLERANCE = 3 * float(np.sqrt(LEVEL * (1 - LEVEL) / RUNS))
"""Three standard errors of a simulated coverage: 0.025."""

GRID = np.linspace(-9.0, 11.0, 200_001)


def true_auprc() -> float:
    hits, alarms = PREVALENCE * norm.sf(GRID - SEPARATION), (1 - PREVALENCE) * norm.sf(GRID)
    precision = hits / np.maximum(hits + alarms, 1e-300)
    return float(np.trapezoid(precision * norm.pdf(GRID - SEPARATION), GRID))


def true_area_under_risk_coverage() -> float:
    reach = np.linspace(0.0, 12.0, 200_001)
    above = [norm.sf(CUT + reach - mean) for mean in (SEPARATION, 0.0)]
    below = [norm.cdf(CUT - reach - mean) for mean in (SEPARATION, 0.0)]
    kept = PREVALENCE * (above[0] + below[0]) + (1 - PREVALENCE) * (above[1] + below[1])
    wrong = PREVALENCE * below[0] + (1 - PREVALENCE) * above[1]
    return float(-np.trapezoid(wrong / np.maximum(kept, 1e-300), kept))


def true_macro_f1() -> float:
    sensitivity, specificity = norm.sf(CUT - SEPARATION), norm.cdf(CUT)
    missed, alarms = PREVALENCE * (1 - sensitivity), (1 - PREVALENCE) * (1 - specificity)
    right = PREVALENCE * sensitivity, (1 - PREVALENCE) * specificity
    return float(np.mean([2 * part / (2 * part + missed + alarms) for part in right]))


TRUTH: Mapping[str, float] = MappingProxyType(
    {
        "auroc": float(norm.cdf(SEPARATION / np.sqrt(2))),
        "auprc": true_auprc(),
        "risk": true_area_under_risk_coverage(),
        "macro_f1": true_macro_f1(),
        "sensitivity at 0.9": float(norm.sf(norm.ppf(0.9) - SEPARATION)),
        "specificity at 0.9": float(norm.cdf(norm.ppf(0.1) + SEPARATION)),
        "sensitivity": float(norm.sf(CUT - SEPARATION)),
    }
)


def study(random: np.random.Generator, patients: int, images: int) -> Mapping[str, Interval]:
    labels = np.repeat(random.random(patients) < PREVALENCE, images)
    own, shared = random.normal(0, np.sqrt(0.5), labels.size), random.normal(0, np.sqrt(0.5), patients)
    scores: NDArray[np.float64] = labels * SEPARATION + np.repeat(shared, images) + own
    called, groups = scores >= CUT, np.repeat(np.arange(patients), images)
    smooth = {
        "auroc": weighted_auroc(labels, scores),
        "auprc": weighted_auprc(labels, scores),
        "risk": weighted_area_under_risk_coverage(called != labels, np.abs(scores - CUT)),
        "macro_f1": weighted_macro_f1(labels.astype(int), called.astype(int), [0, 1]),
    }
    jumping = {
        "sensitivity at 0.9": weighted_sensitivity_at_specificity(labels, scores, 0.9),
        "specificity at 0.9": weighted_specificity_at_sensitivity(labels, scores, 0.9),
    }
    return {
        **clustered_intervals(smooth, groups, random, RESAMPLES, LEVEL),
        **clustered_intervals(jumping, groups, random, RESAMPLES, LEVEL, smooth=False),
        "sensitivity": clustered_share_interval(called[labels], groups[labels], LEVEL),
    }


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "images"), [(30, 3), (80, 4)])
def test_every_clustered_interval_covers_the_truth_as_often_as_it_says(
    patients: int, images: int, rng: np.random.Generator
) -> None:
    studies = [study(rng, patients, images) for _ in range(RUNS)]
    covered = {
        name: float(np.mean([found[name].low <= truth <= found[name].high for found in studies]))
        for name, truth in TRUTH.items()
    }
    assert covered == {name: pytest.approx(LEVEL, abs=TOLERANCE) for name in TRUTH}


def test_images_of_a_patient_taken_as_independent_would_not_cover(rng: np.random.Generator) -> None:
    # Why patients are drawn: the same shares, with every image for a patient of its own.
    def covers() -> bool:
        shared = np.repeat(rng.normal(0, np.sqrt(0.5), 30), 6)
        hits = SEPARATION + shared + rng.normal(0, np.sqrt(0.5), shared.size) >= CUT
        found = clustered_share_interval(hits, np.arange(hits.size))
        return found.low <= TRUTH["sensitivity"] <= found.high

    assert np.mean([covers() for _ in range(300)]) < 0.85
