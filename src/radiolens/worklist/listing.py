"""Lists cases as a user may see them: what is hidden from the user takes no part in any filter or order."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, not_, or_, select, true
from sqlalchemy.orm import Session

from radiolens.inference.record import prediction_from_record
from radiolens.prediction import Prediction, Presence
from radiolens.store.schema import AnswerRow, CaseRow, CaseState, ImageRow, ImageState, PredictionRow, UserRow
from radiolens.worklist.disclosure import disclosed_to
from radiolens.worklist.results import UNFINISHED, Decision, concerning, tasks_of
from radiolens.worklist.views import CasePage, CaseSummary, FoundLabel, Progress, ReaderState

__all__ = [
    "HIDDEN",
    "LARGEST_PAGE",
    "WAITING",
    "CaseQuery",
    "Sort",
    "changed_since",
    "page_of",
    "progress_of",
    "progress_of_all",
    "summaries",
]

LARGEST_PAGE = 200
"""Cases on a page."""

WAITING, HIDDEN = "waiting", "hidden"
"""What can be asked for besides decisions: cases with images that wait, and those whose answer is hidden."""

_HIDDEN_FIRST = 2.0
"""Above every urgency: whoever may not see the answer has to read the case, in the order of arrival."""


class Sort(StrEnum):
    """The order of a list."""

    URGENCY = "urgency"
    RECEIVED = "received"
    RECEIVED_LAST = "-received"


@dataclass(frozen=True)
class CaseQuery:
    """Which cases, in which order; empty words ask for all. Days are those of the computer's time zone, inclusive."""

    state: CaseState | None = CaseState.OPEN
    task: str = ""
    decision: str = ""
    reader: ReaderState | None = None
    since: date | None = None
    until: date | None = None
    sort: Sort = Sort.URGENCY
    page: int = 1
    size: int = 50


def page_of(session: Session, viewer: UUID, query: CaseQuery) -> CasePage:
    """Return a page of the cases that fit a query, as the user may see them."""
    shown = disclosed_to(viewer)
    conditions = list(_conditions(query, shown))
    total = session.scalar(select(func.count()).select_from(CaseRow).where(*conditions)) or 0
    rows = select(CaseRow, shown, UserRow.name).join(UserRow, UserRow.id == CaseRow.created_by).where(*conditions)
    rows = rows.order_by(*_order(query.sort, shown)).offset((query.page - 1) * query.size).limit(query.size)
    pages = max(1, math.ceil(total / query.size))
    return CasePage(_summaries(session, rows, viewer), total, query.page, pages, progress_of_all(session))


def summaries(session: Session, viewer: UUID, cases: Collection[UUID]) -> tuple[CaseSummary, ...]:
    """Return some cases in the order in which they were received."""
    rows = select(CaseRow, disclosed_to(viewer), UserRow.name).join(UserRow, UserRow.id == CaseRow.created_by)
    return _summaries(session, rows.where(CaseRow.id.in_(cases)).order_by(CaseRow.created), viewer)


def changed_since(session: Session, moment: datetime) -> Mapping[UUID, datetime]:
    """Return the cases that changed at a moment or later, and when they did last."""
    changed = select(CaseRow.id, CaseRow.changed).where(CaseRow.changed >= moment)
    images = select(ImageRow.case_id, func.max(ImageRow.changed)).where(ImageRow.changed >= moment)
    found: dict[UUID, datetime] = {}
    for rows in (session.execute(changed), session.execute(images.group_by(ImageRow.case_id))):
        for case_id, at in rows:
            found[case_id] = max(at, found.get(case_id, at))
    return found


def progress_of(session: Session, case_id: UUID) -> Progress | None:
    """Return how far the images of a case are, None if there is no such case."""
    counted = select(ImageRow.state, func.count()).where(ImageRow.case_id == case_id).group_by(ImageRow.state)
    states = {row[0]: row[1] for row in session.execute(counted)}
    return _progress(states) if states else None


def _conditions(query: CaseQuery, shown: ColumnElement[bool]) -> Sequence[ColumnElement[bool]]:
    return [
        CaseRow.state == query.state if query.state else true(),
        CaseRow.created >= _start(query.since) if query.since else true(),
        CaseRow.created < _start(query.until + timedelta(days=1)) if query.until else true(),
        or_(CaseRow.task == query.task, _answered_by(query.task)) if query.task else true(),
        _of_decision(query.decision, shown) if query.decision else true(),
        _of_reader(query.reader, shown) if query.reader else true(),
    ]


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min).astimezone()


def _answered_by(task: str) -> ColumnElement[bool]:
    answer = and_(
        ImageRow.case_id == CaseRow.id, PredictionRow.image_id == ImageRow.id, PredictionRow.shadow.is_(False)
    )
    return exists().where(answer, PredictionRow.record["task"].as_string() == task)


def _of_decision(decision: str, shown: ColumnElement[bool]) -> ColumnElement[bool]:
    if decision == WAITING:
        return exists().where(ImageRow.case_id == CaseRow.id, ImageRow.state.in_(UNFINISHED))
    if decision == HIDDEN:
        return not_(shown)
    return and_(shown, CaseRow.decision == decision)


