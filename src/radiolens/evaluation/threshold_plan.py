"""The threshold of one site: chosen by a rule on its own cases, with all that must be known before it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import isfinite, nan
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from radiolens.errors import DatasetError
from radiolens.evaluation.cut_offs import CutOff, CutOffs, Practice, cut_offs, judged_cut_offs
from radiolens.evaluation.intervals import Interval, clustered_share_interval
from radiolens.evaluation.optimism import Corrected, corrected
from radiolens.evaluation.sample_size import Shortfall, shortfall
from radiolens.evaluation.subgroups import Subgroup, by_group, worst_group
from radiolens.evaluation.targets import Target, Verdict, judge
from radiolens.evaluation.thresholds import Criterion, Rule, choose
from radiolens.evaluation.wilson import cases_for_half_width, wilson_bounds, z_value

__all__ = [
    "FEWEST",
    "PRECISION",
    "ByPatient",
    "Grouped",
    "LocalCases",
    "ThresholdPlan",
    "check_enough",
    "plan_threshold",
]

FEWEST = 10
"""Of each class, of a site and of a subgroup: the interval of fewer says next to nothing."""

PRECISION = 0.05
"""The half width of an interval that is usually wanted."""

_EXPECTED_SHARE = 0.9
"""What a usable test may reach, where there are too few cases to tell."""

_OPTIMISM = (
    "The threshold was chosen on the cases that it is judged on, which flatters it; the figures corrected for "
    "that do not. Confirm it on new cases before it is used."
)
_OPTIMISM_UNKNOWN = (
    "The threshold was chosen on the cases that it is judged on, which flatters it, and there are too few to tell how "
    "much. Confirm it on new cases before it is used."
)


@dataclass(frozen=True, eq=False)
class LocalCases:
    """The scored cases of one site, row by row.

    `truth` (n,) says who has the label, `scores` (n,) are probabilities, `patients` (n,) names the patient of each.
    `callable_rows` (n,) is False where another of several exclusive labels is likelier, so that no threshold calls the
    row positive. `attributes` names subgroups: for each attribute the group of each row, as text.
    """

    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]
    patients: NDArray[np.str_]
    callable_rows: NDArray[np.bool_]
    attributes: Mapping[str, NDArray[np.str_]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def positives(self) -> int:
        """Return the number of cases that have the label."""
        return int(self.truth.sum())

    @property
    def negatives(self) -> int:
        """Return the number of cases that do not have it."""
        return int((~self.truth).sum())

    @property
    def patient_count(self) -> int:
        """Return the number of patients."""
        return len(np.unique(self.patients))


@dataclass(frozen=True)
class ByPatient:
    """The shares of the chosen cut-off with intervals that take the images of a patient together."""

    sensitivity: Interval
    specificity: Interval


@dataclass(frozen=True)
class Grouped:
    """One share by one attribute; the support of a group is its cases of that class.

    The interval of a group with fewer than ten is nan. `worst` is the group with the lowest share, None unless two
    groups differ.
    """

    attribute: str
    measure: str
    groups: tuple[Subgroup, ...]
    worst: Subgroup | None


@dataclass(frozen=True)
class ThresholdPlan:
    """What was chosen and what it rests on.

    `chosen` is judged on the cases it was chosen on, which is optimistic; `corrected` on new patients. `by_patient` is
    None where every patient has one image. `remarks` are sentences that a reader must see.
    """

    rule: Rule
    practice: Practice
    positives: int
    negatives: int
    patients: int
    chosen: CutOff
    corrected: Corrected
    by_patient: ByPatient | None
    shortfalls: tuple[Shortfall, ...]
    subgroups: tuple[Grouped, ...]
    verdict: Verdict | None
    remarks: tuple[str, ...]
    cut_offs: tuple[CutOff, ...]


def plan_threshold(
    cases: LocalCases,
    rule: Rule,
    practice: Practice,
    precision: float,
    target: Target | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ThresholdPlan:
    """Choose a threshold by `rule` and tell what it is worth; the same input gives the same plan.

    `precision` is the half width that the intervals of sensitivity and specificity should have. Raises DatasetError if
    a class has fewer than ten cases, or no cut-off reaches the target of the rule.
    """
    check_enough(cases, precision)
    points = cut_offs(cases.truth, cases.scores, cases.callable_rows)
    place = choose(points, rule, practice)
    if place is None:
        raise DatasetError(_unreachable(points, rule))
    progress(1, 3)
    random = np.random.default_rng(seed)
    fair = corrected(cases.truth, cases.scores, cases.patients, rule, practice, random, cases.callable_rows)
    progress(2, 3)
    called = cases.callable_rows & (cases.scores >= points.thresholds[place])
    clustered = _by_patient(cases, called, rule.level) if cases.patient_count < len(cases.truth) else None
    every = judged_cut_offs(points, practice, rule.level)
    chosen = every[place]
    plan = ThresholdPlan(
        rule=rule,
        practice=practice,
        positives=cases.positives,
        negatives=cases.negatives,
        patients=cases.patient_count,
        chosen=chosen,
        corrected=fair,
        by_patient=clustered,
        shortfalls=_shortfalls(chosen, precision, practice, rule.level),
        subgroups=tuple(_subgroups(cases, called, rule.level)),
        verdict=None if target is None else _verdict(target, points, chosen, fair, clustered, rule.level),
        remarks=tuple(_remarks(cases, points, place, practice, fair)),
        cut_offs=every,
    )
    progress(3, 3)
    return plan


def check_enough(cases: LocalCases, precision: float = PRECISION) -> None:
    """Raise DatasetError, with the number that a precision takes, if a class has fewer than ten cases."""
    if min(cases.positives, cases.negatives) >= FEWEST:
        return
    needed = cases_for_half_width(_EXPECTED_SHARE, precision)
    raise DatasetError(
        f"There are {cases.positives} positives and {cases.negatives} negatives; a threshold needs at least {FEWEST} "
        f"of each, since fewer leave it to chance. At a share of {_EXPECTED_SHARE:g}, {needed} of each give a "
        f"precision of +-{precision:g}. Collect more cases."
    )


def _unreachable(points: CutOffs, rule: Rule) -> str:
    by_sensitivity = rule.criterion is Criterion.SENSITIVITY
    total = points.positives if by_sensitivity else points.negatives
    best = int(points.true_positives[0]) if by_sensitivity else total - int(points.false_positives[-1])
    low = float(wilson_bounds(best, total, rule.level)[0])
    found = f"No cut-off has a {rule.criterion} of {rule.target:g}"
    if not rule.lower_bound:
        return f"{found}: the highest is {best / total:.3f}, {best} of {total} cases. Ask for less."
    squared = z_value(rule.level) ** 2
    enough = (
        "" if rule.target == 1 else f", or bring {int(squared * rule.target / (1 - rule.target)) + 1} cases or more"
    )
    return (
        f"{found} with its lower bound: the highest is {best / total:.3f}, {best} of {total} cases, and its lower "
        f"bound {low:.3f}. Ask for less{enough}."
    )


def _by_patient(cases: LocalCases, called: NDArray[np.bool_], level: float) -> ByPatient:
    positive, negative = cases.truth, ~cases.truth
    return ByPatient(
        clustered_share_interval(called[positive], cases.patients[positive], level),
        clustered_share_interval(~called[negative], cases.patients[negative], level),
    )


def _shortfalls(chosen: CutOff, precision: float, practice: Practice, level: float) -> tuple[Shortfall, ...]:
    counts, prevalence = chosen.counts, practice.prevalence
    return (
        shortfall("sensitivity", counts.true_positives, counts.positives, precision, prevalence, level),
        shortfall("specificity", counts.true_negatives, counts.negatives, precision, 1 - prevalence, level),
    )


def _subgroups(cases: LocalCases, called: NDArray[np.bool_], level: float) -> list[Grouped]:
    found = []
    for attribute, names in cases.attributes.items():
        for measure, side, right in (
            ("sensitivity", cases.truth, called),
            ("specificity", ~cases.truth, ~called),
        ):
            groups = by_group(partial(_share, level=level), [right[side], cases.patients[side]], names[side])
            judged = {group.interval.estimate for group in groups if group.support >= FEWEST}
            worst = worst_group(groups, FEWEST) if len(judged) > 1 else None  # of equal groups none is the worst
            found.append(Grouped(attribute, measure, groups, worst))
    return found


def _share(right: NDArray[np.bool_], patients: NDArray[np.str_], level: float) -> Interval:
    if len(right) < FEWEST:
        return Interval(nan, nan, nan, level, "Wilson")
    return clustered_share_interval(right, patients, level)


def _verdict(
    target: Target, points: CutOffs, chosen: CutOff, fair: Corrected, clustered: ByPatient | None, level: float
) -> Verdict:
    sensitivity, specificity = [chosen.sensitivity, fair.sensitivity], [chosen.specificity, fair.specificity]
    if clustered:
        sensitivity.append(clustered.sensitivity)
        specificity.append(clustered.specificity)
    return judge(target, points, sensitivity, specificity, level)


def _remarks(cases: LocalCases, points: CutOffs, place: int, practice: Practice, fair: Corrected) -> list[str]:
    told = [_OPTIMISM if isfinite(fair.sensitivity.estimate) else _OPTIMISM_UNKNOWN]
    if cases.patient_count < len(cases.truth):
        told.append(
            f"The {len(cases.truth)} images are of {cases.patient_count} patients. Wilson's intervals take images as "
            "independent and are too narrow; those by patient are not."
        )
    if place == 0:
        told.append("This threshold is the lowest score of all: it calls every case positive that can be called so.")
    nobody = 1000 * practice.prevalence * practice.cost_false_negative
    if practice.has_costs and nobody <= float(points.cost_per_1000(practice)[place]):
        told.append(f"At these costs it is as cheap to call nobody positive: {nobody:g} per 1000 patients.")
    return told
