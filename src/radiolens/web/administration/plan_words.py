"""A planned threshold in words, in the reader's language: what it is worth, and what to know before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import percent
from radiolens.web.administration.curves import shown

if TYPE_CHECKING:  # loaded when it is first used, since it brings scipy
    from radiolens.evaluation import ThresholdPlan

__all__ = ["PlanWords", "plan_words"]

_MEASURES = {"sensitivity": N_("Sensitivity"), "specificity": N_("Specificity")}


@dataclass(frozen=True)
class PlanWords:
    """`rows` are sensitivity and specificity as seen, corrected for optimism and by patient; `sentences` the rest."""

    threshold: str
    rows: tuple[tuple[str, str, str], ...]
    sentences: tuple[str, ...]


def plan_words(plan: ThresholdPlan) -> PlanWords:
    """Return a plan as the page tells it."""
    chosen, fair = plan.chosen, plan.corrected
    rows = [(_("On these cases"), shown(chosen.sensitivity), shown(chosen.specificity))]
    if isfinite(fair.sensitivity.estimate):
        rows.append((_("On new patients, corrected for optimism"), shown(fair.sensitivity), shown(fair.specificity)))
    if plan.by_patient:
        rows.append(
            (
                _("Images of a patient taken together"),
                shown(plan.by_patient.sensitivity),
                shown(plan.by_patient.specificity),
            )
        )
    return PlanWords(percent(chosen.threshold, 2), tuple(rows), tuple(_sentences(plan)))


def _sentences(plan: ThresholdPlan) -> Iterator[str]:
    fair = plan.corrected
    yield _(
        "Chosen on %(positives)s images with and %(negatives)s without the finding, of %(patients)s patients.",
        positives=plan.positives,
        negatives=plan.negatives,
        patients=plan.patients,
    )
    if isfinite(fair.sensitivity.estimate):
        yield _("A threshold looks best on the cases it was chosen on. Confirm it on new cases before it is used.")
        ends = {"low": percent(fair.threshold_low, 1), "high": percent(fair.threshold_high, 1)}
        yield _("On other samples of such patients the choice would fall between %(low)s and %(high)s.", **ends)
    else:
        yield _(
            "There are too few cases to tell how much the choice flatters. Confirm it on new cases before it is used."
        )
    if plan.chosen.threshold == plan.cut_offs[0].threshold:
        yield _("This threshold calls every case positive that can be called so.")
    yield from _shortfalls(plan)
    yield from _verdict(plan)


def _shortfalls(plan: ThresholdPlan) -> Iterator[str]:
    for entry in plan.shortfalls:
        told = {
            "measure": _(_MEASURES[entry.measure]),
            "cases": entry.cases,
            "width": percent(entry.half_width, 1),
            "wanted": percent(entry.wanted, 1),
        }
        if entry.missing:
            text = _(
                "%(measure)s: %(cases)s cases tell it to plus or minus %(width)s; %(missing)s more are needed for "
                "plus or minus %(wanted)s, about %(patients)s patients at this prevalence.",
                **told,
                missing=entry.missing,
                patients=entry.patients,
            )
        else:
            text = _("%(measure)s: %(cases)s cases tell it to plus or minus %(width)s, which is enough.", **told)
        yield text


def _verdict(plan: ThresholdPlan) -> Iterator[str]:
    verdict = plan.verdict
    if verdict is None:
        return
    told = {
        "sensitivity": percent(verdict.target.sensitivity),
        "specificity": percent(verdict.target.specificity),
        "low": percent(verdict.sensitivity_low, 1),
        "other": percent(verdict.specificity_low, 1),
    }
    if verdict.met:
        yield _(
            "The WHO's target for a triage test of 2014 (%(sensitivity)s sensitivity, %(specificity)s specificity) is "
            "reached by the lower bounds, %(low)s and %(other)s.",
            **told,
        )
    else:
        yield _(
            "The WHO's target for a triage test of 2014 (%(sensitivity)s sensitivity, %(specificity)s specificity) is "
            "not reached by the lower bounds, %(low)s and %(other)s.",
            **told,
        )
    yield _("The WHO means disease that was confirmed by microbiology; other diagnoses do not show that it is met.")
