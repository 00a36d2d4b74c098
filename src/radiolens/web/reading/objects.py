"""The objects of the work list's programming interface (docs/worklist.md), typed for the OpenAPI document."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema, model_validator
from pydantic.config import JsonDict
from pydantic_core.core_schema import literal_schema

from radiolens.prediction import Prediction, Presence
from radiolens.store.schema import AnswerStage, CaseState
from radiolens.tasks import TASKS
from radiolens.web.openapi import TASK_NAMES
from radiolens.web.schemas import AnsweredBy, FindingAnswer, Reason, SliceAnswer
from radiolens.worklist.acceptance import Accepted
from radiolens.worklist.facts import NotKept
from radiolens.worklist.listing import HIDDEN, LARGEST_PAGE, WAITING, CaseQuery, Sort
from radiolens.worklist.reading import LONGEST_TEXT, Answer
from radiolens.worklist.results import Decision, kept_record
from radiolens.worklist.views import CaseView, ReaderState

__all__ = [
    "AcceptedCaseObject",
    "AcceptedImageObject",
    "AcceptedObject",
    "AnswerBody",
    "AnswerObject",
    "CaseFilter",
    "CaseObject",
    "CasePageObject",
    "DiagnosisBody",
    "DiagnosisObject",
    "FoundObject",
    "ImageObject",
    "LeftOutObject",
    "PredictionObject",
    "ProblemObject",
    "ProgressObject",
    "SummaryObject",
]

_LAST_PAGE = 100_000  # beyond any list, within any database's numbers
_LABELS = sorted({label for task in TASKS for label in task.label_names})
_BY_LABEL: JsonDict = {
    "propertyNames": {"enum": [*_LABELS]},
    "minProperties": 1,
    "examples": [{"tuberculosis": Presence.PRESENT}],
}
"""Told, not demanded here: whether a case can be judged by a label, the work list knows, and says it better."""


class _Object(BaseModel):
    """An object that is read from the value of the same fields (`worklist/views.py`) by `model_validate`."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class ProgressObject(_Object):
    """How many images wait, are being scored, and have ended."""

    queued: int
    scoring: int
    done: int


class AcceptedImageObject(_Object):
    """An input that was accepted; `name` is the sender's and stored nowhere."""

    image_id: UUID
    position: int
    name: str
    files: int
    state: Literal["queued"]


class AcceptedCaseObject(_Object):
    """A case that was made of the upload."""

    case_id: UUID
    url: str
    images: tuple[AcceptedImageObject, ...]


class LeftOutObject(_Object):
    """A file that was not taken, and why."""

    name: str
    code: str
    message: str


class AcceptedObject(_Object):
    """What became of an upload: everything in `cases` is on the disk, sealed, and will be scored."""

    accepted: int = Field(description="How many inputs.")
    cases: tuple[AcceptedCaseObject, ...]
    left_out: tuple[LeftOutObject, ...]

    @classmethod
    def of(cls, accepted: Accepted, root: str) -> AcceptedObject:
        """Return the object; `root` stands before the addresses."""
        return cls(
            accepted=sum(len(case.images) for case in accepted.cases),
            cases=tuple(
                AcceptedCaseObject(
                    case_id=case.case_id,
                    url=f"{root}/cases/{case.case_id}",
                    images=tuple(
                        AcceptedImageObject(
                            image_id=image.image_id,
                            position=image.position,
                            name=image.name,
                            files=image.files,
                            state="queued",
                        )
                        for image in case.images
                    ),
                )
                for case in accepted.cases
            ),
            left_out=tuple(map(LeftOutObject.model_validate, accepted.left_out)),
        )


class FoundObject(_Object):
    """What was found in a case that is not normal."""

    label: str
    presence: Presence
    probability: float
    calibrated: bool = Field(description="False: the probability is the score of an imported network.")


class SummaryObject(_Object):
    """A row of the work list. Null or empty where the network's answer is hidden from the user."""

    case_id: UUID
    label: str = Field(description="What people call the case by.")
    received: datetime
    received_by: str
    task: str = Field(description="What was asked, or `auto`.")
    bundle: str | None = Field(description="The network that was named; null where that of the task answers.")
    state: CaseState
    progress: ProgressObject
    blinded: bool = Field(description="Received in second-reader mode.")
    disclosed: bool = Field(description="The network's answer may be shown to this user.")
    decision: Decision | None
    urgency: float | None = Field(description="0 to 1, to sort by.")
    findings: tuple[FoundObject, ...]
    reader: ReaderState
    erase_after: datetime | None = Field(description="Until then the images are kept at most.")
    working_copy: bool = Field(description="The images are there.")


