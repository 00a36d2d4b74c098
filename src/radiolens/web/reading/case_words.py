"""What is said of each image of a case: its stored answer in words, or how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from radiolens.bundle import InstalledBundle
from radiolens.inference.lineup import LiveLineup
from radiolens.inference.predict import AUTO
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.prediction import BundleIdentity
from radiolens.profile import Profile
from radiolens.tasks import get_task
from radiolens.web.profile_note import profile_in_force, profile_note, with_note
from radiolens.web.studies import STUDIES, Study
from radiolens.web.told import Card, tell, tell_of_absent, tell_refusal, tell_unreadable
from radiolens.worklist.facts import ImageFacts
from radiolens.worklist.views import CaseSummary, ImageView

__all__ = ["STATES", "AnsweringBundle", "FindBundle", "asked_words", "bundle_finder", "shown", "study_of"]


@dataclass(frozen=True)
class AnsweringBundle:
    """A bundle that answers, and the site's profile for it, or why the site's thresholds do not decide with it."""

    installed: InstalledBundle
    profile_note: str = ""
    profile: Profile | None = None


FindBundle = Callable[[BundleIdentity], AnsweringBundle | None]
"""Finds the bundle that answered, None if it does not answer any more."""

STATES: Mapping[str, str] = MappingProxyType(
    {
        "queued": N_("Waiting for the network."),
        "scoring": N_("The network is looking at it."),
        "scored": N_("The network has finished."),
        "answered": N_("Answered."),
        "refused": N_("Not analysed."),
        "unreadable": N_("Could not be read."),
        "failed": N_("The program failed on it."),
    }
)
"""How far an image is, in words."""


def bundle_finder(lineup: LiveLineup) -> FindBundle:
    """Return what finds bundles among those that answer now."""
    now = lineup.now
    versions = now.predictor.shelf.installed.versions

    def find(identity: BundleIdentity) -> AnsweringBundle | None:
        found = (entry for entry in versions.get(identity.name, ()) if entry.sha256 == identity.sha256)
        profile = profile_in_force(now.choice.profiles, identity)
        return next((AnsweringBundle(entry, profile_note(now, identity), profile) for entry in found), None)

    return find


def study_of(task: str) -> Study:
    """Return the study that asks all of a task, or lets the image choose."""
    whole = (study for study in STUDIES if study.task_name == task and not study.label)
    return next(whole, None) or Study(task, get_task(task).title, "", task)


def asked_words(case: CaseSummary) -> str:
    """Return what a case was asked for: studies that it came to, and the network that was named, if one was."""
    tasks = case.routed if case.task == AUTO else (case.task,)
    study = ", ".join(study_of(task).shown_title for task in tasks) or _("Let the image decide")
    bundle = case.bundle
    return _("%(study)s, asked of %(bundle)s", study=study, bundle=bundle) if bundle else study


def shown(image: ImageView, asked: str, find_bundle: FindBundle) -> Card | None:
    """Return what is said of an image that was asked for the task `asked`; None while there is nothing to say."""
    facts = image.facts or ImageFacts()
    prediction = image.prediction
    problems = [(problem.code, problem.message) for problem in image.problems]
    if prediction is None:
        if image.state == "refused":
            return tell_refusal(problems, facts)
        if image.state == "unreadable":
            return tell_unreadable(problems)
        return _failed() if image.state == "failed" else None
    if not prediction.answered:
        return tell_refusal([(entry.code.value, entry.message) for entry in prediction.quality.problems], facts)
    study = study_of(asked)
    answering = find_bundle(prediction.bundle) if prediction.bundle else None
    if answering is None:
        return tell_of_absent(prediction, facts, study)
    card = tell(prediction, facts, study, answering.installed, answering.profile)
    return with_note(card, answering.profile_note)


def _failed() -> Card:
    return Card(_("The program failed on this image: send it again, or have it read without the network"), "unreadable")
