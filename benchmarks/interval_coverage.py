"""How often the intervals of `radiolens.evaluation` hold the truth, on simulated patients with several images each.

Every patient is ill or not; the scores of a patient's images share half of their variance. The truth is that of the two
normal distributions, by integration.

Command: python -m benchmarks.interval_coverage --studies 1500 --seed 1
Runtime: some ten minutes on one core. `tests/evaluation/test_coverage.py` holds two rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
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

__all__ = ["CUT", "LEVEL", "SEPARATION", "TRUTH", "coverage", "study"]

DESIGNS = ((20, 4), (30, 3), (60, 3), (80, 4), (200, 1))
"""Patients and images of each."""

SEPARATION, PREVALENCE, CUT = 1.2, 0.4, 0.8
LEVEL = 0.95
_GRID = np.linspace(-9.0, 11.0, 200_001)


def _true_auprc() -> float:
    hits, alarms = PREVALENCE * norm.sf(_GRID - SEPARATION), (1 - PREVALENCE) * norm.sf(_GRID)
    precision = hits / np.maximum(hits + alarms, 1e-300)
    return float(np.trapezoid(precision * norm.pdf(_GRID - SEPARATION), _GRID))


def _true_area_under_risk_coverage() -> float:
    reach = np.linspace(0.0, 12.0, 200_001)
    above = [norm.sf(CUT + reach - mean) for mean in (SEPARATION, 0.0)]
    below = [norm.cdf(CUT - reach - mean) for mean in (SEPARATION, 0.0)]
    kept = PREVALENCE * (above[0] + below[0]) + (1 - PREVALENCE) * (above[1] + below[1])
    wrong = PREVALENCE * below[0] + (1 - PREVALENCE) * above[1]
    return float(-np.trapezoid(wrong / np.maximum(kept, 1e-300), kept))


def _true_macro_f1() -> float:
    sensitivity, specificity = norm.sf(CUT - SEPARATION), norm.cdf(CUT)
    missed, alarms = PREVALENCE * (1 - sensitivity), (1 - PREVALENCE) * (1 - specificity)
    right = PREVALENCE * sensitivity, (1 - PREVALENCE) * specificity
    return float(np.mean([2 * part / (2 * part + missed + alarms) for part in right]))


TRUTH: Mapping[str, float] = MappingProxyType(
    {
        "auroc": float(norm.cdf(SEPARATION / np.sqrt(2))),
        "auprc": _true_auprc(),
        "risk": _true_area_under_risk_coverage(),
        "macro_f1": _true_macro_f1(),
        "sensitivity at 0.9": float(norm.sf(norm.ppf(0.9) - SEPARATION)),
        "specificity at 0.9": float(norm.cdf(norm.ppf(0.1) + SEPARATION)),
        "sensitivity": float(norm.sf(CUT - SEPARATION)),
    }
)


def study(random: np.random.Generator, patients: int, images: int, resamples: int) -> Mapping[str, Interval]:
    """Return the intervals of one simulated study of `images` images of each patient, by measure."""
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
        **clustered_intervals(smooth, groups, random, resamples, LEVEL),
        **clustered_intervals(jumping, groups, random, resamples, LEVEL, smooth=False),
        "sensitivity": clustered_share_interval(called[labels], groups[labels], LEVEL),
    }


def coverage(
    random: np.random.Generator, patients: int, images: int, studies: int, resamples: int
) -> Mapping[str, float]:
    """Return by measure the share of simulated studies whose interval holds the truth."""
    found = [study(random, patients, images, resamples) for _ in range(studies)]
    return {
        name: float(np.mean([one[name].low <= truth <= one[name].high for one in found]))
        for name, truth in TRUTH.items()
    }


def main() -> None:
    """Print a row for each design."""
    parser = argparse.ArgumentParser(description="How often the intervals hold the truth.")
    parser.add_argument("--studies", type=int, default=1500)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"three standard errors: {3 * np.sqrt(LEVEL * (1 - LEVEL) / asked.studies):.3f}")
    print("| patients x images |", " | ".join(TRUTH), "|")
    for patients, images in DESIGNS:
        random = np.random.default_rng([asked.seed, patients, images])
        found = coverage(random, patients, images, asked.studies, asked.resamples)
        print(f"| {patients} x {images} |", " | ".join(f"{share:.3f}" for share in found.values()), "|", flush=True)


if __name__ == "__main__":
    main()
