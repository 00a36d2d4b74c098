"""In second-reader mode nobody is answered in passing: whoever asked so would see what the work list hides."""

from __future__ import annotations

import anyio.to_thread
from fastapi import Request

from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.store import site_settings
from radiolens.web.problems import HTTPProblem
from radiolens.web.state import database_of

__all__ = ["SENT_ELSEWHERE", "check_one_off", "in_second_reader_mode"]

SENT_ELSEWHERE = N_(
    "This site is in second-reader mode: a reader answers first, then the network's answer is shown. Send the images "
    "to the work list."
)


async def check_one_off(request: Request, *, by_program: bool = False) -> None:
    """Raise HTTPProblem 403 if the site is in second-reader mode; the same film could be in the work list."""
    if await anyio.to_thread.run_sync(in_second_reader_mode, request):
        also = " A program sends them to POST /api/v1/cases." if by_program else ""
        raise HTTPProblem(403, _("Not in second-reader mode"), _(SENT_ELSEWHERE) + also)


def in_second_reader_mode(request: Request) -> bool:
    """Say whether a reader answers first; it asks the database."""
    with database_of(request).reading() as session:
        return site_settings.read(session).second_reader
