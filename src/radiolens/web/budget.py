"""Bounds the bytes of all uploads that are in memory at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from radiolens.locale.translate import gettext as _
from radiolens.web.problems import HTTPProblem

__all__ = ["ByteBudget"]

_PATIENCE_SECONDS = 120.0  # the largest upload takes some twenty seconds to be received and answered


class ByteBudget:
    """Bytes that requests share; who does not find enough waits, and so does the sender at the other end.

    For one event loop. A request that needs little may overtake one that needs much.
    """

    def __init__(self, total: int, patience_s: float = _PATIENCE_SECONDS) -> None:
        self._free = total
        self._patience_s = patience_s
        self._changed = anyio.Condition()

    @asynccontextmanager
    async def hold(self, count: int) -> AsyncIterator[None]:
        """Take `count` of the bytes and give them back at the end; raise HTTPProblem 503 if they do not become free."""
        try:
            with anyio.fail_after(self._patience_s):
                await self._take(count)
        except TimeoutError as error:
            detail = _("Other uploads take all the memory that there is for them. Send it again in a minute.")
            raise HTTPProblem(503, _("The server is busy"), detail, headers={"Retry-After": "60"}) from error
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._give_back(count)

    async def _take(self, count: int) -> None:
        async with self._changed:
            while self._free < count:
                await self._changed.wait()
            self._free -= count

    async def _give_back(self, count: int) -> None:
        async with self._changed:
            self._free += count
            self._changed.notify_all()
