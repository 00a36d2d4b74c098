"""Who works on the queue: each process holds a lock on a file of its own, which the system lets go when it dies.

So what a killed process had in hand is taken up at once by the next one on this computer; of one on another computer
only the lease tells.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

from radiolens.errors import StoreUnavailable

__all__ = ["Owners"]

_PLACE_DIGITS = 12


class Owners:
    """The processes that work in one folder on one computer, and this one among them, under a random `name`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = _place(folder)
        self.name = f"{self._place}-{secrets.token_hex(8)}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / self.name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{folder}: no file can be made there ({error.strerror}).") from error
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Say that this process works no more."""
        (self._folder / self.name).unlink(missing_ok=True)
        os.close(self._lock)

    def is_dead(self, name: str) -> bool:
        """Say whether a process worked here and is gone; one elsewhere is never said to be."""
        if name == self.name or not name.startswith(f"{self._place}-"):
            return False
        file = self._folder / Path(name).name
        try:
            descriptor = os.open(file, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        with suppress(OSError):
            file.unlink(missing_ok=True)
        return True


def _place(folder: Path) -> str:
    told = f"{socket.gethostname()}\0{folder.resolve()}"
    return hashlib.sha256(told.encode()).hexdigest()[:_PLACE_DIGITS]
