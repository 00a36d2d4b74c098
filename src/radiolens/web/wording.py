"""Decisions in a clinician's words: what a finding, a prediction set and a refusal say. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import listed as listing
from radiolens.locale.writing import percent
from radiolens.prediction import Finding, Prediction, Presence
from radiolens.quality import ADVICE, ProblemCode
from radiolens.report.content import Reason
from radiolens.web.passages import told_of_file
from radiolens.web.studies import Study

__all__ = [
    "PROBLEM_TITLES",
    "Reading",
    "as_reason",
    "headline",
    "refused_headline",
    "set_note",
    "words",
]

_REFER = N_("have the image read by a radiologist")

PROBLEM_TITLES: Mapping[ProblemCode, str] = MappingProxyType(
    {
        ProblemCode.NOT_MEDICAL_IMAGE: N_("no medical image"),
        ProblemCode.WRONG_BODY_PART: N_("another part of the body"),
        ProblemCode.WRONG_VIEW: N_("not a frontal view"),
        ProblemCode.WRONG_MODALITY: N_("another kind of image"),
        ProblemCode.INVERTED: N_("black and white exchanged"),
        ProblemCode.ROTATED: N_("not upright"),
        ProblemCode.CROPPED: N_("not all in the picture"),
        ProblemCode.TOO_SMALL: N_("too few pixels"),
        ProblemCode.TOO_DARK: N_("too dark"),
        ProblemCode.TOO_BRIGHT: N_("too bright"),
        ProblemCode.OUTSIDE_INTENDED_USE: N_("outside the intended use"),
        ProblemCode.UNLIKE_TRAINING_DATA: N_("unlike the images it learnt from"),
        ProblemCode.TASK_UNDETERMINED: N_("no study fits for sure"),
        ProblemCode.UNREADABLE: N_("unreadable"),
        ProblemCode.TOO_LARGE: N_("too large"),
        ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX: N_("an encoding that is not read"),
        ProblemCode.UNRELEASED_FINDING: N_("no network for it"),
    }
)
"""What a problem is, in a few words, as a headline names it."""


_ON_THE_PAGE: Mapping[ProblemCode, str] = MappingProxyType(
    {ProblemCode.TASK_UNDETERMINED: N_("Choose the study and send the image again.")}
)
"""What to do, where the usual advice speaks of the command line."""


@dataclass(frozen=True)
class Reading:
    """What the words of an answer hang on: the asked findings, and what beside the decision explains them.

    `listed` are the labels that may be present by the prediction set, None where the bundle has no sets. `too_young`
    are those that are not meant for a patient of this age.
    """

    study: Study
    shown: tuple[Finding, ...]
    listed: frozenset[str] | None = None
    too_young: frozenset[str] = frozenset()

    @classmethod
    def of(cls, study: Study, prediction: Prediction, coverage: float, age_years: float | None) -> Reading:
        """Return the reading of a prediction by a bundle whose sets have this `coverage` (0: it has none)."""
        return cls(
            study,
            tuple(entry for entry in prediction.findings if study.shows(entry)),
            frozenset(prediction.prediction_set) if coverage else None,
            study.task.labels_below_age(age_years),
        )

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """Return what is present and not normal."""
        present = (entry for entry in self.shown if entry.presence is Presence.PRESENT)
        return tuple(entry for entry in present if not self.study.named(entry).normal)

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """Return what was not decided."""
        return tuple(entry for entry in self.shown if entry.presence is Presence.INDETERMINATE)

    @property
    def by_threshold(self) -> bool:
        """Say whether thresholds take part in the decision; the sets of an exclusive task decide alone."""
        return self.listed is None or not self.study.task.exclusive


def headline(reading: Reading) -> str:
    """Return the answer in one sentence; what is undecided stands in it, so that nobody takes it for absent."""
    undecided = [_undecided_title(reading, entry) for entry in reading.undecided]
    if reading.alarms:
        found = listing([_title(reading, entry) for entry in reading.alarms])
        if undecided:
            suspected = N_("%(findings)s suspected; undecided: %(undecided)s")
            return _sentence(_(suspected, findings=found, undecided=listing(undecided)))
        return _sentence(_("%(findings)s suspected", findings=found))
    if not undecided:
        return reading.study.negative_answer
    if not reading.study.task.exclusive:
        return _not_told(listing(undecided))
    if reading.listed is not None and not reading.listed:
        return _not_told(_("the image fits none of the answers"))
    if len(undecided) == len(reading.shown) > 1:
        return _not_told(_("every answer is possible"))
    return _not_told(listing(undecided, "or"))


def words(reading: Reading, finding: Finding, threshold: str) -> str:
    """Return the decision on one finding; `threshold` is the text of its threshold."""
    exclusive = reading.study.task.exclusive
    if finding.presence is Presence.INDETERMINATE:
        return _undecided(reading, finding, threshold)
    if exclusive and finding.presence is Presence.ABSENT:
        return _("less likely")
    if exclusive and reading.listed is not None:
        return _("the only answer that fits")
    if finding.presence is Presence.ABSENT:
        return _("not found (threshold %(threshold)s)", threshold=threshold)
    present = N_("most likely (threshold %(threshold)s)") if exclusive else N_("suspected (threshold %(threshold)s)")
    return _(present, threshold=threshold)


def set_note(coverage: float) -> str:
    """Return what a bundle's prediction sets promise, empty if it has none (`coverage` 0)."""
    if not coverage:
        return ""
    return _(
        "An answer is given only where no other one is possible. The possible answers are chosen so that the true one "
        "is among them in %(percent)s of images like those that the network was calibrated on; images of another "
        "hospital may keep that promise less often.",
        percent=percent(coverage),
    )


