"""The programming interface of docs/contracts.md."""

from __future__ import annotations

import math
from dataclasses import asdict

from fastapi import APIRouter, Request

from radiolens.bundle import GATE
from radiolens.errors import InputError
from radiolens.inference.installed import Installed
from radiolens.inference.record import record
from radiolens.task import Label, Limit
from radiolens.tasks import TASKS
from radiolens.web.accounts.principal import Permission, public, requires
from radiolens.web.openapi import BUNDLE_FIELD, FILE_PROBLEMS, NOT_READY, TASK_FIELD, upload_body
from radiolens.web.problems import HTTPProblem
from radiolens.web.reading.one_off import check_one_off
from radiolens.web.schemas import (
    BundleAnswer,
    Health,
    LabelAnswer,
    LimitAnswer,
    Prediction,
    Readiness,
    TaskAnswer,
    UnusableAnswer,
)
from radiolens.web.single import answer_one, asked_bundle, asked_task, input_problem
from radiolens.web.state import answerer_of
from radiolens.web.uploads import received

__all__ = ["healthz", "predictions", "readyz", "router", "tasks"]

router = APIRouter()

_BODY = upload_body(
    "file",
    "DICOM, NIfTI, PNG, JPEG, TIFF, or a zip with one series; several files are the files of one DICOM series.",
    {
        "task": TASK_FIELD,
        "bundle": BUNDLE_FIELD,
    },
)


@router.get("/healthz", tags=["state"], dependencies=[public])
def healthz() -> Health:
    """Say that the process answers."""
    return Health(status="ok")


@router.get("/readyz", tags=["state"], responses=NOT_READY, response_model_exclude_unset=True, dependencies=[public])
def readyz(request: Request) -> Readiness:
    """Say that bundles are installed, which tasks they answer, and which bundles cannot be used."""
    installed = _installed(request)
    unusable = tuple(UnusableAnswer(**asdict(entry)) for entry in installed.unusable)
    if not installed.bundles or any(entry.name == GATE for entry in unusable):  # without its gate nothing is answered
        reasons = " ".join(f"{entry.name} {entry.version}: {entry.reason}" for entry in unusable)
        raise HTTPProblem(503, "Not ready", reasons or "No bundle is installed. Install radiolens again.")
    told = {"unusable": unusable} if unusable else {}
    return Readiness(status="ready", tasks=installed.tasks, **told)


@router.get("/api/v1/tasks", tags=["predictions"], dependencies=[requires(Permission.READ_MODELS)])
def tasks(request: Request) -> list[TaskAnswer]:
    """List the tasks, and the bundles that answer them."""
    installed = _installed(request)
    return [
        TaskAnswer(
            name=task.name,
            title=task.title,
            intended_use=task.intended_use,
            labels=task.label_names,
            label_details=tuple(map(_label, task.labels)),
            limits=tuple(map(_limit, task.limits)),
            answered=task.name in installed.tasks,
            bundles=_bundles(installed, task.name),
        )
        for task in TASKS
    ]


@router.post(
    "/api/v1/predictions",
    tags=["predictions"],
    responses=FILE_PROBLEMS,
    openapi_extra=_BODY,
    response_model_exclude_unset=True,
    dependencies=[requires(Permission.UPLOAD, streamed=True)],
)
async def predictions(request: Request) -> Prediction:
    """Answer one image, volume or series.

    Answered and refused are both 200, since both say what is known of the image; `status` tells which. What cannot be
    read is a problem.
    """
    async with received(request, "file") as upload:
        await check_one_off(request, by_program=True)
        task = asked_task(upload)
        bundle = asked_bundle(request, upload, task)
        answer = await answer_one(request, upload, "file", task, bundle)
    if isinstance(answer.result, InputError):
        raise input_problem(answer)
    return Prediction.model_validate(record(answer.name, answer.result))


def _installed(request: Request) -> Installed:
    answerer = answerer_of(request)
    return answerer.predictor.shelf.installed


def _bundles(installed: Installed, task: str) -> tuple[BundleAnswer, ...]:
    default = installed.default(task)
    return tuple(
        BundleAnswer(
            name=entry.bundle.name,
            version=entry.bundle.version,
            sha256=entry.sha256,
            labels=entry.bundle.labels,
            calibrated=entry.bundle.calibrated,
            explanation=entry.bundle.explanation,
            default=entry == default,
        )
        for entry in installed.of_task(task)
    )


def _label(label: Label) -> LabelAnswer:
    return LabelAnswer(
        label=label.name,
        title=label.title,
        definition=label.definition,
        youngest_age=label.youngest_age,
        released=label.released,
        why_unreleased=label.why_unreleased,
    )


def _limit(limit: Limit) -> LimitAnswer:
    to_age = limit.to_age if math.isfinite(limit.to_age) else None  # JSON knows no infinity
    return LimitAnswer(
        text=limit.text, labels=limit.labels, from_age=limit.from_age, to_age=to_age, volumes=limit.volumes
    )
