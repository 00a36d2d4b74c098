"""Copying SQLite files: while they are used, whole or not at all, for their owner alone."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from radiolens.errors import StoreBusy, StoreFull, StoreUnavailable

__all__ = ["check_pages", "copy_pages", "finished", "overwrite", "temporary"]


@contextmanager
def finished(file: Path) -> Iterator[Path]:
    """Give an empty file beside `file`, which takes its name when it is on the disk; an exception removes it."""
    with temporary(file) as unfinished:
        yield unfinished
        with closing(sqlite3.connect(unfinished)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # or it could not be opened on a medium that is read-only
        _flush(unfinished)
        unfinished.rename(file)
        _flush(file.parent)


@contextmanager
def temporary(beside: Path) -> Iterator[Path]:
    """Give an empty file, readable by its owner alone (0600), and remove it in the end."""
    file = beside.with_name(f".{beside.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"{beside.parent}: nothing can be written there ({error.strerror}). Name a folder that this user may write."
        ) from error
    try:
        yield file
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            Path(f"{file}{ending}").unlink(missing_ok=True)


def copy_pages(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, whoever uses it; the copy is one file, without a log beside it.

    Raises StoreUnavailable if `source` is no database, StoreFull if there is no room.
    """
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as old, closing(sqlite3.connect(target)) as new:
        try:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise StoreFull(f"{target.parent}: the disk is full, nothing was copied. Free some space.") from error
            raise StoreUnavailable(f"{source} cannot be copied: {error}. Is it a database of radiolens?") from error


def check_pages(copy: Path, file: Path) -> None:
    """Raise StoreUnavailable, naming `file`, if a page of the copy is damaged."""
    with closing(sqlite3.connect(copy)) as connection:
        try:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        raise StoreUnavailable(f"{file} is damaged: {found}. Use another backup.")


def overwrite(target: Path, source: Path, wait_s: float) -> None:
    """Replace all pages of `target` by those of `source`, in one transaction.

    Raises StoreBusy if any program has it open: to leave the mode with a log (WAL) is allowed to the only one.
    """
    with closing(sqlite3.connect(target, timeout=wait_s)) as held, closing(sqlite3.connect(source)) as new:
        try:
            held.execute("PRAGMA journal_mode=DELETE")
            new.backup(held)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise StoreBusy(
                    f"{target}: another program has the database open, so nothing was changed. Stop it (radiolens "
                    "serve), then try again."
                ) from error
            raise StoreUnavailable(f"{target} cannot be written: {error}. Nothing was changed.") from error


def _flush(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
