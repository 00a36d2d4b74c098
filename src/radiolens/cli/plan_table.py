"""A planned threshold in words and a table, for people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from radiolens.evaluation.cut_offs import CutOff
    from radiolens.evaluation.intervals import Interval
    from radiolens.evaluation.plan_profile import Subject
    from radiolens.evaluation.sample_size import Shortfall
    from radiolens.evaluation.targets import Verdict
    from radiolens.evaluation.threshold_plan import ThresholdPlan

__all__ = ["plan_table"]

_ROWS = 15
"""Cut-offs that are printed; all of them are in plan.json."""


def plan_table(subject: Subject, plan: ThresholdPlan) -> str:
    """Return some of the cut-offs, evenly spaced, the chosen one marked, and below them what must be known of it."""
    costs = plan.practice.has_costs
    header = (
        f"  {'cut-off':>8}  {'sensitivity':<20} {'specificity':<20} {'PPV':<20} {'NPV':<20} "
        f"{'tests':>6} {'called':>6} {'missed':>6}{'  cost' if costs else ''}"
    )
    last = len(plan.cut_offs) - 1
    places = {round(number * last / (_ROWS - 1)) for number in range(_ROWS)} | {plan.cut_offs.index(plan.chosen)}
    rows = [_row(plan.cut_offs[place], plan.chosen, costs=costs) for place in sorted(places)]
    footnote = (
        f"{len(rows)} of {len(plan.cut_offs)} cut-offs. PPV, NPV at a prevalence of {plan.practice.prevalence:.3g}; "
        "tests: called positives to confirm for one who has it; called, missed, cost: of 1000 patients."
    )
    return "\n".join([header, *rows, footnote, "", *_sentences(subject, plan)])


def _row(entry: CutOff, chosen: CutOff, *, costs: bool) -> str:
    shares = " ".join(f"{_told(value):<20}" for value in (entry.sensitivity, entry.specificity, entry.ppv, entry.npv))
    cost = f" {entry.cost_per_1000:>9.1f}" if costs else ""
    mark, tests = ">" if entry is chosen else " ", entry.number_needed_to_test.estimate
    return (
        f"{mark} {entry.threshold:>8.4f}  {shares} {tests:>6.1f} {entry.called_per_1000:>6.0f} "
        f"{entry.missed_per_1000:>6.1f}{cost}"
    )


def _sentences(subject: Subject, plan: ThresholdPlan) -> Iterator[str]:
    chosen, fair = plan.chosen, plan.corrected
    identity = subject.bundle
    yield (
        f"Threshold of {subject.label} for {identity.name} {identity.version} ({identity.sha256[:12]}): "
        f"{chosen.threshold:.4f}"
    )
    yield f"  on these cases: sensitivity {_told(chosen.sensitivity)}, specificity {_told(chosen.specificity)}"
    if math.isfinite(fair.sensitivity.estimate):
        yield (
            f"  corrected for optimism: sensitivity {_told(fair.sensitivity)}, specificity {_told(fair.specificity)}"
            f"; chosen on samples of the patients: {fair.threshold_low:.4f} to {fair.threshold_high:.4f}"
        )
    if plan.by_patient:
        clustered = plan.by_patient
        yield (f"  by patient: sensitivity {_told(clustered.sensitivity)}, specificity {_told(clustered.specificity)}")
    yield from map(_precision, plan.shortfalls)
    for grouped in plan.subgroups:
        parts = ", ".join(f"{group.name} ({group.support}) {_told(group.interval)}" for group in grouped.groups)
        worst = f"; lowest: {grouped.worst.name}" if grouped.worst else ""
        yield f"{grouped.measure} by {grouped.attribute}: {parts}{worst}"
    if plan.verdict:
        yield from _verdict(plan.verdict)
    yield from (f"Note: {remark}" for remark in (*plan.remarks, *subject.remarks))


def _precision(entry: Shortfall) -> str:
    found = f"{entry.measure}: {entry.cases} cases give a precision of +-{entry.half_width:.3f}"
    if not entry.missing:
        return f"{found}, enough for +-{entry.wanted:g}."
    return (
        f"{found}, too few for +-{entry.wanted:g}: {entry.missing} more are needed, about {entry.patients} patients at "
        "this prevalence."
    )


def _verdict(verdict: Verdict) -> Iterator[str]:
    lows = f"lower bounds {verdict.sensitivity_low:.3f} and {verdict.specificity_low:.3f}"
    yield f"{verdict.target.name}: {'reached' if verdict.met else 'not reached'} ({lows})."
    if verdict.reached_from is not None and verdict.reached_to is not None:
        yield f"  Both bounds of these cases reach it from {verdict.reached_from:.4f} to {verdict.reached_to:.4f}."
    else:
        yield "  No cut-off reaches it with both bounds on these cases."
    if not verdict.met:
        needed = [
            f"{count} {name}" if count is not None else f"no number of {name} (the share itself is too low)"
            for count, name in ((verdict.positives_needed, "positives"), (verdict.negatives_needed, "negatives"))
        ]
        yield f"  To show it in four of five samples at this cut-off: {', '.join(needed)}."
    yield f"  {verdict.target.note}"


def _told(interval: Interval) -> str:
    if math.isnan(interval.estimate):
        return "-"
    return f"{interval.estimate:.3f} ({interval.low:.3f}-{interval.high:.3f})"
