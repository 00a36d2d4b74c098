"""The report of a case: PDF, print page and JSON, each a line in the audit log."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from radiolens.locale.languages import ENGLISH, using
from radiolens.report.case_json import case_object
from radiolens.report.content import Report
from radiolens.report.document import compose
from radiolens.report.pdf import render_pdf
from radiolens.report.print_page import print_page
from radiolens.store import audit
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.accounts.redirects import root_of
from radiolens.web.reading.case_report import Print, report_of
from radiolens.web.reading.case_words import bundle_finder
from radiolens.web.reading.report_pictures import pictures_of
from radiolens.web.state import live_lineup_of, work_list_of

__all__ = ["as_json", "as_page", "as_pdf", "router"]

router = APIRouter(prefix="/cases", include_in_schema=False)

_Exporting = Annotated[Principal, requires(Permission.EXPORT)]


@router.get("/{case_id}/report.pdf")
def as_pdf(request: Request, case_id: UUID, principal: _Exporting) -> Response:
    """Give the report as PDF, in the language of the page."""
    report = _report(request, case_id, principal, "pdf", _printing(request, case_id, principal))
    pdf = render_pdf(compose(report), report.written)
    return Response(pdf, media_type="application/pdf", headers=_attachment(case_id, "pdf"))


@router.api_route("/{case_id}/report", methods=["GET", "HEAD"])
def as_page(request: Request, case_id: UUID, principal: _Exporting) -> Response:
    """Give the report as a page to print."""
    report = _report(request, case_id, principal, "page", _printing(request, case_id, principal))
    root = root_of(request)
    case = f"{root}/cases/{case_id}"
    return HTMLResponse(print_page(compose(report), assets=f"{root}/static", back=case, pdf=f"{case}/report.pdf"))


@router.get("/{case_id}.json")
def as_json(request: Request, case_id: UUID, principal: _Exporting) -> Response:
    """Give the case as a JSON object, in English like the programming interface."""
    with using(ENGLISH):
        report = _report(request, case_id, principal, "json", lambda _image, _shown: ((), ""))
        content = json.dumps(case_object(report), ensure_ascii=False, indent=2)
    return Response(content, media_type="application/json", headers=_attachment(case_id, "json"))


def _report(request: Request, case_id: UUID, principal: Principal, form: str, printed: Print) -> Report:
    """Return the report of a case as this reader may see it, and tell the audit log."""
    work = work_list_of(request)
    case = work.case(principal.user_id, case_id)
    report = report_of(case, principal, bundle_finder(live_lineup_of(request)), printed, work.database.now())
    with work.database.session() as session:
        told = {"form": form, "disclosed": case.summary.disclosed}
        audit.append(session, principal.user_id, "case.report", f"case:{case_id}", told)
    return report


def _printing(request: Request, case_id: UUID, principal: Principal) -> Print:
    return partial(pictures_of, work_list_of(request), principal.user_id, case_id)


def _attachment(case_id: UUID, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="radiolens-{str(case_id)[:8]}.{ending}"'}
