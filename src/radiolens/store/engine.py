"""How the database is reached: its address, one connection's settings, and what its errors mean.

SQLite runs in WAL mode, so that readers never wait, and with `synchronous=FULL`, so that what was committed survives a
power cut. A transaction that may write takes the write lock at its begin (BEGIN IMMEDIATE): one that reads first and
writes later could fail where another wrote in between, however long it waited. Where a transaction says so, it does not
wait for the disk (`synchronous=NORMAL`): a power cut may then undo it, with all that were committed after it, up to the
next one that waits.
"""

from __future__ import annotations

import os
import sqlite3
import ssl
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from radiolens.errors import StoreBusy, StoreError, StoreFull, StoreUnavailable

__all__ = [
    "APPLICATION_NAME",
    "READ_ONLY",
    "UNSYNCED",
    "WAIT_S",
    "database_file",
    "database_url",
    "make_engine",
    "shown",
    "sqlite_url",
    "store_error",
]

WAIT_S = 10.0
"""For another program's write to end."""

_BETWEEN_S = 0.01, 0.1  # chance, so that two programs do not meet again

READ_ONLY = "radiolens_read_only"
"""Execution option of a connection whose transactions only read."""

UNSYNCED = "radiolens_unsynced"
"""Execution option of a connection whose commits do not wait for the disk."""

APPLICATION_NAME = "radiolens"
"""By which a PostgreSQL server knows this program."""

_MODE = "radiolens_mode"
"""Key of what a connection was last set to, in its `info`, which lives as long as it does."""

_CONNECT_TIMEOUT_S = 10
_DRIVER = "postgresql+pg8000"
_EXPECTED = "Give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE (RADIOLENS_DATABASE)."
_TLS_MODES = ("disable", "require", "verify-full")
_CONNECTIONS = 40
"""As many as the web app has threads; one more than are needed cost nothing, one less waits."""


def database_url(text: str) -> URL:
    """Return the address with the driver that this program uses.

    Raises StoreUnavailable, without showing the password, for what is neither a SQLite file nor a PostgreSQL server.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise StoreUnavailable(f"The database's address cannot be read. {_EXPECTED}") from error
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername=_DRIVER)
    if kind != "sqlite" or url.database in (None, "", ":memory:"):
        raise StoreUnavailable(f"The database's address is {shown(url)}, which cannot be used. {_EXPECTED}")
    return url.set(drivername="sqlite")


def sqlite_url(file: Path) -> URL:
    """Return the address of a SQLite file."""
    return URL.create("sqlite", database=str(file))


def database_file(url: URL) -> Path | None:
    """Return the file of a SQLite database, None for a server."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def shown(url: URL) -> str:
    """Return the address as messages show it: a file's path, or the server without its password."""
    file = database_file(url) if url.database else None
    return str(file) if file else url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def make_engine(url: URL, *, wait_s: float = WAIT_S) -> Engine:
    """Return the engine for `url`; a SQLite file that does not exist is made for its owner alone (0600)."""
    file = database_file(url)
    if file is not None:
        _make_file(file)
        engine = _pooled(url, {"timeout": wait_s}, wait_s)
        event.listen(engine, "connect", partial(_set_up_sqlite, wait_s))
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    options, bare = _tls(url)
    options |= {"timeout": _CONNECT_TIMEOUT_S, "application_name": APPLICATION_NAME}
    options["startup_params"] = {"TimeZone": "UTC", "lock_timeout": str(round(wait_s * 1000))}
    try:
        engine = _pooled(bare, options, wait_s)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreUnavailable(
            "PostgreSQL needs the driver pg8000, which is not installed. Install it: "
            "python -m pip install 'radiolens[postgresql]'"
        ) from error
    _replace_ended(engine)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def store_error(url: URL, error: SQLAlchemyError) -> StoreError | None:
    """Return what an error of the database means for the user, None for one that is a defect of the program."""
    place = shown(url)
    if isinstance(error, PoolTimeout):
        return StoreBusy(f"{place}: too many requests use the database at once. Try again in a moment.")
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_error(place, error.orig)
    return _server_error(place, error)


def _pooled(url: URL, options: dict[str, Any], wait_s: float) -> Engine:
    return create_engine(
        url,
        connect_args=options,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=wait_s,
        hide_parameters=True,  # an error goes into the log, what a reader wrote does not
    )