class CasePageObject(_Object):
    """A page of the work list; `progress` is of all open cases."""

    cases: tuple[SummaryObject, ...]
    total: int
    page: int
    pages: int
    progress: ProgressObject


class PredictionObject(_Object):
    """The answer as `POST /api/v1/predictions` gives it, without the path."""

    status: Literal["answered", "refused"]
    task: str | None
    problems: tuple[Reason, ...]
    findings: tuple[FindingAnswer, ...]
    prediction_set: tuple[str, ...]
    slices: tuple[SliceAnswer, ...]
    bundle: AnsweredBy | None
    seconds: float

    @model_validator(mode="before")
    @classmethod
    def _recorded(cls, prediction: object) -> object:
        return kept_record(prediction) if isinstance(prediction, Prediction) else prediction


class ProblemObject(_Object):
    """Why an image has no answer."""

    code: str
    message: str


class ImageObject(_Object):
    """An input of a case: a file, a series or a volume."""

    image_id: UUID
    position: int
    files: int
    size_bytes: int
    state: str = Field(description="Of the queue; `scored` where it is hidden whether there is an answer.")
    working_copy: bool
    kept_until: datetime | None = Field(description="Until then a de-identified copy is kept; null if there is none.")
    not_kept: NotKept | Literal[""] = Field(
        description="Why no copy can be kept; empty if nothing is known against it."
    )
    problems: tuple[ProblemObject, ...]
    prediction: PredictionObject | None


class AnswerObject(_Object):
    """What a reader said, before or after the network's answer was shown."""

    user: str
    stage: AnswerStage
    presence: dict[str, Presence]
    agreed: bool | None
    reason: str
    comment: str
    created: datetime


class DiagnosisObject(_Object):
    """What another test told."""

    user: str
    presence: dict[str, Presence]
    test: str
    created: datetime


class CaseObject(SummaryObject):
    """A case with its images, and what was said of it."""

    tasks: tuple[str, ...] = Field(description="By which the case can be judged.")
    images: tuple[ImageObject, ...]
    answers: tuple[AnswerObject, ...]
    diagnoses: tuple[DiagnosisObject, ...]

    @classmethod
    def of_case(cls, case: CaseView) -> CaseObject:
        """Return the object."""
        return cls(
            **dict(SummaryObject.model_validate(case.summary)),
            tasks=case.tasks,
            images=tuple(map(ImageObject.model_validate, case.images)),
            answers=tuple(map(AnswerObject.model_validate, case.answers)),
            diagnoses=tuple(map(DiagnosisObject.model_validate, case.diagnoses)),
        )


class AnswerBody(_Object):
    """What a reader commits."""

    presence: dict[str, Presence] = Field(description="By label of the case's task.", json_schema_extra=_BY_LABEL)
    agreed: bool | None = Field(
        None,
        description="Confirmed, or overridden; `presence` has to bear it out. Left out, it follows from `presence`; "
        "null while the answer is hidden.",
    )
    reason: str = Field("", max_length=LONGEST_TEXT, description="Of an override.")
    comment: str = Field("", max_length=LONGEST_TEXT)

    def answer(self) -> Answer:
        """Return the value."""
        return Answer(self.presence, self.agreed, self.reason, self.comment)


class DiagnosisBody(_Object):
    """What another test told."""

    presence: dict[str, Presence] = Field(description="By label, as in an answer.", json_schema_extra=_BY_LABEL)
    test: str = Field(min_length=1, max_length=60, examples=["Xpert"])


def _one_of(*words: str) -> GetPydanticSchema:
    """Return what makes a text one of these words, as `Literal` does for those that are written out."""
    return GetPydanticSchema(lambda _source, _handler: literal_schema([str(word) for word in words]))


class CaseFilter(BaseModel):
    """Which cases, in which order."""

    model_config = ConfigDict(frozen=True)

    state: Annotated[str, _one_of(*CaseState, "all")] = CaseState.OPEN.value
    task: Annotated[str, _one_of("", *TASK_NAMES)] = ""
    decision: Annotated[str, _one_of("", *Decision, WAITING, HIDDEN)] = ""
    reader: Annotated[str, _one_of("", *ReaderState)] = ""
    since: date | None = None
    until: date | None = None
    sort: Sort = Sort.URGENCY
    page: int = Field(1, ge=1, le=_LAST_PAGE)
    size: int = Field(50, ge=1, le=LARGEST_PAGE)

    def query(self) -> CaseQuery:
        """Return the value."""
        return CaseQuery(
            state=None if self.state == "all" else CaseState(self.state),
            task=self.task,
            decision=self.decision,
            reader=ReaderState(self.reader) if self.reader else None,
            since=self.since,
            until=self.until,
            sort=self.sort,
            page=self.page,
            size=self.size,
        )
