"""Tells browsers which cases changed, as server-sent events: whatever process changed them.

One task of the process looks into the database while anybody listens: at once when this process changed something,
else every second for what another one did. Each listener is then told what its own user may see.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import anyio.to_thread
from fastapi.sse import ServerSentEvent

from radiolens.errors import StoreError
from radiolens.web.reading.objects import ProgressObject, SummaryObject
from radiolens.worklist.work_list import WorkList

__all__ = ["Events"]

_LOOK_S = 1.0  # for what another process changed
_PAUSE_S = 0.25  # between two looks, so that a batch makes few of them
_OVERLAP = timedelta(seconds=15)  # a change is dated before its transaction ends, which may take as long as a lock
_STREAM_S = 60.0  # then the browser comes again, and its session is looked at again
_RETRY_MS = 1000


class _Listener:
    def __init__(self) -> None:
        self.cases: set[UUID] = set()
        self.ready = asyncio.Event()


@dataclass(frozen=True)
class _Told:
    """What one user is told of some changed cases; listeners of the same user share it."""

    cases: tuple[SummaryObject, ...]
    progress: ProgressObject


class Events:
    """The changes of a work list, for listeners in one event loop."""

    def __init__(self, work_list: WorkList) -> None:
        self._work_list = work_list
        self._listeners: set[_Listener] = set()
        self._changed = asyncio.Event()
        self._seen: dict[UUID, datetime] = {}
        self._told: dict[tuple[UUID, frozenset[UUID]], asyncio.Future[_Told]] = {}
        self._task: asyncio.Task[None] | None = None

    async def stream(self, viewer: UUID, last_id: str = "") -> AsyncIterator[ServerSentEvent]:
        """Yield an event `case` for each case that changes, and `progress` when it did, for a minute.

        `last_id` is the id of the last event that arrived; what changed since is told first.
        """
        async with self._listening() as listener:
            listener.cases |= await self._missed(last_id)
            end = time.monotonic() + _STREAM_S
            while (left := end - time.monotonic()) > 0:
                cases, listener.cases = frozenset(listener.cases), set()
                told = await self._tell(viewer, cases)
                for case in told.cases:
                    yield self._event("case", case)
                yield self._event("progress", told.progress)
                try:
                    await asyncio.wait_for(listener.ready.wait(), left)
                except TimeoutError:
                    return
                listener.ready.clear()

    def _event(self, kind: str, content: SummaryObject | ProgressObject) -> ServerSentEvent:
        moment = self._work_list.database.now().isoformat()
        return ServerSentEvent(event=kind, data=content.model_dump(mode="json"), id=moment, retry=_RETRY_MS)

    async def _tell(self, viewer: UUID, cases: frozenset[UUID]) -> _Told:
        """Return what the user may see of the cases; who asks for the same at the same time waits for one answer."""
        key = (viewer, cases)
        if key not in self._told:
            self._told[key] = asyncio.ensure_future(anyio.to_thread.run_sync(self._summaries, viewer, cases))
            self._told[key].add_done_callback(lambda _: self._told.pop(key, None))
        return await asyncio.shield(self._told[key])

    def _summaries(self, viewer: UUID, cases: frozenset[UUID]) -> _Told:
        found = self._work_list.summaries(viewer, cases) if cases else ()
        return _Told(
            tuple(map(SummaryObject.model_validate, found)),
            ProgressObject.model_validate(self._work_list.progress_of_all()),
        )

    async def _missed(self, last_id: str) -> set[UUID]:
        try:
            since = datetime.fromisoformat(last_id)
        except ValueError:
            return set()
        if since.tzinfo is None:
            return set()
        return set(await anyio.to_thread.run_sync(self._work_list.changed_since, since - _OVERLAP))

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[_Listener]:
        listener = _Listener()
        self._listeners.add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._look())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()

        def told() -> None:
            loop.call_soon_threadsafe(self._changed.set)

        end = self._work_list.listen(told)
        try:
            since = self._work_list.database.now()
            while self._listeners:
                since = await self._look_once(since)
                await asyncio.sleep(_PAUSE_S)
                try:
                    await asyncio.wait_for(self._changed.wait(), _LOOK_S)
                except TimeoutError:
                    continue
                finally:
                    self._changed.clear()
        finally:
            end()
            self._task = None

    async def _look_once(self, since: datetime) -> datetime:
        """Tell the listeners of what changed, and return from when on to look the next time."""
        now = self._work_list.database.now()
        try:
            found = await anyio.to_thread.run_sync(self._work_list.changed_since, since - _OVERLAP)
        except StoreError:
            return since  # the database is held by somebody; the next look finds it all
        new = {case_id for case_id, changed in found.items() if self._seen.get(case_id) != changed}
        self._seen = dict(found)
        for listener in self._listeners if new else ():
            listener.cases |= new
            listener.ready.set()
        return now
