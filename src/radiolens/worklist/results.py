"""What the answers of a case come to, to list and sort it by: derived from the decisions, deciding nothing anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import itemgetter
from typing import Any

from radiolens.errors import UnknownTask
from radiolens.inference.record import prediction_from_record, record
from radiolens.prediction import Finding, Prediction, Presence
from radiolens.store.schema import ImageRow, ImageState
from radiolens.tasks import get_task

__all__ = [
    "UNFINISHED",
    "Decision",
    "Result",
    "Standing",
    "answer_of",
    "concerning",
    "findings_of",
    "kept_record",
    "standing",
    "tasks_of",
]

UNFINISHED = (ImageState.QUEUED, ImageState.SCORING)
"""The states of an image that has not ended."""


class Decision(StrEnum):
    """What a case comes to: that of its images which asks most for a look, in this order."""

    PRESENT = "present"
    INDETERMINATE = "indeterminate"
    FAILED = "failed"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    ABSENT = "absent"


_RANK = {decision: rank for rank, decision in enumerate(Decision)}
_URGENCY_FROM = {
    Decision.PRESENT: 0.75,
    Decision.INDETERMINATE: 0.5,
    Decision.FAILED: 0.35,
    Decision.REFUSED: 0.3,
    Decision.UNREADABLE: 0.25,
    Decision.ABSENT: 0.0,
}
"""Where the urgency of a decision begins; the probability adds up to a quarter within it, so it never overtakes one."""
_URGENCY_WITHIN = 0.25
_URGENT_FIRST = (Presence.PRESENT, Presence.INDETERMINATE, Presence.ABSENT)
"""Decisions on a label that means a disease; of a normal one the other way round."""
_NO_ANSWER = {
    ImageState.FAILED: Decision.FAILED,
    ImageState.REFUSED: Decision.REFUSED,
    ImageState.UNREADABLE: Decision.UNREADABLE,
}


@dataclass(frozen=True)
class Result:
    """How one image ended, and what was found in it; `task` is None where none was chosen."""

    state: ImageState
    task: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Standing:
    """The decision of a case and its urgency (0 to 1); both None until an image has ended."""

    decision: Decision | None = None
    urgency: float | None = None


def answer_of(image: ImageRow) -> Prediction | None:
    """Return the answer to an image, whose predictions are loaded, None if it has none; never that of the shadow."""
    row = next((entry for entry in image.predictions if not entry.shadow), None)
    return replace(prediction_from_record(row.record), created=row.created) if row else None


def tasks_of(answers: Iterable[Prediction]) -> tuple[str, ...]:
    """Return the tasks whose networks were asked, each once, in the order of the answers."""
    return tuple(dict.fromkeys(answer.task for answer in answers if answer.task))


def kept_record(answer: Prediction) -> dict[str, Any]:
    """Return the contract's object of an answer without `path`: the file's name is kept nowhere."""
    content = record("", answer)
    del content["path"]
    return content


def findings_of(answers: Iterable[Prediction]) -> tuple[Finding, ...]:
    """Return what the answers of a case say of each label: of several images that which asks most for a look."""
    found: dict[str, tuple[int, Finding]] = {}
    for answer in answers:
        for entry in answer.findings:
            urgent = _URGENT_FIRST.index(entry.presence)
            rank = -urgent if _is_normal(answer.task, entry.label) else urgent
            found[entry.label] = min(found.get(entry.label, (rank, entry)), (rank, entry), key=itemgetter(0))
    return tuple(entry for _, entry in found.values())


def standing(results: Sequence[Result]) -> Standing:
    """Return what the images of a case come to; those still waiting count for nothing."""
    found = [_judged(result) for result in results if result.state not in UNFINISHED]
    if not found:
        return Standing()
    decision = min((decision for decision, _ in found), key=_RANK.__getitem__)
    return Standing(decision, max(urgency for _, urgency in found))


def concerning(findings: Sequence[Finding], task: str | None) -> Iterator[Finding]:
    """Yield what was found that is not normal: present or indeterminate, of a label that means a disease."""
    for finding in findings:
        if finding.presence is not Presence.ABSENT and not _is_normal(task, finding.label):
            yield finding


def _judged(result: Result) -> tuple[Decision, float]:
    if result.state in _NO_ANSWER:
        decision = _NO_ANSWER[result.state]
        return decision, _URGENCY_FROM[decision]
    abnormal = [finding for finding in result.findings if not _is_normal(result.task, finding.label)]
    found = {finding.presence for finding in abnormal}
    decision = next(
        (Decision(presence) for presence in (Presence.PRESENT, Presence.INDETERMINATE) if presence in found),
        Decision.ABSENT,
    )
    probable = max((entry.probability for entry in abnormal if entry.presence.value == decision.value), default=0.0)
    return decision, _URGENCY_FROM[decision] + _URGENCY_WITHIN * probable


def _is_normal(task: str | None, label: str) -> bool:
    try:
        return get_task(task or "").label(label).normal
    except (UnknownTask, KeyError):  # of a bundle whose task this version does not know
        return False
