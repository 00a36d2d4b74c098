"""The programming interface: docs/contracts.md, and the first design's `/upload/`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from radiolens.errors import InputError
from radiolens.inference.predict import AUTO
from radiolens.inference.record import record
from radiolens.prediction import Prediction
from radiolens.tasks import TASKS, get_task
from radiolens.web.answers import Answer, Reader
from radiolens.web.problems import input_problem, problem
from radiolens.web.uploads import read_upload

__all__ = ["healthz", "predictions", "readyz", "router", "tasks", "upload"]

router = APIRouter()

_CHOICES = {"1": ("brain-mri", ""), "2": ("chest-xray", "tuberculosis"), "3": ("chest-xray", "pneumonia")}
_LEGACY = {"no_tumour": "no_tumor", "tuberculosis": "Tuberculosis", "pneumonia": "Pneumonia"}


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> dict[str, Any]:
    """Say that bundles are installed, and which tasks they answer."""
    reader: Reader = request.app.state.reader
    if not reader.predictor.tasks:
        raise HTTPException(503, "No bundle is installed. Install radiolens again.")
    return {"status": "ready", "tasks": list(reader.predictor.tasks)}


@router.get("/api/v1/tasks")
def tasks(request: Request) -> list[dict[str, Any]]:
    """List the tasks, and whether a bundle answers them."""
    answered = request.app.state.reader.predictor.tasks
    return [
        {"name": task.name, "title": task.title, "labels": task.label_names, "answered": task.name in answered}
        for task in TASKS
    ]


@router.post("/api/v1/predictions")
async def predictions(request: Request) -> Response:
    """Answer one file or series: multipart `file` (several are one series) and `task` (default auto)."""
    upload = await read_upload(request, request.app.state.settings)
    if not upload.files:
        raise HTTPException(422, "The field `file` is missing. Send an image as multipart/form-data.")
    task = upload.fields.get("task", AUTO)
    if task != AUTO:
        get_task(task)
    answers = await request.app.state.reader.read(upload.files, task)
    if len(answers) != 1:
        detail = (
            f"The upload holds {len(answers)} separate images or series; one is answered at a time. Send them singly."
        )
        return problem(422, "More than one input", detail)
    answer = answers[0]
    if isinstance(answer.result, InputError):
        return input_problem(answer.name, answer.result)
    return JSONResponse(record(answer.name, answer.result))


@router.post("/upload/")
async def upload(request: Request) -> Response:
    """Answer as the first design did: `choice` 1 brain tumour, 2 tuberculosis, 3 pneumonia; `data` the file."""
    posted = await read_upload(request, request.app.state.settings)
    choice = posted.fields.get("choice", "")
    if choice not in _CHOICES or not posted.files:
        raise HTTPException(422, "Expected the fields `choice` (1, 2 or 3) and `data` (the file).")
    task, label = _CHOICES[choice]
    answers = await request.app.state.reader.read(posted.files[:1], task)
    return _legacy(answers[0], label)


def _legacy(answer: Answer, label: str) -> Response:
    if isinstance(answer.result, InputError):
        return input_problem(answer.name, answer.result)
    if not answer.result.answered:
        content = record(answer.name, answer.result)
        detail = " ".join(entry.message for entry in answer.result.quality.problems)
        return problem(422, "The image was refused", detail, {**content, "status": 422, "outcome": "refused"})
    return JSONResponse(_legacy_word(answer.result, label))


def _legacy_word(prediction: Prediction, label: str) -> str:
    if not label:
        name = max(prediction.findings, key=lambda finding: finding.probability).label
        return _LEGACY.get(name, name)
    finding = prediction.finding(label)
    return _LEGACY[label] if finding.probability >= finding.threshold else "Normal"
