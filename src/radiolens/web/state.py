"""What the running app holds for all requests, with its types; `app.create_app` puts it there."""

from __future__ import annotations

from starlette.requests import Request

from radiolens.inference.lineup import LiveLineup
from radiolens.settings import Settings
from radiolens.store.database import Database
from radiolens.web.answers import Answerer
from radiolens.web.reading.events import Events
from radiolens.web.reading.opened import OpenedStacks
from radiolens.worklist.work_list import WorkList

__all__ = [
    "answerer_of",
    "database_of",
    "events_of",
    "live_lineup_of",
    "opened_stacks_of",
    "settings_of",
    "work_list_of",
]


def settings_of(request: Request) -> Settings:
    """Return the settings that the app was made with."""
    found: Settings = request.app.state.settings
    return found


def database_of(request: Request) -> Database:
    """Return the site's database."""
    found: Database = request.app.state.database
    return found


def live_lineup_of(request: Request) -> LiveLineup:
    """Return which versions answer; take `now` once for a request, since it may change in between."""
    found: LiveLineup = request.app.state.lineup
    return found


def answerer_of(request: Request) -> Answerer:
    """Return what answers images that are not kept."""
    found: Answerer = request.app.state.answerer
    return found


def work_list_of(request: Request) -> WorkList:
    """Return the work list."""
    found: WorkList = request.app.state.work_list
    return found


def events_of(request: Request) -> Events:
    """Return what tells listeners of changes to the work list."""
    found: Events = request.app.state.events
    return found


def opened_stacks_of(request: Request) -> OpenedStacks:
    """Return the images that readers have open."""
    found: OpenedStacks = request.app.state.opened_stacks
    return found
