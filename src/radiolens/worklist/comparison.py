"""The closed cases of which reader, network and truth are known: what the comparison of them is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from radiolens.prediction import Prediction, Presence
from radiolens.store.schema import AnswerRow, AnswerStage, CaseRow, CaseState, ImageRow
from radiolens.worklist.disclosure import disclosed_to
from radiolens.worklist.results import answer_of
from radiolens.worklist.truth import told_by_tests

__all__ = ["Comparable", "LeftOut", "ReadFinding", "comparable"]


class LeftOut(StrEnum):
    """Why a closed case takes no part in the comparison."""

    HIDDEN = "hidden"
    """Nobody has read it, so that its answer stays hidden."""
    NO_DIAGNOSIS = "no_diagnosis"
    """No other test has told what is true."""
    NOT_READ_BEFORE = "not_read_before"
    """No reader committed an answer before the network's was shown."""
    OTHER_FINDINGS = "other_findings"
    """Reader, network and diagnosis have no finding in common."""


@dataclass(frozen=True)
class ReadFinding:
    """One finding of a case as one reader judged it: `before` the network's decision was shown, and in the end.

    `network` is indeterminate where it gave no answer. `truth` is the last that another test told of it, never
    indeterminate.
    """

    case_id: UUID
    reader: UUID
    label: str
    truth: Presence
    before: Presence
    network: Presence
    final: Presence


@dataclass(frozen=True)
class Comparable:
    """What can be compared, and how many of the `closed` cases cannot, by the reason."""

    findings: tuple[ReadFinding, ...]
    closed: int
    left_out: Mapping[LeftOut, int]


def comparable(session: Session, viewer: UUID) -> Comparable:
    """Return the findings of all closed cases that are disclosed to a user."""
    loaded = selectinload(CaseRow.images).selectinload(ImageRow.predictions)
    query = select(CaseRow, disclosed_to(viewer)).where(CaseRow.state == CaseState.CLOSED).order_by(CaseRow.created)
    rows = session.execute(query.options(loaded, selectinload(CaseRow.answers), selectinload(CaseRow.diagnoses)))
    judged = [_judged(case) if disclosed else LeftOut.HIDDEN for case, disclosed in rows]
    return Comparable(
        findings=tuple(finding for entry in judged if not isinstance(entry, LeftOut) for finding in entry),
        closed=len(judged),
        left_out=Counter(entry for entry in judged if isinstance(entry, LeftOut)),
    )


def _judged(case: CaseRow) -> tuple[ReadFinding, ...] | LeftOut:
    if not case.diagnoses:
        return LeftOut.NO_DIAGNOSIS
    told = told_by_tests(case.diagnoses)
    truth = {label: presence for label, presence in told.items() if presence is not Presence.INDETERMINATE}
    readers = dict.fromkeys(answer.user_id for answer in case.answers if answer.stage is AnswerStage.BEFORE)
    if not readers:
        return LeftOut.NOT_READ_BEFORE
    found = tuple(finding for reader in readers for finding in _findings(case, reader, truth))
    return found or LeftOut.OTHER_FINDINGS


def _findings(case: CaseRow, reader: UUID, truth: Mapping[str, Presence]) -> Iterator[ReadFinding]:
    mine = [answer for answer in case.answers if answer.user_id == reader]
    before = _said(mine, AnswerStage.BEFORE)
    final = before | _said(mine, AnswerStage.AFTER)
    answers = [answer_of(image) for image in case.images]
    for label, true in truth.items():
        network = _network(answers, label)
        if label in before and network:
            yield ReadFinding(case.id, reader, label, true, before[label], network, final[label])


def _said(answers: Sequence[AnswerRow], stage: AnswerStage) -> dict[str, Presence]:
    """Return the decisions of a stage by label; of several answers the last one counts."""
    return {
        label: Presence(word) for answer in answers if answer.stage is stage for label, word in answer.presence.items()
    }


def _network(answers: Sequence[Prediction | None], label: str) -> Presence | None:
    """Return what the network says of a case: present in one image is present, undecided in one is no absence.

    None if it answers other findings only.
    """
    answered = [answer for answer in answers if answer and answer.answered]
    decisions = {entry.presence for answer in answered for entry in answer.findings if entry.label == label}
    if answered and not decisions:
        return None
    if Presence.PRESENT in decisions:
        return Presence.PRESENT
    whole = len(answered) == len(answers) and decisions == {Presence.ABSENT}
    return Presence.ABSENT if whole else Presence.INDETERMINATE
