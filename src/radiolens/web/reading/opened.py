"""The images that readers have open now, decoded and in memory: a reader scrolls through hundreds of slices."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from radiolens.web.reading.stack import Stack

__all__ = ["OpenedStacks"]


class OpenedStacks:
    """The stacks that were asked for last, up to a number of bytes; the newest stays whatever its size. Thread-safe.

    Nothing of it is ever on disk. Whoever asks has to have checked that the image may still be seen.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._stacks: OrderedDict[UUID, Stack] = OrderedDict()
        self._lock = threading.Lock()
        self._decoding = threading.Lock()

    def get(self, image_id: UUID, decode: Callable[[], Stack]) -> Stack:
        """Return the stack of an image, decoded if it is not there. One is decoded at a time, for the memory it takes.

        Raises what `decode` raises, and then keeps nothing.
        """
        found = self._find(image_id)
        if found is not None:
            return found
        with self._decoding:
            found = self._find(image_id)  # another request may have waited for the same
            if found is not None:
                return found
            made = decode()
            self._keep(image_id, made)
            return made

    def forget(self, image_id: UUID) -> None:
        """Drop the stack of an image, if it is there: its working copy is gone."""
        with self._lock:
            self._stacks.pop(image_id, None)

    def _find(self, image_id: UUID) -> Stack | None:
        with self._lock:
            if image_id in self._stacks:
                self._stacks.move_to_end(image_id)
            return self._stacks.get(image_id)

    def _keep(self, image_id: UUID, stack: Stack) -> None:
        with self._lock:
            self._stacks[image_id] = stack
            while len(self._stacks) > 1 and sum(entry.nbytes for entry in self._stacks.values()) > self._most_bytes:
                self._stacks.popitem(last=False)
