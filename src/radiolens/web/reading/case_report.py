"""From a case, as one reader may see it, to the values of its report. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from radiolens import __version__
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import listed
from radiolens.prediction import Prediction, Presence
from radiolens.report.content import Diagnosis, FindingLine, Picture, ReaderAnswer, Report, ReportedImage
from radiolens.store.schema import AnswerStage, CaseState
from radiolens.tasks import TASKS, get_task
from radiolens.web.accounts.principal import Principal
from radiolens.web.pages import DISCLAIMER
from radiolens.web.reading.case_page import REASONS, ShownImage, case_page
from radiolens.web.reading.case_words import FindBundle
from radiolens.web.told import Card, FindingRow
from radiolens.worklist.results import kept_record
from radiolens.worklist.views import AnswerView, CaseView, DiagnosisView, ImageView

__all__ = ["Print", "report_of"]

Print = Callable[[ImageView, ShownImage], tuple[tuple[Picture, ...], str]]
"""Gives the pictures of an image, and what is to be said of them or of why there are none."""

_OUTCOMES: Mapping[str, str] = {"queued": "waiting", "scoring": "waiting", "scored": "hidden"}
"""The report's word for a state of the work list; the others are the same."""


def report_of(case: CaseView, principal: Principal, find_bundle: FindBundle, printed: Print, now: datetime) -> Report:
    """Return the report of a case to whom it is shown, written `now`."""
    summary = case.summary
    page = case_page(case, principal, find_bundle)
    return Report(
        case_id=str(summary.case_id),
        study=page.asked,
        received=summary.received,
        closed=summary.state is CaseState.CLOSED,
        images=tuple(_image(image, shown, printed) for image, shown in zip(case.images, page.images, strict=True)),
        disclaimer=_(DISCLAIMER),
        written=now,
        written_by=principal.name,
        version=__version__,
        titles={label.name: _(label.title) for task in TASKS for label in task.labels},
        answers=tuple(map(_answer, case.answers)),
        diagnoses=tuple(map(_diagnosis, case.diagnoses)),
        hidden=not summary.disclosed,
    )


def _image(image: ImageView, shown: ShownImage, printed: Print) -> ReportedImage:
    card, prediction = shown.card, image.prediction
    pictures, note = printed(image, shown)
    position, outcome = image.position + 1, _OUTCOMES.get(image.state, image.state)
    if card is None:
        return ReportedImage(position, outcome, "", pictures=pictures, picture_note=note)
    return ReportedImage(
        position=position,
        outcome=outcome,
        headline=card.headline,
        record=kept_record(prediction) if prediction else None,
        findings=tuple(map(_line, card.rows)),
        prediction_set=_prediction_set(card, image, prediction) if prediction else "",
        reasons=card.problems,
        slices=prediction.slices if prediction else (),
        slice_note=card.slice_note,
        notes=_notes(card),
        limits=card.limits,
        remarks=card.remarks,
        model=card.model,
        trained_on=card.data,
        pictures=pictures,
        map_notes=(shown.map_meaning, shown.map_evidence) if len(pictures) > 1 else (),
        picture_note=note,
    )


def _line(row: FindingRow) -> FindingLine:
    threshold = None if row.threshold_percent is None else row.threshold_percent / 100
    return FindingLine(row.title, row.number, row.words, Presence(row.state), row.bar_percent / 100, threshold)


def _prediction_set(card: Card, image: ImageView, prediction: Prediction) -> str:
    """Return what the prediction set leaves open of what is meant for the patient, empty if there is no set."""
    if prediction.task is None or not (prediction.prediction_set or card.set_note):
        return ""
    task = get_task(prediction.task)
    too_young = task.labels_below_age(image.facts.age_years if image.facts else None)
    titles = [_(task.label(name).title).lower() for name in prediction.prediction_set if name not in too_young]
    if task.exclusive:
        none = _("none of the answers fits")
        return _("possible answers: %(answers)s", answers=listed(titles, "or")) if titles else none
    return (
        _("may be present: %(findings)s", findings=listed(titles))
        if titles
        else _("no finding is likely enough to be possible")
    )


def _notes(card: Card) -> tuple[str, ...]:
    """Return what numbers, thresholds and sets mean."""
    if not card.rows:
        return ()
    meaning = _("The percentage is the network's estimate of how likely it is.")
    if card.model and not card.model.calibrated:
        meaning = _("The number is a score from 0 to 1, not a calibrated probability.")
    marked = any(row.number and row.threshold_percent is not None for row in card.rows)
    mark = _("The mark on the bar is the threshold.") if marked else ""
    return (" ".join(filter(None, (meaning, mark, card.thresholds))), card.profile_note, card.set_note)


def _answer(answer: AnswerView) -> ReaderAnswer:
    return ReaderAnswer(
        reader=answer.user,
        before=answer.stage is AnswerStage.BEFORE,
        created=answer.created,
        presence=answer.presence,
        agreed=answer.agreed,
        reason=_(REASONS[answer.reason]) if answer.reason in REASONS else answer.reason,
        comment=answer.comment,
    )


def _diagnosis(entry: DiagnosisView) -> Diagnosis:
    return Diagnosis(_(entry.test), entry.user, entry.created, entry.presence)
