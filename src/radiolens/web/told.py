"""What a clinician reads of one answer, in words: from the prediction, the header's facts and what its bundle says.

Nothing is decided here, and no pixels are needed: the same words stand beside an image and in a case whose images are
erased. `cards.py` adds the pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radiolens.bundle import OCCLUSION_MAP, Bundle, InstalledBundle
from radiolens.locale.translate import N_, ngettext
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import number, percent
from radiolens.prediction import BundleIdentity, Finding, Prediction, Presence
from radiolens.profile import Profile
from radiolens.quality import ProblemCode
from radiolens.report.content import Passage, Reason
from radiolens.web.map_evidence import map_evidence
from radiolens.web.passages import bundle_text, told_of_file
from radiolens.web.studies import IMPORTED, Study
from radiolens.web.wording import Reading, as_reason, headline, refused_headline, set_note, words
from radiolens.worklist.facts import ImageFacts

__all__ = ["Card", "FindingRow", "HeatMap", "tell", "tell_of_absent", "tell_refusal", "tell_unreadable"]


@dataclass(frozen=True)
class FindingRow:
    """One finding as shown: `number` is the text of the probability or score, the others are 0 to 100 for the bar.

    `state` is that of its bar: present only for what the clinician should look at. `number` is empty, and there is no
    bar, where the finding is not meant for the patient; `threshold_percent` is None where no threshold decided.
    """

    title: str
    number: str
    words: str
    state: str
    bar_percent: float
    threshold_percent: float | None


@dataclass(frozen=True)
class HeatMap:
    """The map of one finding as a picture that lies over the image; `empty` if it shows nothing."""

    title: str
    picture: str
    empty: bool


@dataclass(frozen=True)
class Card:
    """One result as shown. `token` tells its elements from those of other cards on the page; `files` are a series's.

    `state` is present, indeterminate, absent, refused or unreadable.
    `occlusion` says that the heat maps are occlusion maps, `map_evidence` what was measured of such maps. `set_note` is
    what prediction sets promise, `data` what the model learnt from, by source.
    """

    headline: str
    state: str
    token: str = ""
    name: str = ""
    study: str = ""
    files: int = 1
    problems: tuple[Reason, ...] = ()
    rows: tuple[FindingRow, ...] = ()
    picture: str = ""
    heat_maps: tuple[HeatMap, ...] = ()
    occlusion: bool = False
    map_evidence: str = ""
    slice_note: str = ""
    thresholds: str = ""
    profile_note: str = ""
    set_note: str = ""
    model: BundleIdentity | None = None
    limits: tuple[Passage, ...] = ()
    data: tuple[str, ...] = ()
    remarks: tuple[Passage, ...] = ()
    seconds: float = 0.0


def tell(
    prediction: Prediction, facts: ImageFacts, study: Study, installed: InstalledBundle, profile: Profile | None = None
) -> Card:
    """Return what is said of an answered image; `installed` is the bundle that answered, `study` what was asked.

    `profile` is the site's that is in force for that bundle, None if there is none.
    """
    bundle = installed.bundle
    study = study.on(prediction.task).answering(bundle.labels)
    reading = Reading.of(study, prediction, bundle.coverage, facts.age_years)
    shown = reading.shown
    if not shown:
        return Card(_("Not analysed: nothing installed answers this study"), "refused", problems=(_no_network(bundle),))
    return Card(
        headline(reading) if bundle.calibrated else f"{headline(reading)} ({_(IMPORTED)})",
        _state(study, shown),
        rows=tuple(_row(reading, entry, calibrated=bundle.calibrated) for entry in shown),
        occlusion=bundle.explanation == OCCLUSION_MAP,
        map_evidence=map_evidence(installed),
        slice_note=_slice_note(study, prediction, facts, calibrated=bundle.calibrated),
        thresholds=_thresholds(bundle, shown, profile) if reading.by_threshold else "",
        set_note=set_note(bundle.coverage),
        model=prediction.bundle,
        limits=study.concerning(bundle.limits, facts),
        data=_data(bundle),
        remarks=tuple(map(told_of_file, facts.warnings)),
    )


def tell_of_absent(prediction: Prediction, facts: ImageFacts, study: Study) -> Card:
    """Return what is said of an image that was answered by a bundle that is not installed any more.

    What only the bundle knows is left out: what its sets promise, where its thresholds come from, what its maps show.
    """
    labels = tuple(entry.label for entry in prediction.findings)
    study = study.on(prediction.task).answering(labels)
    coverage = float(bool(prediction.prediction_set))  # whether there are sets is all that words need of it
    reading = Reading.of(study, prediction, coverage, facts.age_years)
    calibrated = prediction.bundle is None or prediction.bundle.calibrated
    return Card(
        headline(reading) if calibrated else f"{headline(reading)} ({_(IMPORTED)})",
        _state(study, reading.shown),
        rows=tuple(_row(reading, entry, calibrated=calibrated) for entry in reading.shown),
        slice_note=_slice_note(study, prediction, facts, calibrated=calibrated),
        model=prediction.bundle,
        limits=study.concerning(study.task.limit_texts(labels), facts),
        remarks=tuple(map(told_of_file, facts.warnings)),
    )


def tell_refusal(problems: Sequence[tuple[str, str]], facts: ImageFacts) -> Card:
    """Return what is said of an image that was refused, by the code and the message of each problem."""
    middle = facts.slice_indices[len(facts.slice_indices) // 2]
    return Card(
        refused_headline([code for code, _message in problems]),
        "refused",
        problems=_problems(problems),
        slice_note=f"{_place(facts, middle)}." if facts.is_volume else "",
    )


def tell_unreadable(problems: Sequence[tuple[str, str]]) -> Card:
    """Return what is said of a file that could not be read, by the code and the message of each problem."""
    return Card(_("This file could not be read"), "unreadable", problems=_problems(problems))


def _problems(problems: Sequence[tuple[str, str]]) -> tuple[Reason, ...]:
    return tuple(as_reason(code, message) for code, message in problems)


def _no_network(bundle: Bundle) -> Reason:
    told = N_("%(name)s %(version)s, which is installed for this study, answers %(labels)s.")
    found = _(told, name=bundle.name, version=bundle.version, labels=", ".join(bundle.labels))
    return Reason(_("No network for it"), found, _("Choose another study."), ProblemCode.UNRELEASED_FINDING)


def _state(study: Study, shown: Sequence[Finding]) -> str:
    if any(_is_alarm(study, entry) for entry in shown):
        return "present"
    undecided = any(entry.presence is Presence.INDETERMINATE for entry in shown)
    return "indeterminate" if undecided else "absent"


def _is_alarm(study: Study, finding: Finding) -> bool:
    return finding.presence is Presence.PRESENT and not study.named(finding).normal


def _row(reading: Reading, finding: Finding, *, calibrated: bool) -> FindingRow:
    number, threshold = (_percents if calibrated else _scores)(finding.probability, finding.threshold)
    meant = finding.label not in reading.too_young
    return FindingRow(
        title=_(reading.study.named(finding).title),
        number=number if meant else "",
        words=words(reading, finding, threshold),
        state=_state(reading.study, [finding]),
        bar_percent=round(100 * finding.probability, 1),
        threshold_percent=round(100 * finding.threshold, 1) if reading.by_threshold else None,
    )


def _scores(score: float, threshold: float) -> tuple[str, str]:
    """Return both from 0 to 1, so that the score is not read as a percentage; with digits as `_percents`."""
    digits = next((n for n in (2, 3, 4, 5) if f"{score:.{n}f}" != f"{threshold:.{n}f}"), 2)
    return _("score %(score)s", score=number(score, digits)), number(threshold, digits)


def _percents(probability: float, threshold: float) -> tuple[str, str]:
    """Return both as percentages; with more digits where one would show two different numbers as the same."""
    digits = next((n for n in (1, 2, 3) if f"{probability:.{n + 2}f}" != f"{threshold:.{n + 2}f}"), 1)
    shown = percent(probability, digits)
    if probability < 0.0005:
        shown = _("below %(percent)s", percent=percent(0.001, 1))
    if probability > 0.9995:
        shown = _("above %(percent)s", percent=percent(0.999, 1))
    return shown, percent(threshold, digits)


def _place(facts: ImageFacts, position: int) -> str:
    return _("Slice %(number)s of %(count)s", number=position + 1, count=facts.slice_count)


def _slice_note(study: Study, prediction: Prediction, facts: ImageFacts, *, calibrated: bool) -> str:
    if not facts.is_volume:
        return ""
    position = facts.slice_indices[0] if facts.map_slice is None else facts.map_slice
    read, place = len(facts.slice_indices), _place(facts, position)
    if read == 1:
        return _("%(slice)s. The answer is of this slice alone; the others were not looked at.", slice=place)
    leading = max(prediction.findings, key=lambda finding: finding.probability)
    highest = N_("%(slice)s, the one with the highest probability of %(finding)s.")
    if not calibrated:
        highest = N_("%(slice)s, the one with the highest score of %(finding)s.")
    mean = ngettext(
        "The answer is the mean over %(count)s slice of the middle of the scan; the others were not looked at.",
        "The answer is the mean over %(count)s slices of the middle of the scan; the others were not looked at.",
        read,
        count=read,
    )
    leading_title = _(study.named(leading).title).lower()
    return " ".join([_(highest, slice=place, finding=leading_title), mean, *_alone(study, prediction)])


def _alone(study: Study, prediction: Prediction) -> Iterator[str]:
    """Say in how many slices of a volume a finding is present by itself, since the mean hides what is in a few."""
    findings = (entry for slice_ in prediction.slices for entry in slice_.findings)
    present = Counter(entry.label for entry in findings if entry.presence is Presence.PRESENT)
    for label in study.task.labels:
        if present[label.name] and not label.normal and study.label in ("", label.name):
            yield ngettext(
                "%(count)s of them is by itself called %(finding)s.",
                "%(count)s of them are by themselves called %(finding)s.",
                present[label.name],
                count=present[label.name],
                finding=_(label.title).lower(),
            )


_BASES = (
    N_("best balanced accuracy on the validation split, every source weighing the same among present and absent"),
    N_(
        "best balanced accuracy on answers out of fold: those to the folds 1, 2, 3, 4, each by the network that was "
        "trained without it, and this network's to validation cases without a fold, every source weighing the same "
        "among present and absent"
    ),
    N_(
        "best balanced accuracy on answers out of fold: those to the folds 1, 2, 3, 4, each by the network that was "
        "trained without it, and this network's to validation cases without a fold, every source weighing the same "
        "among present and absent, or lower as long as 0.95 of the absent cases of every source lie below"
    ),
    N_("one half: the label is likelier than all others together"),
)
"""What the released bundles say of their thresholds, here only to be translated; a site's own text stays as it is."""