def as_reason(code: str, message: str) -> Reason:
    """Return a problem as the page shows it; advice that the message ends with is parted from what was found."""
    known = ProblemCode(code)
    advice = ADVICE[known] if message.endswith(ADVICE[known]) else ""
    title, found = _sentence(_(PROBLEM_TITLES[known])), message.removesuffix(advice).strip()
    said, to_do = told_of_file(found), _(_ON_THE_PAGE.get(known, advice)) if advice else ""
    return Reason(title, said.text, to_do, code, said.language)


def refused_headline(codes: Sequence[str]) -> str:
    """Return why an image was not analysed."""
    titles = dict.fromkeys(PROBLEM_TITLES[ProblemCode(code)] for code in codes)
    return _("Not analysed: %(reasons)s", reasons=", ".join(map(_, titles)))


def _undecided_title(reading: Reading, finding: Finding) -> str:
    title = _title(reading, finding)
    return _("%(finding)s, not meant for this age", finding=title) if finding.label in reading.too_young else title


def _title(reading: Reading, finding: Finding) -> str:
    return _(reading.study.named(finding).title).lower()


def _not_told(why: str) -> str:
    return _("Undecided (%(why)s): %(advice)s", why=why, advice=_(_REFER))


def _sentence(words: str) -> str:
    """Return words as the beginning of a sentence, without lowering the rest (MR, CT)."""
    return words[:1].upper() + words[1:]


def _undecided(reading: Reading, finding: Finding, threshold: str) -> str:
    if finding.label in reading.too_young:
        youngest = reading.study.named(finding).youngest_age
        return _("Not decided: it is meant for patients of %(age)s years and older", age=youngest)
    if reading.listed is None:
        return _("undecided (threshold %(threshold)s)", threshold=threshold)
    if reading.study.task.exclusive:
        possible = finding.label in reading.listed
        return _("possible") if possible else _("undecided: the image fits none of the answers")
    return _between(finding, reading.listed, threshold)


def _between(finding: Finding, listed: Collection[str], threshold: str) -> str:
    """Return why the set of a finding leaves it undecided: by the threshold's side, and whether it may be present."""
    reached, possible = finding.probability >= finding.threshold, finding.label in listed
    if reached and possible:
        return _("undecided: the network cannot tell: present and absent are both possible")
    if possible:
        return _("undecided: below the threshold of %(threshold)s, but it cannot be ruled out", threshold=threshold)
    if reached:
        reason = N_("undecided: above the threshold of %(threshold)s, but not by enough to be believed")
        return _(reason, threshold=threshold)
    return _("undecided: the image looks like neither those with it nor those without")
