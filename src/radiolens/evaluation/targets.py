"""What a public body asks of a test, and whether a cut-off is shown to give it: judged on the lower bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from radiolens.evaluation.cut_offs import CutOffs
from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.wilson import cases_for_lower_bound, lower_bound_reaches

__all__ = ["WHO_TRIAGE_2014", "Target", "Verdict", "judge"]


@dataclass(frozen=True)
class Target:
    """Least sensitivity and specificity (0 to 1), who asks for them, and what must be said beside a verdict."""

    name: str
    sensitivity: float
    specificity: float
    source: str
    note: str


WHO_TRIAGE_2014 = Target(
    name="WHO 2014 triage test for tuberculosis (90 % sensitivity, 70 % specificity)",
    sensitivity=0.90,
    specificity=0.70,
    source="High-priority target product profiles for new tuberculosis diagnostics, WHO/HTM/TB/2014.18, minimum",
    note=(
        "The WHO means disease in adults that was confirmed by microbiology (culture or a molecular test). "
        "Radiological labels are not microbiology: figures against them do not show that the target is met."
    ),
)


@dataclass(frozen=True)
class Verdict:
    """Whether both lower bounds reach the target at the chosen cut-off.

    `sensitivity_low` and `specificity_low` are the lowest of the bounds that were judged. `reached_from` and
    `reached_to` are the lowest and highest cut-off at which the bounds of these very cases reach it, None if there is
    none. `positives_needed` and `negatives_needed` let the bounds reach it in four of five samples if the shares are
    what they seem to be, None where a share is not above the target, so that no number helps.
    """

    target: Target
    sensitivity_low: float
    specificity_low: float
    met: bool
    reached_from: float | None
    reached_to: float | None
    positives_needed: int | None
    negatives_needed: int | None


def judge(
    target: Target,
    points: CutOffs,
    sensitivity: Sequence[Interval],
    specificity: Sequence[Interval],
    level: float = LEVEL,
) -> Verdict:
    """Judge a cut-off by the lowest of several intervals each: of its own cases, by patient, corrected.

    Intervals that are not defined (nan) are left out. `points` are all cut-offs of the cases.
    """
    lowest = [_lowest(intervals) for intervals in (sensitivity, specificity)]
    hits = lower_bound_reaches(points.true_positives, points.positives, target.sensitivity, level)
    rejected = points.negatives - points.false_positives
    reached = points.thresholds[hits & lower_bound_reaches(rejected, points.negatives, target.specificity, level)]
    estimates = [min(_estimates(intervals), default=0.0) for intervals in (sensitivity, specificity)]
    wanted = (target.sensitivity, target.specificity)
    needed = [cases_for_lower_bound(share, aim, level=level) for share, aim in zip(estimates, wanted, strict=True)]
    return Verdict(
        target=target,
        sensitivity_low=lowest[0],
        specificity_low=lowest[1],
        met=lowest[0] >= target.sensitivity and lowest[1] >= target.specificity,
        reached_from=float(np.min(reached)) if reached.size else None,
        reached_to=float(np.max(reached)) if reached.size else None,
        positives_needed=int(needed[0]) if isfinite(needed[0]) else None,
        negatives_needed=int(needed[1]) if isfinite(needed[1]) else None,
    )


def _lowest(intervals: Sequence[Interval]) -> float:
    return min((interval.low for interval in intervals if isfinite(interval.low)), default=0.0)


def _estimates(intervals: Sequence[Interval]) -> list[float]:
    return [interval.estimate for interval in intervals if isfinite(interval.estimate)]
