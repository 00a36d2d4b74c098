"""What the viewer of a case asks for: the slices of an image, and the heat maps of its answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from radiolens.errors import UnreadableImage, WrongState
from radiolens.explain.overlay import overlay, png
from radiolens.image import Image
from radiolens.imaging.limits import Limits
from radiolens.imaging.selection import EVERY, MIDDLE, SliceSelection
from radiolens.locale.translate import gettext as _
from radiolens.quality import ProblemCode
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.passages import told_of_file
from radiolens.web.problems import HTTPProblem
from radiolens.web.reading.stack import Stack, make_stack
from radiolens.web.state import opened_stacks_of, work_list_of
from radiolens.worklist.work_list import WorkList

__all__ = ["MOST_BYTES", "heat_map", "router", "slice_pixels", "stack"]

router = APIRouter(prefix="/cases/{case_id}/images/{image_id}", include_in_schema=False)

MOST_BYTES = 256 * 1024 * 1024
"""Of decoded slices in memory: two CT series of 250 slices, as whole numbers of 16 bits."""
_SPREAD = 0.9  # of the limit, since slices of one series may differ a little in size

_Reader = Annotated[Principal, requires(Permission.READ_CASES)]


@router.get("/stack")
def stack(request: Request, case_id: UUID, image_id: UUID, principal: _Reader) -> Response:
    """Tell how many slices there are and how to show them."""
    found = _opened(request, case_id, image_id, principal)
    _slices, rows, columns = found.pixels.shape
    size = {"rows": rows, "columns": columns, "type": found.pixels.dtype.name}
    return JSONResponse(size | asdict(found.showing))


@router.get("/slices/{place}")
def slice_pixels(request: Request, case_id: UUID, image_id: UUID, place: int, principal: _Reader) -> Response:
    """Give the pixels of one slice as the stack describes them, row by row."""
    found = _opened(request, case_id, image_id, principal)
    try:
        return Response(found.slice(place), media_type="application/octet-stream")
    except IndexError as error:
        detail = _("The image has %(count)s slices.", count=len(found.pixels))
        raise HTTPProblem(404, _("No such slice"), detail) from error


@router.get("/maps/{label}")
def heat_map(request: Request, case_id: UUID, image_id: UUID, label: str, principal: _Reader) -> Response:
    """Give the heat map of a label as a picture that covers its slice; the header X-Slice-Index names that slice."""
    work = work_list_of(request)
    explanation = work.maps(principal.user_id, case_id, image_id)
    if explanation is None or label not in explanation.maps:
        raise HTTPProblem(404, _("No such heat map"), _("There is no heat map of this finding for this image."))
    _slices, rows, columns = _opened(request, case_id, image_id, principal).pixels.shape
    picture = png(overlay(explanation, label, (rows, columns)))
    return Response(picture, media_type="image/png", headers={"X-Slice-Index": str(explanation.slice_index)})


def _opened(request: Request, case_id: UUID, image_id: UUID, principal: Principal) -> Stack:
    """Return the decoded slices; whether they may still be seen is asked every time."""
    work = work_list_of(request)
    opened = opened_stacks_of(request)
    try:
        work.check_image(principal.user_id, case_id, image_id)
    except WrongState:
        opened.forget(image_id)
        raise
    try:
        return opened.get(image_id, lambda: make_stack(_decoded(work, principal.user_id, case_id, image_id)))
    except UnreadableImage as error:
        raise HTTPProblem(422, _("The image cannot be shown"), told_of_file(str(error)).text) from error


def _decoded(work: WorkList, viewer: UUID, case_id: UUID, image_id: UUID) -> Image:
    """Return every slice, or as many as fit into memory, evenly spread."""
    try:
        return work.image(viewer, case_id, image_id, EVERY)
    except UnreadableImage as error:
        if error.code is not ProblemCode.TOO_LARGE:
            raise
    sample = work.image(viewer, case_id, image_id, MIDDLE)
    fitting = int(_SPREAD * Limits().inflated_bytes / sample.pixels[0].nbytes)
    return work.image(viewer, case_id, image_id, SliceSelection(0.0, 1.0, max(fitting, len(sample.pixels))))
