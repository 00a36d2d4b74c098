"""In second-reader mode nobody is answered in passing: whoever asked so would see what the work list hides."""

from __future__ import annotations

import anyio.to_thread
from fastapi import Request

from radiolens.locale.translate import gettext as _
from radiolens.store import site_settings
from radiolens.store.database import Database
from radiolens.web.problems import HTTPProblem
from radiolens.web.state import database_of

__all__ = ["check_one_off"]


async def check_one_off(request: Request) -> None:
    """Raise HTTPProblem 403 if the site is in second-reader mode; the same film could be in the work list."""
    if await anyio.to_thread.run_sync(_second_reader, database_of(request)):
        detail = _(
            "This site is in second-reader mode: a reader answers first, then the network's answer is shown. Send the "
            "images to the work list."
        )
        raise HTTPProblem(403, _("Not in second-reader mode"), detail)


def _second_reader(database: Database) -> bool:
    with database.reading() as session:
        return site_settings.read(session).second_reader