def _thresholds(bundle: Bundle, shown: Sequence[Finding], profile: Profile | None) -> str:
    """Say whose the thresholds are; of a stored answer they may be the model's although a profile is in force now."""
    if any(_is_the_sites(entry, bundle, profile) for entry in shown):
        return _("The thresholds were set by this site.")
    basis = bundle_text(bundle.threshold_evidence.split(". ")[0])  # behind it stand numbers of images
    if basis.language and profile:
        return _("The thresholds are those of the model.")
    if basis.language:
        return _("The thresholds are those of the model; your site has set none.")
    told = N_("The thresholds are those of the model (basis: %(basis)s); your site has set none.")
    if profile:
        told = N_("The thresholds are those of the model (basis: %(basis)s).")
    return _(told, basis=basis.text)


def _is_the_sites(finding: Finding, bundle: Bundle, profile: Profile | None) -> bool:
    """Say whether a site set the threshold of a finding: perhaps to the model's number, perhaps by an older profile."""
    own = profile.thresholds.get(finding.label) if profile else None
    return finding.threshold == own or finding.threshold != bundle.thresholds[finding.label]


def _data(bundle: Bundle) -> tuple[str, ...]:
    """Say on how many images of which source the network was trained; empty where the bundle does not tell."""
    provenance: Mapping[str, Any] = bundle.provenance
    counts: Mapping[str, Mapping[str, int]] = provenance.get("cases", {})
    trained = ((source, told["train"]) for source, told in sorted(counts.items()) if told.get("train"))
    return tuple(
        ngettext("%(source)s: %(count)s image", "%(source)s: %(count)s images", n, source=source, count=number(n))
        for source, n in trained
    )
