"""The one rule of second-reader mode: what of a network's answer somebody may see.

A case that was received in second-reader mode is *blinded*. To whoever has not committed an answer of their own to it,
it is *hidden*: nothing that follows from the network's answer is shown, in no list, order, page, event, table or
report. Once a case is closed that somebody has read, it is open to all. One that nobody read stays hidden.

Hidden are: the answer itself with its bundle, its time and its heat maps; decision and urgency of the case; what other
readers said of it, since they may have seen the answer, and diagnoses; and whether the network, and not the gate,
refused the image. Shown are: that it was scored, what the file's header tells, and a refusal by header, size, exposure
or gate network, since the reader has to know of it; and the task that an image chose, in the questions and the filter
by task: the reader sees whether it is a chest or a head, and is not asked about both. Whoever may not see the answer
attaches no diagnosis either.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_

from radiolens.quality import ProblemCode
from radiolens.store.schema import AnswerRow, CaseRow, CaseState, ImageState
from radiolens.worklist.results import UNFINISHED

__all__ = ["SCORED", "Failure", "disclosed_to", "may_show", "shown_state"]

SCORED = "scored"
"""The state of an image whose answer is there and hidden."""


class Failure(StrEnum):
    """Why an image that was accepted got no answer, where not the image is to blame."""

    ERASED = "erased"
    WORKING_COPY_LOST = "working_copy_lost"
    NETWORK_FAILED = "network_failed"
    SCORING_FAILED = "scoring_failed"


_OF_THE_NETWORK = frozenset({ProblemCode.UNLIKE_TRAINING_DATA, Failure.NETWORK_FAILED, Failure.SCORING_FAILED})
"""Codes that follow from what the answering network made of the image."""


def disclosed_to(viewer: UUID) -> ColumnElement[bool]:
    """Return the condition on `CaseRow` under which a user may see what the network said of a case."""
    read = exists().where(AnswerRow.case_id == CaseRow.id)
    return or_(
        CaseRow.blinded.is_(False),
        read.where(AnswerRow.user_id == viewer),
        and_(CaseRow.state == CaseState.CLOSED, read),
    )


def may_show(code: str, *, disclosed: bool) -> bool:
    """Say whether a problem of this code may be shown."""
    return disclosed or code not in _OF_THE_NETWORK


def shown_state(state: ImageState, codes: Collection[str], *, disclosed: bool) -> str:
    """Return the state of an image that may be shown, SCORED where the true one would tell of the answer.

    `codes` are those of all its problems.
    """
    if state in (*UNFINISHED, ImageState.UNREADABLE):
        return state.value
    if disclosed or any(may_show(code, disclosed=False) for code in codes):
        return state.value
    return SCORED