def _make_file(file: Path) -> None:
    """Make folder and file for the owner alone; SQLite gives its other files the same rights."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"{file}: the database cannot be opened there ({error.strerror}). Choose a folder that this user may "
            "write (RADIOLENS_HOME)."
        ) from error


def _set_up_sqlite(wait_s: float, connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own; see _begin_sqlite
    # Where a file has another journal, SQLite refuses the change at once while another program writes.
    again = Retrying(
        retry=retry_if_exception(_is_locked),
        stop=stop_after_delay(wait_s),
        wait=wait_random(*_BETWEEN_S),
        reraise=True,
    )
    again(connection.execute, "PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    reads, unsynced = options.get(READ_ONLY, False), options.get(UNSYNCED, False)
    if connection.info.get(_MODE) != (reads, unsynced):
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reads else 'OFF'}")
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if unsynced else 'FULL'}")
        connection.info[_MODE] = (reads, unsynced)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(UNSYNCED, False):
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")


def _replace_ended(engine: Engine) -> None:
    """Have the pool make another connection for one that the server or a firewall ended while it was idle.

    `pool_pre_ping` does so for errors of the driver alone; pg8000 passes a reset on as the OSError that it is.
    """
    ended = (OSError, engine.dialect.loaded_dbapi.Error)

    def check(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            cursor.close()
            connection.rollback()
        except ended as error:
            raise DisconnectionError("ended while it was idle") from error

    event.listen(engine, "checkout", check)


def _tls(url: URL) -> tuple[dict[str, Any], URL]:
    """Return the driver's options for `sslmode`, and the address without it."""
    mode = url.query.get("sslmode", "disable")
    if mode not in _TLS_MODES:
        raise StoreUnavailable(f"The database's sslmode is {mode}, expected one of {', '.join(_TLS_MODES)}.")
    bare = url.difference_update_query(["sslmode"])
    if mode == "disable":
        return {}, bare
    context = ssl.create_default_context()
    if mode == "require":  # encrypted, whoever answers; as libpq has it
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return {"ssl_context": context}, bare


def _sqlite_error(place: str, error: sqlite3.Error) -> StoreError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(
            f"{place}: another program holds the database ({error}). Nothing was changed. Try again in a moment; if it "
            "stays, end the other program: a backup, a copy, or an open database browser."
        )
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(
            f"{place}: the disk is full. Nothing was changed. Free some space, then try again; `radiolens doctor` "
            "tells how much there is."
        )
    advice = {
        sqlite3.SQLITE_IOERR: "The disk cannot be read or written. Check it and its space",
        sqlite3.SQLITE_READONLY: "It may not be written. Check the rights of the file and its folder",
        sqlite3.SQLITE_CANTOPEN: "It cannot be opened. Check the rights of the file and its folder",
        sqlite3.SQLITE_PERM: "It may not be opened. Check the rights of the file and its folder",
        sqlite3.SQLITE_NOTADB: "The file is no database of radiolens. Name another (RADIOLENS_DATABASE)",
        sqlite3.SQLITE_CORRUPT: "The file is damaged. Restore a backup: radiolens db restore",
    }.get(code)
    return StoreUnavailable(f"{place}: {error}. {advice}.") if advice else None


def _server_error(place: str, error: DBAPIError) -> StoreError | None:
    """Translate by SQLSTATE (PostgreSQL's documentation, appendix A); pg8000 gives the server's fields as a dict."""
    told = error.orig.args[0] if error.orig is not None and error.orig.args else str(error.orig)
    fields = told if isinstance(told, dict) else {"M": str(told), "C": "08000"}
    state, message = str(fields.get("C", "")), str(fields.get("M", ""))
    if state in ("55P03", "40P01", "40001"):  # lock not available, deadlock, serialisation
        return StoreBusy(f"{place}: another program holds the database ({message}). Nothing was changed. Try again.")
    if state in ("53100", "53200"):  # disk full, out of memory
        return StoreFull(f"{place}: the server's disk is full ({message}). Nothing was changed. Free some space there.")
    if state[:2] in ("08", "28", "3D", "53", "57") or state == "25006":  # no connection, rights, no database, shut down
        return StoreUnavailable(
            f"{place}: the database's server answers: {message}. Check that it runs, its address, user and password."
        )
    return None
