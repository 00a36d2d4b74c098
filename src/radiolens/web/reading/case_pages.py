"""The page of a case, and what a reader does on it; every form works without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.prediction import Finding, Presence
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.reading.case_page import REASONS, CasePage, Draft, case_page
from radiolens.web.reading.case_words import bundle_finder
from radiolens.web.reading.questions import presence_of, questions
from radiolens.web.state import live_lineup_of, work_list_of
from radiolens.web.templating import templates
from radiolens.worklist.agreement import agreement
from radiolens.worklist.listing import CaseQuery
from radiolens.worklist.reading import Answer
from radiolens.worklist.views import CaseView, ImageView, ReaderState

__all__ = ["agree", "answer", "case", "close", "diagnosis", "router"]

router = APIRouter(prefix="/cases/{case_id}", include_in_schema=False, max_body_size=200_000)  # as in api.py

_DONE: Mapping[str, str] = MappingProxyType(
    {
        "answered": N_("Your answer is recorded."),
        "revealed": N_("Your answer is recorded. Now compare it with the network's."),
        "diagnosed": N_("The diagnosis is recorded."),
        "closed": N_("The case is closed and its images are erased."),
    }
)


async def _posted(request: Request) -> dict[str, str]:
    """Return the text fields of a form."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


_Reader = Annotated[Principal, requires(Permission.READ_CASES)]
_Answering = Annotated[Principal, requires(Permission.ANSWER)]
_Fields = Annotated[dict[str, str], Depends(_posted)]


@router.api_route("", methods=["GET", "HEAD"])
def case(request: Request, case_id: UUID, principal: _Reader, image: int = 1, done: str = "") -> Response:
    """Show a case; `image` counts from 1, `done` names what was just recorded."""
    notice = _(_DONE[done]) if done in _DONE else ""
    return _shown(request, _made(request, case_id, principal, image, notice=notice))


@router.post("/answer")
def answer(request: Request, case_id: UUID, principal: _Answering, fields: _Fields, image: int = 1) -> Response:
    """Record what the reader decides; where the site wants it so, the network's answer is shown only then."""
    found = work_list_of(request).case(principal.user_id, case_id)
    looked_at = _looked_at(found, image)
    draft = _draft(fields, found)
    agreed = agreement(draft.presence, _findings(looked_at))
    wrong = _wrong(draft, agreed)
    if wrong:
        return _refused(request, _made(request, case_id, principal, image, draft=draft, notice=wrong, is_bad=True))
    reason = draft.reason if agreed is False else ""
    said = Answer(draft.presence, agreed, reason, draft.comment, looked_at.image_id)
    work_list_of(request).answer(principal.user_id, case_id, said)
    return _back(request, case_id, image, "answered" if found.summary.disclosed else "revealed")


@router.post("/agree")
def agree(request: Request, case_id: UUID, principal: _Answering, image: int = 1) -> Response:
    """Record that the reader decides every finding of an image as the network does."""
    found = work_list_of(request).case(principal.user_id, case_id)
    looked_at = _looked_at(found, image)
    findings = _findings(looked_at)
    presence = {entry.label: entry.presence for entry in findings}
    if agreement(presence, findings) is not True:
        wrong = _("The network has not decided all of it. Give an answer of your own.")
        return _refused(request, _made(request, case_id, principal, image, notice=wrong, is_bad=True))
    work_list_of(request).answer(principal.user_id, case_id, Answer(presence, agreed=True, image_id=looked_at.image_id))
    return _back(request, case_id, image, "answered")


@router.post("/diagnosis")
def diagnosis(request: Request, case_id: UUID, principal: _Answering, fields: _Fields) -> Response:
    """Record what turned out to be true, and by which test."""
    found = work_list_of(request).case(principal.user_id, case_id)
    presence, test = _presence(fields, found, "truth:"), fields.get("test", "").strip()
    if found.summary.disclosed and not (presence and test):
        wrong = _("Say what was found, and by which test.")
        return _refused(request, _made(request, case_id, principal, 1, notice=wrong, is_bad=True))
    work_list_of(request).diagnose(principal.user_id, case_id, presence, test)
    return _back(request, case_id, 1, "diagnosed")


@router.post("/close")
def close(request: Request, case_id: UUID, principal: _Answering) -> Response:
    """Close a case; its images are erased."""
    work_list_of(request).close(principal.user_id, case_id)
    return _back(request, case_id, 1, "closed")


def _looked_at(found: CaseView, image: int) -> ImageView:
    return found.images[min(max(image - 1, 0), len(found.images) - 1)]


def _findings(looked_at: ImageView) -> tuple[Finding, ...]:
    """Return what the network found in an image; nothing while that is hidden."""
    return looked_at.prediction.findings if looked_at.prediction else ()


def _presence(fields: Mapping[str, str], found: CaseView, prefix: str) -> dict[str, Presence]:
    try:
        return presence_of(fields, questions(found.tasks), prefix)
    except ValueError:  # no browser sends it
        return {}


def _draft(fields: Mapping[str, str], found: CaseView) -> Draft:
    reason = fields.get("reason", "")
    return Draft(
        _presence(fields, found, "presence:"), reason if reason in REASONS else "", fields.get("comment", "").strip()
    )


def _wrong(draft: Draft, agreed: bool | None) -> str:
    """Return what an answer lacks, or nothing."""
    if not draft.presence:
        return _("Choose an answer first: present, absent, or that you cannot tell.")
    if agreed is False and not draft.reason:
        return _("You differ from the network: choose the reason, so that others can learn from it.")
    return ""


def _made(
    request: Request,
    case_id: UUID,
    principal: Principal,
    image: int,
    *,
    draft: Draft | None = None,
    notice: str = "",
    is_bad: bool = False,
) -> CasePage:
    return case_page(
        work_list_of(request).case(principal.user_id, case_id),
        principal,
        bundle_finder(live_lineup_of(request)),
        position=image - 1,
        next_case=_next_unread(request, principal, case_id),
        draft=draft,
        notice=notice,
        notice_is_bad=is_bad,
    )


def _next_unread(request: Request, principal: Principal, case_id: UUID) -> UUID | None:
    """Return the most urgent case that nobody has read, beside this one."""
    found = work_list_of(request).cases(principal.user_id, CaseQuery(reader=ReaderState.UNREAD, size=2))
    return next((entry.case_id for entry in found.cases if entry.case_id != case_id), None)


def _shown(request: Request, page: CasePage, status: int = 200) -> Response:
    return templates.TemplateResponse(request, "reading/case.html", {"page": page}, status)


def _refused(request: Request, page: CasePage) -> Response:
    return _shown(request, page, 422)


def _back(request: Request, case_id: UUID, image: int, done: str) -> Response:
    """Send the browser back to the case, so that loading it again repeats nothing."""
    return RedirectResponse(f"{root_of(request)}/cases/{case_id}?image={image}&done={done}", status_code=303)
