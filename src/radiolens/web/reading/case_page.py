"""What the page of a case shows: a typed context, made from what may be disclosed to this reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from radiolens.inference.predict import AUTO
from radiolens.locale.translate import N_, ngettext
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import moment
from radiolens.prediction import Presence
from radiolens.store.schema import AnswerStage, CaseState, ImageState
from radiolens.tasks import TASKS, get_task
from radiolens.web.accounts.principal import Permission, Principal
from radiolens.web.pages import DISCLAIMER
from radiolens.web.reading.case_words import STATES, FindBundle, asked_words, shown
from radiolens.web.reading.questions import Asked, in_words, questions
from radiolens.web.told import Card
from radiolens.worklist.facts import NotKept
from radiolens.worklist.results import UNFINISHED
from radiolens.worklist.views import AnswerView, CaseView, DiagnosisView, ImageView

__all__ = [
    "NOT_KEPT",
    "REASONS",
    "TESTS",
    "CasePage",
    "Draft",
    "Entry",
    "MapChoice",
    "Reason",
    "ShownImage",
    "case_page",
]

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "not_there": N_("The network calls something that is not there"),
        "missed": N_("The network misses something that is there"),
        "other_cause": N_("What is seen has another cause (scar, device, artefact)"),
        "quality": N_("The quality of the image misleads it"),
        "history": N_("History or other tests say otherwise"),
        "other": N_("Another reason, told in the comment"),
    }
)
"""Why a reader decides otherwise than the network: what is stored, and its words."""

TESTS = (
    "Xpert MTB/RIF",
    N_("Sputum culture"),
    N_("Sputum smear"),
    N_("Histology"),
    N_("CT"),
    N_("Follow-up"),
)
"""What a final diagnosis often comes from; any other may be written."""

NOT_KEPT: Mapping[NotKept, str] = MappingProxyType(
    {
        NotKept.BURNT_IN_TEXT: N_("No copy of this image is kept: text may be burnt into its pixels."),
        NotKept.RECOGNIZABLE: N_("No copy of this image is kept: its file says that the patient could be recognised."),
        NotKept.NOT_MEDICAL_IMAGE: N_("No copy of this image is kept: a picture with colours may show anything."),
        NotKept.UNREADABLE: N_("No copy of this image is kept: it could not be opened."),
        NotKept.NO_ROOM: N_("No copy of this image is kept: there is no room for more."),
        NotKept.NOT_STORED: N_("No copy of this image is kept: it could not be written."),
    }
)
"""Why no de-identified copy is kept, in words."""


@dataclass(frozen=True)
class MapChoice:
    """A heat map that can be laid over the image."""

    label: str
    title: str


@dataclass(frozen=True)
class ShownImage:
    """One image of a case. `card` is None while the answer is hidden or not there; `address` leads to its slices.

    `first_slice` is the one to show first, None for the middle; `read_slices` those that the network looked at.
    `keeping` says whether a de-identified copy is kept, and `keeping_is_bad` that there is a reason against it.
    """

    position: int
    address: str
    working_copy: bool
    readable: bool
    state_words: str
    short: str
    card: Card | None
    maps: tuple[MapChoice, ...]
    read_slices: tuple[int, ...]
    first_slice: int | None
    keeping: str = ""
    keeping_is_bad: bool = False

    @property
    def map_kind(self) -> str:
        """Return what kind of maps these are."""
        return _("Occlusion map") if self.card and self.card.occlusion else _("Heat map")

    @property
    def map_meaning(self) -> str:
        """Return what such a map means, and what not."""
        if self.card and self.card.occlusion:
            return _(
                "Colour shows where hiding a part of the image lowered the network's score. It does not outline "
                "disease, and places without colour are not thereby free of it."
            )
        return _(
            "Colour shows what raised the network's score; pale yellow is the strongest place of this map. It does "
            "not outline disease, and places without colour are not thereby free of it."
        )

    @property
    def map_evidence(self) -> str:
        """Return what was measured of such maps."""
        return self.card.map_evidence if self.card else ""


@dataclass(frozen=True)
class Reason:
    """A reason as it is stored, and its words."""

    value: str
    words: str


@dataclass(frozen=True)
class Entry:
    """One line of what was said of a case: who, when, what."""

    who: str
    created: datetime
    what: str
    comment: str


@dataclass(frozen=True)
class Draft:
    """What a reader has filled in, shown again with what is wrong about it."""

    presence: Mapping[str, Presence] = field(default_factory=dict)
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True)
class CasePage:
    """What `reading/case.html` shows.

    `hidden`: this reader has to answer first. `waiting`: the network has not finished, and nothing is hidden.
    `pending`: it has not finished and the reader does not wait for it. `before` and `mine` are the reader's own answers
    in words, before and after the network's was shown. `refilled`: a form comes back with what was wrong about it.
    """

    case_id: UUID
    label: str
    asked: str
    received: datetime
    received_by: str
    closed: bool
    keep_days: int | None
    erase_after: datetime | None
    images: tuple[ShownImage, ...]
    chosen: ShownImage
    hidden: bool
    waiting: bool
    pending: bool
    young: bool
    questions: tuple[Asked, ...]
    before: str
    mine: str
    can_agree: bool
    history: tuple[Entry, ...]
    next_case: UUID | None
    may_answer: bool
    may_export: bool
    chosen_presence: Mapping[str, Presence]
    chosen_reason: str = ""
    chosen_comment: str = ""
    refilled: bool = False
    notice: str = ""
    notice_is_bad: bool = False
    disclaimer: str = DISCLAIMER

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return the reasons to choose from."""
        return tuple(Reason(value, _(words)) for value, words in REASONS.items())

    @property
    def tests(self) -> tuple[str, ...]:
        """Return the tests that are offered."""
        return tuple(_(name) for name in TESTS)


