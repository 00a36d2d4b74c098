"""The answers of the programming interface (docs/contracts.md), typed: what the OpenAPI document describes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from radiolens.bundle import CLASS_ACTIVATION_MAP
from radiolens.prediction import Presence
from radiolens.quality import ProblemCode

__all__ = [
    "AnsweredBy",
    "BundleAnswer",
    "FindingAnswer",
    "Health",
    "InputProblem",
    "LabelAnswer",
    "LimitAnswer",
    "Prediction",
    "ProblemDetails",
    "Readiness",
    "Reason",
    "SliceAnswer",
    "TaskAnswer",
    "UnusableAnswer",
]


class _Answer(BaseModel):
    """An object with exactly these keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingAnswer(_Answer):
    """One label of the answer and the decision on it."""

    label: str = Field(examples=["pneumonia"])
    probability: float = Field(ge=0, le=1, description="Calibrated, unless the bundle is not.", examples=[0.284])
    threshold: float = Field(description="What the decision was made by.", examples=[0.158])
    presence: Presence = Field(description="The decision.")


class Reason(_Answer):
    """Why there is no answer, and what to do."""

    code: ProblemCode
    message: str


class SliceAnswer(_Answer):
    """The findings of one slice of a volume."""

    index: int = Field(ge=0, description="From 0, in the order of the scan.")
    findings: tuple[FindingAnswer, ...]


class AnsweredBy(_Answer):
    """The network that answered."""

    name: str = Field(examples=["chest-xray"])
    version: str = Field(examples=["0.1.0"])
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of bundle.json, which hashes all the rest.")
    calibrated: bool = Field(
        True,
        description="Only there, and then false, of an imported network: it is not calibrated and not measured by "
        "radiolens, and its probabilities are mere scores.",
    )


class _Content(_Answer):
    path: str = Field(description="The file name that was sent.")
    status: str | int
    task: str | None = Field(description="Null if none could be chosen.")
    problems: tuple[Reason, ...] = Field(description="Empty if answered.")
    findings: tuple[FindingAnswer, ...] = Field(description="Empty unless answered.")
    prediction_set: tuple[str, ...] = Field(description="Labels; empty where the bundle has no prediction sets.")
    slices: tuple[SliceAnswer, ...] = Field(description="Volumes only.")
    bundle: AnsweredBy | None
    seconds: float = Field(ge=0, description="From bytes to answer.")


class Prediction(_Content):
    """The answer to one file or series; every key is always there."""

    status: Literal["answered", "refused"]


class ProblemDetails(BaseModel):
    """A problem of RFC 9457."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(examples=["about:blank"])
    title: str
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What was found, what was expected, what to do.")


class InputProblem(_Content):
    """A problem of RFC 9457 with a file as its reason: it also has the keys of a prediction.

    `status` is the number that the RFC wants; the word that a prediction has there is in `outcome`.
    """

    type: str = Field(examples=["about:blank"])
    title: str
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What was found, what was expected, what to do.")
    outcome: Literal["unreadable", "refused"]


class BundleAnswer(_Answer):
    """An installed bundle, to be named in the field `bundle`."""

    name: str = Field(examples=["chest-xray"])
    version: str = Field(examples=["0.1.0"])
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of bundle.json, which hashes all the rest.")
    labels: tuple[str, ...] = Field(description="What it answers: all labels of the task, or some.")
    calibrated: bool = Field(description="False for an imported network: what it gives are mere scores.")
    explanation: str = Field(description="How the page shows where it looked.", examples=[CLASS_ACTIVATION_MAP])
    default: bool = Field(description="It answers where no bundle is named.")


class LabelAnswer(_Answer):
    """A label of a task: what it means, and for whom it is meant."""

    label: str = Field(examples=["tuberculosis"])
    title: str
    definition: str = Field(description="How the labels were made that it was learnt from.")
    youngest_age: int = Field(description="Years; in younger patients the finding is not to be believed.")
    released: bool = Field(description="A released network answers it; a site's own may, even if not.")
    why_unreleased: str = Field(description="Empty if it is released.")


class LimitAnswer(_Answer):
    """A sentence to be shown beside an answer, and where it applies."""

    text: str
    labels: tuple[str, ...] = Field(description="The findings it is about; empty for all of the task.")
    from_age: float = Field(description="Years from which on it applies.")
    to_age: float | None = Field(description="Years below which it applies; null for no bound.")
    volumes: bool | None = Field(description="True: of volumes only; false: of single images only; null: of both.")


class TaskAnswer(_Answer):
    """A study, what it is meant for, and which installed bundles answer it."""

    name: str = Field(examples=["chest-xray"])
    title: str
    intended_use: str
    labels: tuple[str, ...]
    label_details: tuple[LabelAnswer, ...] = Field(description="In the order of `labels`.")
    limits: tuple[LimitAnswer, ...] = Field(description="To be shown beside every answer that they apply to.")
    answered: bool = Field(description="There is a bundle that answers where none is named.")
    bundles: tuple[BundleAnswer, ...] = Field(description="The default first.")


class Health(_Answer):
    """The process answers."""

    status: Literal["ok"]


class UnusableAnswer(_Answer):
    """A bundle that is installed and cannot be used, and why."""

    name: str
    version: str
    reason: str


class Readiness(_Answer):
    """The bundles are open and answer."""

    status: Literal["ready"]
    tasks: tuple[str, ...]
    unusable: tuple[UnusableAnswer, ...] = Field((), description="Only there if a bundle cannot be used.")
