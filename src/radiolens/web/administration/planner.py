"""What the planner's page is made of: which network and finding, the site's cases, and the plan of one step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from radiolens import evaluation
from radiolens.bundle import InstalledBundle
from radiolens.errors import DatasetError
from radiolens.inference.lineup import Lineup
from radiolens.inference.profile_file import extended
from radiolens.locale.translate import gettext as _
from radiolens.profile import Profile
from radiolens.web.administration.outcomes import answered_by, diagnoses, local_cases

if TYPE_CHECKING:  # loaded when they are first used, since they bring scipy
    from radiolens.evaluation import LocalCases, PlanSteps, ThresholdPlan

__all__ = [
    "Asked",
    "Jump",
    "SiteCases",
    "most_told",
    "plan_of_step",
    "plannable",
    "profile_with",
    "site_cases",
    "start_step",
]

_ORIGIN = "the site's own cases, by the diagnoses that were attached to them"
_TUBERCULOSIS = "tuberculosis"
_LEAST, _MOST = 0.0001, 0.9999

Jump = Literal["sensitivity-90", "sensitivity-95", "specificity-90", "youden"]
"""Where the slider can be put by one press."""

_JUMPS: Mapping[Jump, tuple[str, float]] = {
    "sensitivity-90": ("sensitivity", 0.9),
    "sensitivity-95": ("sensitivity", 0.95),
    "specificity-90": ("specificity", 0.9),
    "youden": ("youden", float("nan")),
}


@dataclass(frozen=True)
class Asked:
    """For which network and finding a threshold is planned, and the share of the tested who have it.

    `prevalence` is None for that of the cases.
    """

    installed: InstalledBundle
    label: str
    prevalence: float | None = None


@dataclass(frozen=True, eq=False)
class SiteCases:
    """The site's cases for one question.

    `unknown` counts the answered images of which no test told. `prevalence` is what was asked, or else that of the
    cases. `digest` tells whether they are still the same. `steps` is None where there are too few.
    """

    asked: Asked
    cases: LocalCases
    unknown: int
    prevalence: float
    digest: str
    steps: PlanSteps | None

    @property
    def several_images(self) -> bool:
        """Say whether some case has more than one image."""
        return self.cases.patient_count < len(self.cases.truth)


def plannable(lineup: Lineup) -> tuple[InstalledBundle, ...]:
    """Return the networks that a threshold can be planned for: those that answer, and those in the shadow."""
    found = list(lineup.predictor.shelf.installed.bundles)
    if lineup.shadow:
        found += lineup.shadow.shelf.installed.bundles
    return tuple({entry.sha256: entry for entry in found}.values())


def most_told(session: Session, viewer: UUID, questions: Sequence[Asked]) -> Asked:
    """Return the question of which the most outcomes are known, the first of equal ones."""
    known = diagnoses(session)
    networks = {asked.installed.sha256 for asked in questions}
    answered = {sha256: answered_by(session, viewer, sha256) for sha256 in networks}

    def told(asked: Asked) -> int:
        return sum(asked.label in known.get(entry.case_id, {}) for entry in answered[asked.installed.sha256])

    return max(questions, key=told)


def site_cases(session: Session, viewer: UUID, asked: Asked) -> SiteCases:
    """Return the cases whose answer the viewer may see and whose diagnosis is known."""
    answered = answered_by(session, viewer, asked.installed.sha256)
    cases = local_cases(answered, diagnoses(session), asked.label, exclusive=asked.installed.bundle.exclusive)
    own = cases.positives / len(cases.truth) if len(cases.truth) else 0.5
    prevalence = min(max(own if asked.prevalence is None else asked.prevalence, _LEAST), _MOST)
    steps = None
    if cases.callable_rows.any():
        try:
            steps = evaluation.offered_steps(cases, evaluation.Practice(prevalence))
        except DatasetError:
            steps = None  # too few of one class: the page tells how many there are
    digest = hashlib.sha256(cases.truth.tobytes() + cases.scores.tobytes() + cases.callable_rows.tobytes())
    return SiteCases(asked, cases, len(answered) - len(cases.truth), prevalence, digest.hexdigest()[:16], steps)


def start_step(found: PlanSteps, threshold: float, jump: Jump | None) -> tuple[int, str]:
    """Return at which step the slider stands at first, and what to say if the jump reaches no step.

    That is where the jump leads, or else the highest step that is at most `threshold`, the one that decides now.
    """
    if jump:
        name, target = _JUMPS[jump]
        at = found.at(evaluation.Rule(evaluation.Criterion(name), target))
        if at is not None:
            return at, ""
        return 0, _("No threshold reaches that on these cases. The slider stands at the highest sensitivity.")
    below = [number for number, step in enumerate(found.steps) if step.threshold <= threshold]
    return (below[-1] if below else 0), ""


def plan_of_step(found: SiteCases, steps: PlanSteps, step: int) -> ThresholdPlan:
    """Return the whole plan of a step: corrected for optimism, by patient, with what is missing; takes seconds."""
    return evaluation.plan_threshold(
        found.cases,
        evaluation.rule_of_step(steps.steps[step]),
        evaluation.Practice(found.prevalence),
        evaluation.PRECISION,
        evaluation.WHO_TRIAGE_2014 if found.asked.label == _TUBERCULOSIS else None,
    )


def profile_with(asked: Asked, plan: ThresholdPlan, site: str, day: str, present: Sequence[Profile]) -> Profile:
    """Return the site's profile with this threshold; other labels of its profile for the same network are kept."""
    identity = asked.installed.identity
    made = evaluation.profile_of(evaluation.Subject(identity, asked.label, site, _ORIGIN, day, ""), plan)
    own = [profile for profile in present if profile.bundle_sha256 == identity.sha256]
    return extended(own[-1], made) if own else made