def case_page(
    case: CaseView,
    principal: Principal,
    find_bundle: FindBundle,
    *,
    position: int = 0,
    next_case: UUID | None = None,
    draft: Draft | None = None,
    notice: str = "",
    notice_is_bad: bool = False,
) -> CasePage:
    """Return the page of a case as this reader may see it; `position` is the image that is looked at."""
    images = tuple(_shown_image(case, image, find_bundle) for image in case.images)
    chosen = images[min(max(position, 0), len(images) - 1)]
    looked_at = case.images[chosen.position]
    unfinished = any(image.state in UNFINISHED for image in case.images)
    own = [answer for answer in case.answers if answer.mine]
    before, after = _latest(own, AnswerStage.BEFORE), _latest(own, AnswerStage.AFTER)
    summary = case.summary
    filled = draft or _draft(after or before)
    return CasePage(
        case_id=summary.case_id,
        label=summary.label,
        asked=_asked(case),
        received=summary.received,
        received_by=summary.received_by,
        closed=summary.state is CaseState.CLOSED,
        keep_days=case.keep_days,
        erase_after=summary.erase_after,
        images=images,
        chosen=chosen,
        hidden=not summary.disclosed,
        waiting=summary.disclosed and looked_at.state in UNFINISHED,
        pending=unfinished,
        young=_is_young(looked_at),
        questions=questions(case.tasks),
        before=in_words(before.presence) if before else "",
        mine=_mine(after) if after else "",
        can_agree=after is None and _can_agree(looked_at),
        history=_history(case.answers, case.diagnoses) if summary.disclosed else (),
        next_case=next_case,
        may_answer=principal.may(Permission.ANSWER),
        may_export=principal.may(Permission.EXPORT),
        chosen_presence=filled.presence,
        chosen_reason=filled.reason,
        chosen_comment=filled.comment,
        refilled=draft is not None,
        notice=notice,
        notice_is_bad=notice_is_bad,
    )


def _asked(case: CaseView) -> str:
    """Return what was asked, and of a case whose images chose it which task that was."""
    if case.summary.task != AUTO or len(case.tasks) > 1:
        return asked_words(case.summary)
    return _("%(study)s, chosen by the image", study=_(get_task(case.tasks[0]).title))


