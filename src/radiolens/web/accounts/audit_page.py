"""The audit log: who did what and when, whether its chain holds, and the same as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from radiolens.locale.translate import gettext as _
from radiolens.store import audit
from radiolens.store.database import Database
from radiolens.web.accounts.principal import Permission, Principal, requires
from radiolens.web.problems import HTTPProblem
from radiolens.web.state import database_of
from radiolens.web.templating import templates
from radiolens.worklist.table import csv_line

__all__ = ["PAGE_ENTRIES", "AuditFilter", "AuditPage", "export_audit", "router", "show_audit"]

router = APIRouter(prefix="/audit", include_in_schema=False)

PAGE_ENTRIES = 50
"""On one page."""

_COLUMNS = ("number", "at", "actor", "action", "target", "detail", "hash")

_LAST_NUMBER = 2**63 - 1  # that the column can hold
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)  # of clocks; beyond them a time zone finds no midnight

_Who = Annotated[Principal, requires(Permission.READ_AUDIT)]
_Text = Annotated[str, Query(max_length=100)]
_Day = Annotated[str, Query(max_length=10)]


@dataclass(frozen=True)
class AuditFilter:
    """What is looked for; days are those of the computer's clock, `until` is one of them."""

    actor: str = ""
    action: str = ""
    target: str = ""
    since: date | None = None
    until: date | None = None

    def words(self) -> dict[str, Any]:
        """Return what `audit.entries` is asked for."""
        return {
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "since": _midnight(self.since) if self.since else None,
            "until": _midnight(self.until + timedelta(days=1)) if self.until else None,
        }


@dataclass(frozen=True)
class AuditPage:
    """What `audit.html` shows.

    `end` is the end of the log, `broken` the first broken link if the chain was `checked`; `older` is the number to go
    on below, None on the last page.
    """

    entries: tuple[audit.Entry, ...]
    asked: AuditFilter
    end: audit.Anchor
    checked: bool
    broken: audit.Break | None
    older: int | None


def _asked(
    actor: _Text = "", action: _Text = "", target: _Text = "", since: _Day = "", until: _Day = ""
) -> AuditFilter:
    return AuditFilter(actor.strip(), action.strip(), target.strip(), _day(since), _day(until))


_Asked = Annotated[AuditFilter, Depends(_asked)]


@router.api_route("", methods=["GET", "HEAD"])
def show_audit(
    request: Request,
    principal: _Who,
    asked: _Asked,
    before: Annotated[int | None, Query(ge=1, le=_LAST_NUMBER)] = None,
    verify: bool = False,
) -> Response:
    """Show entries from the newest back; with `verify` also whether the whole chain holds."""
    with database_of(request).reading() as session:
        found = list(audit.entries(session, **asked.words(), before=before, limit=PAGE_ENTRIES + 1))
        end, broken = audit.head(session), audit.verify(session) if verify else None
    shown = tuple(found[:PAGE_ENTRIES])
    older = shown[-1].number if len(found) > PAGE_ENTRIES else None
    page = AuditPage(shown, asked, end, verify, broken, older)
    return templates.TemplateResponse(request, "audit.html", {"page": page})


@router.get("/audit.csv")
async def export_audit(request: Request, principal: _Who, asked: _Asked) -> Response:
    """Give out what is looked for as CSV; the log tells of it."""
    await run_in_threadpool(_note_export, database_of(request), principal)
    named = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_rows(database_of(request), asked), media_type="text/csv; charset=utf-8", headers=named)


def _note_export(database: Database, principal: Principal) -> None:
    with database.session() as session:
        audit.append(session, principal.user_id, "audit.export")


def _rows(database: Database, asked: AuditFilter) -> Iterator[str]:
    yield csv_line(_COLUMNS)
    with database.reading() as session:
        for entry in audit.entries(session, **asked.words()):
            detail = json.dumps(entry.detail, ensure_ascii=False, sort_keys=True) if entry.detail else ""
            yield csv_line(
                (
                    str(entry.number),
                    entry.at.isoformat(timespec="microseconds"),
                    entry.actor,
                    entry.action,
                    entry.target,
                    detail,
                    entry.hash,
                )
            )


def _day(text: str) -> date | None:
    if not text:
        return None
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if _FIRST_DAY <= day <= _LAST_DAY:
            return day
    detail = _("%(found)s is no day. Expected for instance 2026-11-26.", found=text)
    raise HTTPProblem(422, _("Not a day"), detail)


def _midnight(day: date) -> datetime:
    """Return the beginning of a day by the computer's clock."""
    return datetime.combine(day, time.min).astimezone()
