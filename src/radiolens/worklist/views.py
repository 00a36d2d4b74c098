"""What a user may see of the work list: frozen values, already cut down to what is disclosed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from radiolens.prediction import Prediction, Presence
from radiolens.store.schema import AnswerStage, CaseState
from radiolens.worklist.facts import ImageFacts
from radiolens.worklist.results import Decision

__all__ = [
    "AnswerView",
    "CasePage",
    "CaseSummary",
    "CaseView",
    "DiagnosisView",
    "FoundLabel",
    "ImageView",
    "Progress",
    "ReaderState",
    "ShownProblem",
]

_SHORT_ID = 8


class ReaderState(StrEnum):
    """What readers have done with a case."""

    UNREAD = "unread"
    READ = "read"
    OVERRIDDEN = "overridden"
    """Read, and a reader decided otherwise than the network."""


@dataclass(frozen=True)
class Progress:
    """How many images wait, are being scored, and have ended."""

    queued: int = 0
    scoring: int = 0
    done: int = 0


@dataclass(frozen=True)
class FoundLabel:
    """What was found in a case that is not normal: of all its images the most probable. Never absent.

    Where it is not `calibrated`, the `probability` is the score of an imported network.
    """

    label: str
    presence: Presence
    probability: float
    calibrated: bool = True


@dataclass(frozen=True)
class ShownProblem:
    """Why an image has no answer: a code of docs/contracts.md and a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class CaseSummary:
    """A row of the work list.

    `disclosed` says whether the network's answer may be shown to the user; if not, `decision` and `urgency` are None,
    `findings` empty and `reader` is what the user did. `blinded`: the case was received in second-reader mode.
    `working_copy` says whether the images are still there, at most until `erase_after`. `bundle` is the network that
    was named, None where that of the task answers. `routed` are the tasks whose networks were asked; none while hidden.
    """

    case_id: UUID
    received: datetime
    received_by: str
    task: str
    bundle: str | None
    routed: tuple[str, ...]
    state: CaseState
    progress: Progress
    blinded: bool
    disclosed: bool
    decision: Decision | None
    urgency: float | None
    findings: tuple[FoundLabel, ...]
    reader: ReaderState
    erase_after: datetime | None
    working_copy: bool

    @property
    def label(self) -> str:
        """Return what people call the case by: the first digits of its id."""
        return str(self.case_id)[:_SHORT_ID]


@dataclass(frozen=True, eq=False)
class ImageView:
    """One input of a case.

    `state` is that of the queue, or `scored` where the true one is hidden. `prediction` is None while it is hidden, and
    where there is none. `facts` are those of the header, None until the image was read. `kept_until` says until when a
    de-identified copy is kept, None if there is none.
    """

    image_id: UUID
    position: int
    files: int
    size_bytes: int
    state: str
    working_copy: bool
    problems: tuple[ShownProblem, ...]
    prediction: Prediction | None
    facts: ImageFacts | None
    kept_until: datetime | None = None

    @property
    def not_kept(self) -> str:
        """Return why no de-identified copy of it can be kept (`NotKept`), nothing if that is not known."""
        return self.facts.not_kept if self.facts else ""


@dataclass(frozen=True)
class AnswerView:
    """What a reader said. `mine` says that the user did."""

    user: str
    mine: bool
    stage: AnswerStage
    presence: Mapping[str, Presence]
    agreed: bool | None
    reason: str
    comment: str
    created: datetime


@dataclass(frozen=True)
class DiagnosisView:
    """What another test told of the patient."""

    user: str
    presence: Mapping[str, Presence]
    test: str
    created: datetime


@dataclass(frozen=True, eq=False)
class CaseView:
    """A case with its images, and what was said of it. `tasks` are those of its answers, else what was asked for.

    `keep_days` says for how long the site keeps de-identified copies of images, None if it keeps none.
    """

    summary: CaseSummary
    images: tuple[ImageView, ...]
    answers: tuple[AnswerView, ...]
    diagnoses: tuple[DiagnosisView, ...]
    tasks: tuple[str, ...]
    keep_days: int | None = None


@dataclass(frozen=True)
class CasePage:
    """A page of the work list: `total` cases fit the query, on `pages` pages. `progress` is of all open cases."""

    cases: tuple[CaseSummary, ...]
    total: int
    page: int
    pages: int
    progress: Progress
