"""The working store: the images of open cases, sealed, in a folder apart from the database and its backups.

An object is one input (a file, or the files of a series) under a random name. It is on the disk when `put` returns.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from radiolens.errors import StoreError, StoreFull, StoreUnavailable, WrongState
from radiolens.worklist.keys import KeyRing
from radiolens.worklist.sealing import HEADER_BYTES, fingerprint_of, seal, unseal

__all__ = ["FOLDER", "WorkingStore"]

FOLDER = "working"
"""In a site's home."""

_NAME = re.compile(r"[0-9a-f]{32}")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class WorkingStore:
    """The sealed objects in a folder. Thread-safe, and safe for several processes: nothing is changed once written."""

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        self._folder = folder
        self._keys = keys

    @classmethod
    def open(cls, folder: Path, keys: KeyRing) -> WorkingStore:
        """Return the store in `folder`, which is made for its owner alone; raise StoreUnavailable if that fails."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{folder}: the working store cannot be made ({error.strerror}).") from error
        return cls(folder, keys)

    def put(self, parts: Sequence[bytes], *, durable: bool = True) -> str:
        """Seal byte strings, wait until they are on the disk, and return their name.

        What is not `durable` is not waited for: a power cut may take or damage it. Raises StoreFull if the disk is
        full, StoreUnavailable if it cannot be written; then nothing is left of them.
        """
        name = secrets.token_hex(16)
        file = self._folder / name
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                for piece in seal(parts, self._keys.current, name):
                    stream.write(piece)
                stream.flush()
                if durable:
                    os.fsync(stream.fileno())
            if durable:
                self._sync()
        except OSError as error:
            with suppress(OSError):
                file.unlink(missing_ok=True)
            raise _not_written(self._folder, error) from error
        return name

    def get(self, name: str) -> tuple[bytes, ...]:
        """Return what was put.

        Raises WrongState if it is erased, StoreUnavailable if it is damaged or its key is lost.
        """
        try:
            with self._path(name).open("rb") as stream:
                return unseal(stream, self._keys, name)
        except FileNotFoundError as error:
            raise WrongState("The image was erased, as the site's rules have it. Only its results are kept.") from error
        except OSError as error:
            raise StoreUnavailable(f"A working copy cannot be read ({error.strerror}). Check the disk.") from error

    def erase(self, name: str) -> None:
        """Erase an object, if it is there: first what opens it, then the rest; raise StoreUnavailable if that fails."""
        file = self._path(name)
        try:
            with suppress(FileNotFoundError):
                _overwrite_header(file)
                file.unlink()
                self._sync()
        except OSError as error:
            raise StoreUnavailable(f"A working copy cannot be erased ({error.strerror}). Check the disk.") from error

    def renew(self, name: str) -> None:
        """Make an object as old as one that is written now.

        Raises WrongState if it is erased, StoreUnavailable if that fails.
        """
        try:
            os.utime(self._path(name))
        except FileNotFoundError as error:
            raise WrongState("The image was erased, as the site's rules have it. Only its results are kept.") from error
        except OSError as error:
            raise StoreUnavailable(f"A working copy cannot be read ({error.strerror}). Check the disk.") from error

    def names(self, older_than_s: float = 0.0) -> Iterator[str]:
        """Yield the names of the objects that were written so many seconds ago or earlier."""
        newest = time.time() - older_than_s
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if _NAME.fullmatch(entry.name) and entry.stat().st_mtime <= newest:
                        yield entry.name

    def used_keys(self) -> frozenset[bytes]:
        """Return the fingerprints of the keys that sealed the present objects."""
        found = set()
        for name in self.names():
            with suppress(FileNotFoundError), self._path(name).open("rb") as stream:
                found.add(fingerprint_of(stream))
        return frozenset(found)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name of a working copy: {name[:40]!r}")
        return self._folder / name

    def _sync(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _overwrite_header(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.write(secrets.token_bytes(HEADER_BYTES))
        stream.flush()
        os.fsync(stream.fileno())


def _not_written(folder: Path, error: OSError) -> StoreError:
    if error.errno in _NO_ROOM:
        return StoreFull(
            f"The disk of the working store ({folder}) is full, so nothing was stored. Close cases that are done, or "
            "free some room, then try again."
        )
    return StoreUnavailable(
        f"The working store ({folder}) cannot be written ({error.strerror}), so nothing was stored. "
        "Run: radiolens doctor"
    )
