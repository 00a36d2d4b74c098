"""The work list's programming interface: send images, see what became of them, answer, close, take data out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated
from uuid import UUID

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from radiolens.locale.translate import gettext as _
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.openapi import BUNDLE_FIELD, TASK_FIELD, upload_body
from radiolens.web.problems import HTTPProblem
from radiolens.web.reading.objects import (
    AcceptedObject,
    AnswerBody,
    CaseFilter,
    CaseObject,
    CasePageObject,
    DiagnosisBody,
    ProgressObject,
)
from radiolens.web.reading.responses import CHANGED, FOUND, LISTED, SENT, TABLE, TOLD
from radiolens.web.single import asked_bundle, asked_task
from radiolens.web.state import answerer_of, events_of, work_list_of
from radiolens.web.uploads import received
from radiolens.worklist.table import csv_text

__all__ = [
    "answer",
    "cases",
    "cases_csv",
    "close",
    "diagnose",
    "erase",
    "events",
    "one_case",
    "progress",
    "router",
    "send",
]

router = APIRouter(prefix="/api/v1", tags=["work list"])

_YES = ("yes", "true", "1", "on")
_SAID_BYTES = 200_000  # two texts of the longest with every character escaped, and the labels
_AT_ONCE = anyio.CapacityLimiter(4)  # uploads that are sorted and sealed; others wait, with their share of the memory
_BODY = upload_body(
    "file",
    "Images, DICOM files of one or more series, or zips of them; a folder's files with their paths as names.",
    {
        "task": TASK_FIELD,
        "bundle": BUNDLE_FIELD,
        "together": {
            "type": "string",
            "enum": ["no", "yes"],
            "default": "no",
            "description": "All files are of one patient, whatever they say, and make one case.",
        },
    },
)
_Reader = Annotated[Principal, requires(Permission.READ_CASES)]
_Answerer = Annotated[Principal, requires(Permission.ANSWER)]


@router.post("/cases", status_code=202, responses=SENT, openapi_extra=_BODY)
async def send(
    request: Request, principal: Annotated[Principal, requires(Permission.UPLOAD, streamed=True)]
) -> AcceptedObject:
    """Accept images for the work list.

    When this is answered they are on the disk, sealed, and will be scored, whatever happens to the program. Files that
    are no images are accepted, too, and end with their reason.
    """
    work_list = work_list_of(request)
    async with received(request, "file") as upload:
        task, together = asked_task(upload), upload.fields.get("together", "").strip().lower() in _YES
        if not upload.files:
            raise HTTPProblem(422, _("No image"), _("The upload holds no file. Send images in the field 'file'."))
        bundle = asked_bundle(request, upload, task)
        task = answerer_of(request).predictor.task_of(task, bundle)  # of `auto` and a named network that of the network
        accept = partial(work_list.accept, upload.files, task, principal.user_id, together=together, bundle=bundle)
        accepted = await anyio.to_thread.run_sync(accept, limiter=_AT_ONCE)
    told = AcceptedObject.of(accepted, request.scope.get("root_path", ""))
    if not accepted.cases:
        left_out = [entry.model_dump() for entry in told.left_out]
        detail = " ".join(entry.message for entry in told.left_out) or _("The upload holds no image.")
        raise HTTPProblem(422, _("Nothing was accepted"), detail, {"left_out": left_out})
    return told


@router.get("/cases", responses=LISTED)
def cases(request: Request, principal: _Reader, asked: Annotated[CaseFilter, Query()]) -> CasePageObject:
    """List cases, the most urgent first unless another order is asked for."""
    return CasePageObject.model_validate(work_list_of(request).cases(principal.user_id, asked.query()))


@router.get("/cases.csv", responses=TABLE, response_class=Response)
def cases_csv(
    request: Request,
    principal: Annotated[Principal, requires(Permission.EXPORT)],
    asked: Annotated[CaseFilter, Query()],
) -> Response:
    """Return the cases that fit as a table (CSV), a row for each image and label; the audit log tells of it."""
    text = csv_text(work_list_of(request).export(principal.user_id, asked.query()))
    headers = {"Content-Disposition": 'attachment; filename="cases.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/cases/{case_id}", responses=FOUND, response_model_exclude_unset=True)
def one_case(request: Request, principal: _Reader, case_id: UUID) -> CaseObject:
    """Return a case as this user may see it; the audit log tells of it."""
    return CaseObject.of_case(work_list_of(request).case(principal.user_id, case_id))


@router.get("/cases/{case_id}/progress", responses=FOUND)
def progress(request: Request, principal: _Reader, case_id: UUID) -> ProgressObject:
    """Return how far the images of a case are: cheap, and not in the audit log, so that a program may ask often."""
    return ProgressObject.model_validate(work_list_of(request).progress(case_id))


@router.post(
    "/cases/{case_id}/answers",
    status_code=201,
    responses=TOLD,
    response_model_exclude_unset=True,
    max_body_size=_SAID_BYTES,
)
def answer(request: Request, principal: _Answerer, case_id: UUID, said: AnswerBody) -> CaseObject:
    """Commit a reader's answer, which is never changed, and return the case with what it discloses."""
    return CaseObject.of_case(work_list_of(request).answer(principal.user_id, case_id, said.answer()))


@router.post(
    "/cases/{case_id}/diagnoses",
    status_code=201,
    responses=TOLD,
    response_model_exclude_unset=True,
    max_body_size=_SAID_BYTES,
)
def diagnose(request: Request, principal: _Answerer, case_id: UUID, told: DiagnosisBody) -> CaseObject:
    """Attach what another test told later."""
    found = work_list_of(request).diagnose(principal.user_id, case_id, told.presence, told.test)
    return CaseObject.of_case(found)


@router.post("/cases/{case_id}/close", responses=CHANGED, response_model_exclude_unset=True)
def close(request: Request, principal: _Answerer, case_id: UUID) -> CaseObject:
    """Close a case: its images are erased, its results stay."""
    return CaseObject.of_case(work_list_of(request).close(principal.user_id, case_id))


@router.post("/cases/{case_id}/erase", responses=CHANGED, response_model_exclude_unset=True)
def erase(request: Request, principal: _Answerer, case_id: UUID) -> CaseObject:
    """Erase the images of a case; what still waits is not scored any more."""
    return CaseObject.of_case(work_list_of(request).erase(principal.user_id, case_id))


@router.get("/events", responses=LISTED, response_class=EventSourceResponse)
async def events(
    request: Request, principal: _Reader, last_event_id: Annotated[str, Header()] = ""
) -> AsyncIterator[ServerSentEvent]:
    """Tell of changes for a minute: an event `case` with a row of the list, and `progress` with counts of images."""
    async for event in events_of(request).stream(principal.user_id, last_event_id):
        yield event