def _shown_image(case: CaseView, image: ImageView, find_bundle: FindBundle) -> ShownImage:
    card = shown(image, case.summary.task, find_bundle) if case.summary.disclosed or image.problems else None
    facts = image.facts
    return ShownImage(
        position=image.position,
        address=f"/cases/{case.summary.case_id}/images/{image.image_id}",
        working_copy=image.working_copy,
        readable=image.state != ImageState.UNREADABLE,
        state_words=_(STATES[image.state]),
        short=_short(image),
        card=card,
        maps=_maps(image) if card and card.rows else (),
        read_slices=facts.slice_indices if facts and facts.is_volume else (),
        first_slice=facts.map_slice if facts else None,
        keeping=_keeping(case, image),
        keeping_is_bad=image.kept_until is None,
    )


def _keeping(case: CaseView, image: ImageView) -> str:
    """Return until when a de-identified copy is kept, or why none is where the site keeps them."""
    if image.kept_until:
        return _(
            "A de-identified copy of this image is kept, encrypted, until %(moment)s.", moment=moment(image.kept_until)
        )
    if case.keep_days is None or not image.not_kept:
        return ""
    return _(NOT_KEPT[NotKept(image.not_kept)])


def _short(image: ImageView) -> str:
    """Return what tells one image of a case from the others: how many slices it has, or how it was taken."""
    facts = image.facts
    if facts is None:
        return ""
    if facts.is_volume:
        slices = ngettext("%(count)s slice", "%(count)s slices", facts.slice_count, count=facts.slice_count)
        return f"{facts.modality}, {slices}" if facts.modality else slices
    return ", ".join(filter(None, (facts.modality, facts.view)))


def _maps(image: ImageView) -> tuple[MapChoice, ...]:
    """Return the maps of an answered image: of every finding that is no normal one and is meant for the patient."""
    if image.prediction is None or image.prediction.task is None or not image.facts or image.facts.map_slice is None:
        return ()
    task = get_task(image.prediction.task)
    too_young = task.labels_below_age(image.facts.age_years)
    answered = {entry.label for entry in image.prediction.findings}
    return tuple(
        MapChoice(label.name, _(label.title))
        for label in task.labels
        if label.name in answered - too_young and not label.normal
    )


def _is_young(image: ImageView) -> bool:
    """Say whether a finding is not meant for the patient, so that the limits are shown at once."""
    age = image.facts.age_years if image.facts else None
    return any(task.labels_below_age(age) for task in TASKS if image.prediction and task.name == image.prediction.task)


def _can_agree(image: ImageView) -> bool:
    """Say whether the network has decided all of it, so that agreeing means something."""
    prediction = image.prediction
    if prediction is None or not prediction.answered:
        return False
    return all(entry.presence is not Presence.INDETERMINATE for entry in prediction.findings)


def _latest(answers: Sequence[AnswerView], stage: AnswerStage) -> AnswerView | None:
    return next((answer for answer in reversed(answers) if answer.stage == stage), None)


def _draft(answer: AnswerView | None) -> Draft:
    return Draft(answer.presence, answer.reason, answer.comment) if answer else Draft()


def _mine(answer: AnswerView) -> str:
    said = in_words(answer.presence)
    if answer.agreed:
        return _("You agree with the network: %(answer)s.", answer=said)
    if answer.agreed is False:
        return _("You differ from the network: %(answer)s.", answer=said)
    return f"{said}."


def _history(answers: Sequence[AnswerView], diagnoses: Sequence[DiagnosisView]) -> tuple[Entry, ...]:
    said = [Entry(answer.user, answer.created, _said(answer), answer.comment) for answer in answers]
    known = [
        Entry(
            entry.user,
            entry.created,
            _("final diagnosis by %(test)s: %(answer)s", test=entry.test, answer=in_words(entry.presence)),
            "",
        )
        for entry in diagnoses
    ]
    return tuple(sorted([*said, *known], key=lambda entry: entry.created))


def _said(answer: AnswerView) -> str:
    said = in_words(answer.presence)
    if answer.stage is AnswerStage.BEFORE:
        return _("before seeing the network's answer: %(answer)s", answer=said)
    if answer.agreed:
        return _("agrees with the network: %(answer)s", answer=said)
    if answer.agreed is False:
        reason = _(REASONS[answer.reason]) if answer.reason in REASONS else answer.reason
        return _("differs from the network: %(answer)s (%(reason)s)", answer=said, reason=reason)
    return said
