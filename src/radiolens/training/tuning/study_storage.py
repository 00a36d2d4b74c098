"""Where the trials of a search are kept: a SQLite file, or a PostgreSQL server for many machines.

Optuna does the storing. What it leaves open is done here: one process at a time may hand out trials, on either kind of
storage, and what cannot be reached is told in a sentence, without its password.
"""

from __future__ import annotations

import fcntl
import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from radiolens.errors import DatasetError, PeerError

__all__ = ["Heartbeat", "StudyStorage", "experimental", "file_lock", "open_storage", "sqlite_url", "study_url"]

_SQLITE_WAIT_S = 60.0
"""For another process to finish writing, which takes milliseconds; a machine under load may pause it."""

_POSTGRESQL_TIMEOUT_S = 60.0
"""For any answer of the server, also while another process hands out a trial."""

_DRIVER = "postgresql+pg8000"


@dataclass(frozen=True)
class Heartbeat:
    """How often a process says that its trial is alive, and after what silence another takes the trial up.

    Silence also comes from a laptop that sleeps, so the grace is several beats. The clock is the storage's.
    """

    interval_s: int = 30
    grace_s: int = 150


@dataclass(frozen=True, eq=False)
class StudyStorage:
    """An open storage; `address` is its URL with the password hidden."""

    url: URL
    address: str
    engine: sqlalchemy.Engine
    trials: RDBStorage

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from handing out trials, on this machine and on others; freed however a process ends."""
        with _exclusive(self.url, self.engine):
            yield

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn errors of the storage into one sentence, a PeerError for a server and a DatasetError for a file."""
        with _told(self.url):
            yield


def sqlite_url(file: Path) -> str:
    """Return the URL of a SQLite file."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def study_url(text: str) -> URL:
    """Return a storage's URL with the driver that this program uses.

    Raises DatasetError, without showing the password, if it is neither a SQLite file nor a PostgreSQL server.
    """
    expected = "Give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE."
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise DatasetError(f"The storage is no URL that could be read. {expected}") from error
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername=_DRIVER)
    if kind != "sqlite" or url.database in (None, "", ":memory:"):
        raise DatasetError(f"The storage is {_shown(url)}, which no two processes can share. {expected}")
    return url


@contextmanager
def open_storage(text: str, heartbeat: Heartbeat = Heartbeat()) -> Iterator[StudyStorage]:
    """Open a storage, make its tables if there are none, and close its connections in the end.

    Raises DatasetError if the URL or the file is of another kind, PeerError if a server does not answer or refuses.
    """
    url = study_url(text)
    if url.drivername == "sqlite":
        _make_folder(Path(str(url.database)).parent)
    options = _engine_options(url)
    engine = sqlalchemy.create_engine(url, **options)
    with _told(url), _exclusive(url, engine), experimental():  # or two processes would make the same tables
        trials = RDBStorage(
            url.render_as_string(hide_password=False),
            engine_kwargs=options,
            heartbeat_interval=heartbeat.interval_s,
            grace_period=heartbeat.grace_s,
        )
    try:
        yield StudyStorage(url, _shown(url), engine, trials)
    finally:
        trials.remove_session()
        for opened in (engine, trials.engine):
            opened.dispose()


@contextmanager
def experimental() -> Iterator[None]:
    """Use what optuna calls experimental: heartbeats. They are tested here, and the version is bounded below.

    The warning would tell a user of radiolens about something they can neither choose nor change.
    """
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        yield


@contextmanager
def file_lock(file: Path) -> Iterator[None]:
    """Hold a lock file, waiting for it; the system frees it however the process ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _engine_options(url: URL) -> dict[str, Any]:
    if url.drivername == "sqlite":
        return {"connect_args": {"timeout": _SQLITE_WAIT_S}}
    return {
        "pool_pre_ping": True,  # a trial takes longer than servers and firewalls keep an idle connection
        "connect_args": {
            "timeout": _POSTGRESQL_TIMEOUT_S,
            "application_name": "radiolens tune",
            # Optuna writes local time of the session into columns without a zone; clients of two zones would disagree.
            "startup_params": {"TimeZone": "UTC"},
        },
    }


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"{folder}: no folder for the study can be made there ({error.strerror}).") from error


@contextmanager
def _exclusive(url: URL, engine: sqlalchemy.Engine) -> Iterator[None]:
    if url.drivername == "sqlite":
        with file_lock(Path(f"{url.database}.lock")):
            yield
        return
    key = int.from_bytes(hashlib.sha256(b"radiolens tune").digest()[:8], signed=True)
    with engine.begin() as connection:  # PostgreSQL frees it with the transaction, or with the connection
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(key)))
        yield


@contextmanager
def _told(url: URL) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        raise _error_of(url, error) from error


def _error_of(url: URL, error: Exception) -> DatasetError | PeerError:
    cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
    reason = _reason(cause)
    if url.drivername == "sqlite":
        return DatasetError(
            f"{url.database}: the study cannot be kept there ({reason}). Give a file of this command or a new one, "
            "on a disk that can be written."
        )
    return PeerError(
        f"the server of the study answers: {reason}. Check the address, user and password, and that it runs; what was "
        "finished is kept.",
        _shown(url),
    )


def _reason(error: BaseException) -> str:
    """Return what the driver says; pg8000 gives the server's fields, of which M is the message."""
    original = getattr(error, "orig", None) or error
    told = original.args[0] if original.args else original
    return str(told.get("M", told) if isinstance(told, dict) else told)


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)