def _of_reader(reader: ReaderState, shown: ColumnElement[bool]) -> ColumnElement[bool]:
    read = exists().where(AnswerRow.case_id == CaseRow.id)
    overridden = read.where(AnswerRow.agreed.is_(False))
    if reader is ReaderState.UNREAD:
        return not_(and_(shown, read))
    return and_(shown, overridden if reader is ReaderState.OVERRIDDEN else and_(read, not_(overridden)))


def _order(sort: Sort, shown: ColumnElement[bool]) -> Sequence[ColumnElement[Any]]:
    if sort is Sort.RECEIVED_LAST:
        return [CaseRow.created.desc()]
    if sort is Sort.RECEIVED:
        return [CaseRow.created.asc()]
    urgency = case((shown, func.coalesce(CaseRow.urgency, 0.0)), else_=literal(_HIDDEN_FIRST))
    return [urgency.desc(), CaseRow.created.asc()]


def _summaries(session: Session, rows: Select[CaseRow, bool, str], viewer: UUID) -> tuple[CaseSummary, ...]:
    found = [(row, bool(shown), name) for row, shown, name in session.execute(rows)]
    ids = [row.id for row, _, _ in found]
    disclosed = [row.id for row, shown, _ in found if shown]
    progress, kept = _images(session, ids)
    answers, readers = _answers(session, disclosed), _readers(session, disclosed)
    return tuple(
        CaseSummary(
            case_id=row.id,
            received=row.created,
            received_by=name,
            task=row.task,
            bundle=row.bundle_name,
            routed=tasks_of(answers.get(row.id, ())),
            state=row.state,
            progress=progress.get(row.id, Progress()),
            blinded=row.blinded,
            disclosed=shown,
            decision=Decision(row.decision) if shown and row.decision else None,
            urgency=row.urgency if shown else None,
            findings=_findings(answers.get(row.id, ())),
            reader=readers.get(row.id, ReaderState.UNREAD),
            erase_after=row.erase_after if row.id in kept else None,
            working_copy=row.id in kept,
        )
        for row, shown, name in found
    )


def _images(session: Session, cases: Sequence[UUID]) -> tuple[Mapping[UUID, Progress], frozenset[UUID]]:
    """Return the progress of each case, and the cases whose images are kept."""
    counted = select(ImageRow.case_id, ImageRow.state, func.count(), func.count(ImageRow.store_name))
    by_case: dict[UUID, dict[ImageState, int]] = {}
    kept = set()
    rows = session.execute(counted.where(ImageRow.case_id.in_(cases)).group_by(ImageRow.case_id, ImageRow.state))
    for case_id, state, count, copies in rows:
        by_case.setdefault(case_id, {})[state] = count
        if copies:
            kept.add(case_id)
    return {case_id: _progress(states) for case_id, states in by_case.items()}, frozenset(kept)


def progress_of_all(session: Session) -> Progress:
    """Return how far the images of all open cases are."""
    counted = select(ImageRow.state, func.count()).join(CaseRow, CaseRow.id == ImageRow.case_id)
    rows = session.execute(counted.where(CaseRow.state == CaseState.OPEN).group_by(ImageRow.state))
    return _progress({row[0]: row[1] for row in rows})


def _progress(states: Mapping[ImageState, int]) -> Progress:
    queued, scoring = states.get(ImageState.QUEUED, 0), states.get(ImageState.SCORING, 0)
    return Progress(queued, scoring, sum(states.values()) - queued - scoring)


def _answers(session: Session, cases: Sequence[UUID]) -> Mapping[UUID, Sequence[Prediction]]:
    """Return the answers to the images of each case."""
    query = select(ImageRow.case_id, PredictionRow.record).join(ImageRow, ImageRow.id == PredictionRow.image_id)
    query = query.where(ImageRow.case_id.in_(cases), PredictionRow.shadow.is_(False))
    found: dict[UUID, list[Prediction]] = {}
    for case_id, content in session.execute(query.order_by(ImageRow.position)):
        found.setdefault(case_id, []).append(prediction_from_record(content))
    return found


def _findings(answers: Sequence[Prediction]) -> tuple[FoundLabel, ...]:
    """Return what was found in any of the images, the most probable of each label, present ones first."""
    labels: dict[str, FoundLabel] = {}
    for answer in answers:
        calibrated = answer.bundle is None or answer.bundle.calibrated
        for entry in concerning(answer.findings, answer.task):
            one = FoundLabel(entry.label, entry.presence, entry.probability, calibrated)
            labels[entry.label] = max(one, labels.get(entry.label, one), key=_weight)
    return tuple(sorted(labels.values(), key=_weight, reverse=True))


def _weight(found: FoundLabel) -> tuple[bool, float]:
    return found.presence is Presence.PRESENT, found.probability


def _readers(session: Session, cases: Sequence[UUID]) -> Mapping[UUID, ReaderState]:
    overrides = func.max(case((AnswerRow.agreed.is_(False), 1), else_=0))
    query = select(AnswerRow.case_id, overrides).where(AnswerRow.case_id.in_(cases)).group_by(AnswerRow.case_id)
    return {
        case_id: ReaderState.OVERRIDDEN if overridden else ReaderState.READ
        for case_id, overridden in session.execute(query)
    }
