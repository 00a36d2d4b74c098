"""What could keep the app from working on this computer, looked at without changing it, and what to do about it."""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select, text

from radiolens.bundle import RELEASED
from radiolens.errors import OtherSchema, StoreError
from radiolens.inference.predict import Predictor
from radiolens.locale.writing import exact_moment
from radiolens.store import audit, migration
from radiolens.store.database import Database, open_database
from radiolens.store.engine import WAIT_S, database_file, database_url
from radiolens.store.schema import AuditEntryRow, CaseRow
from radiolens.worklist.keys import KEY_FILE, read_keys
from radiolens.worklist.working_store import FOLDER, WorkingStore

__all__ = ["Check", "State", "Subject", "examine"]

_LEAST_FREE_BYTES = 200_000_000
"""Below it the app cannot be relied on: the largest upload, and some database."""

_YOUNGEST = datetime(2026, 11, 1, tzinfo=UTC)
"""This program was not there before, so no clock may show less."""

_CLOCKS_MAY_DIFFER = timedelta(seconds=5)
_ANSWER_S = 3.0


class State(StrEnum):
    """How a check ended; WRONG keeps the app from working, or loses something."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do; `advice` is empty where there is nothing to do."""

    name: str
    state: State
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Subject:
    """What is looked at: the settings of docs/settings.md that matter. `store_key` is empty for the file in `home`."""

    home: Path
    database: str
    host: str
    port: int
    quota_bytes: int
    store_key: str = ""
    wait_s: float = WAIT_S


def examine(subject: Subject) -> Iterator[Check]:
    """Yield the checks as they end, which takes some seconds: every network answers its stored examples."""
    for check in (_folder, _disk, _clock, _database, _keys, _port, _bundles):
        yield from check(subject)


def _folder(subject: Subject) -> Iterator[Check]:
    home = subject.home
    if not home.exists():
        parent = next(path for path in home.parents if path.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            yield Check("folder", State.OK, f"{home} is not there yet; it will be made.")
        else:
            advice = f"Make it for the user that runs radiolens, or set RADIOLENS_HOME: mkdir -p {home}"
            yield Check("folder", State.WRONG, f"{home} is not there, and cannot be made.", advice)
        return
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield Check(
            "folder", State.WRONG, f"{home} cannot be written.", "Give it to the user that runs radiolens: chown."
        )
        return
    private = [file for file in (home / "radiolens.db", home / KEY_FILE, Path(".env")) if file.exists()]
    open_ones = [file for file in private if stat.S_IMODE(file.stat().st_mode) & 0o077]
    for file in open_ones:
        mode = stat.S_IMODE(file.stat().st_mode)
        found = f"{file} can be read by others (mode {mode:o}, expected 600)."
        yield Check("rights", State.WARNING, found, f"Run: chmod 600 {file}")
    if not open_ones:
        yield Check("folder", State.OK, f"{home} can be written, and what is private in it is.")


def _disk(subject: Subject) -> Iterator[Check]:
    place = next(path for path in (subject.home, *subject.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    found = f"{_size(free)} are free at {place}; working copies may take {_size(subject.quota_bytes)} (quota_bytes)."
    if free < _LEAST_FREE_BYTES:
        yield Check("disk", State.WRONG, found, f"Free some space: at least {_size(_LEAST_FREE_BYTES)} are needed.")
    elif free < subject.quota_bytes:
        yield Check("disk", State.WARNING, found, "Free some space, or set RADIOLENS_QUOTA_BYTES to less than is free.")
    else:
        yield Check("disk", State.OK, found)


def _clock(subject: Subject) -> Iterator[Check]:
    now = datetime.now(UTC)
    advice = "Set the clock, and let it follow a time server: timedatectl set-ntp true"
    if now < _YOUNGEST:
        yield Check("clock", State.WRONG, f"The clock shows {now:%Y-%m-%d %H:%M} UTC, which is long past.", advice)
        return
    if subject.home.is_dir() and os.access(subject.home, os.W_OK):
        probe = subject.home / f".clock-{os.getpid()}"
        try:
            probe.touch()
            apart = abs(datetime.fromtimestamp(probe.stat().st_mtime, UTC) - datetime.fromtimestamp(time.time(), UTC))
        except OSError:
            apart = timedelta()  # the checks of folder and disk tell
        finally:
            probe.unlink(missing_ok=True)
        if apart > _CLOCKS_MAY_DIFFER:
            found = f"The disk's clock differs by {apart.total_seconds():.0f} s from this computer's."
            yield Check("clock", State.WARNING, found, "Let both computers follow the same time server.")
            return
    yield Check("clock", State.OK, f"It is {now:%Y-%m-%d %H:%M} UTC; pages and reports write {exact_moment(now)}.")


def _database(subject: Subject) -> Iterator[Check]:
    try:
        url = database_url(subject.database)
        file = database_file(url)
        if file is not None and not file.exists():
            yield Check("database", State.OK, f"{file} is not there yet; it will be made.")
            return
        with closing(open_database(subject.database, upgrade=False, wait_s=subject.wait_s)) as database:
            yield from _content(database)
    except OtherSchema as error:
        older = error.found == "none" or error.found < error.expected
        advice = "Back it up, then: radiolens db upgrade" if older else ""
        yield Check("database", State.WARNING if older else State.WRONG, str(error), advice)
    except StoreError as error:
        yield Check("database", State.WRONG, str(error), "See docs/store.md.")


def _content(database: Database) -> Iterator[Check]:
    if database.file is not None:
        with database.reading() as session:
            damage = session.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if damage != "ok":
            yield Check("database", State.WRONG, f"{database.shown} is damaged: {damage}.", "Restore a backup.")
            return
    with database.session():  # that it can be locked for writing
        pass
    with database.reading() as session:
        cases = session.scalar(select(func.count(CaseRow.id)))
        newest = session.scalar(select(func.max(AuditEntryRow.at)))
        end, broken = audit.head(session), audit.verify(session)
    yield Check("database", State.OK, f"{database.shown}: revision {migration.newest()}, {cases} cases.")
    if broken is not None:
        advice = "Keep a copy of the database, and compare it with a backup: radiolens audit verify"
        yield Check("audit log", State.WRONG, f"It is broken: {broken.reason}.", advice)
    else:
        yield Check("audit log", State.OK, f"Whole, {end.number} entries.")
    if newest is not None and newest > datetime.now(UTC) + _CLOCKS_MAY_DIFFER:
        found = f"The clock shows less than the newest entry of the audit log, {newest:%Y-%m-%d %H:%M} UTC."
        yield Check("clock", State.WRONG, found, "Set the clock: sessions and what is to be erased go by it.")


def _keys(subject: Subject) -> Iterator[Check]:
    file = subject.home / KEY_FILE
    folder = subject.home / FOLDER
    try:
        if not subject.store_key and not file.exists():
            if folder.is_dir() and any(folder.iterdir()):
                advice = "Put the key file back; without it these images have to be sent again."
                yield Check("keys", State.WRONG, f"{file} is missing, and {folder} holds sealed images.", advice)
            else:
                yield Check("keys", State.OK, f"{file} is not there yet; it will be made.")
            return
        ring = read_keys(file, subject.store_key)
        used = WorkingStore(folder, ring).used_keys() if folder.is_dir() else frozenset()
    except StoreError as error:
        yield Check("keys", State.WRONG, str(error), "See docs/worklist.md.")
        return
    lost = used - {key.fingerprint for key in ring.keys}
    if lost:
        found = (
            f"Images in {folder} are sealed with a key that is not known ({', '.join(sorted(k.hex() for k in lost))})."
        )
        yield Check(
            "keys", State.WRONG, found, "Put that key behind the present one; else these have to be sent again."
        )
    else:
        yield Check("keys", State.OK, f"{len(ring.keys)} known, {len(used)} in use.")


def _bundles(subject: Subject) -> Iterator[Check]:
    predictor = Predictor.open((RELEASED, subject.home / "bundles"))
    predictor.shelf.open_all()
    installed = predictor.shelf.installed
    for entry in installed.unusable:
        found = f"{entry.name} {entry.version} cannot be used. {entry.reason}"
        yield Check("bundles", State.WARNING, found, "Install it again, or remove its folder.")
    usable = [f"{bundle.identity.name} {bundle.identity.version}" for bundle in installed.bundles]
    if usable:
        yield Check("bundles", State.OK, f"{', '.join(usable)} give their stored answers.")
    else:
        yield Check("bundles", State.WRONG, "No bundle can be used.", "Install radiolens again.")


def _port(subject: Subject) -> Iterator[Check]:
    address = f"{subject.host}:{subject.port}"
    family = socket.AF_INET6 if ":" in subject.host else socket.AF_INET
    try:
        socket.create_server((subject.host, subject.port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_radiolens(subject.host, subject.port):
            yield Check("port", State.OK, f"radiolens answers at {address}.")
        elif error.errno == errno.EADDRINUSE:
            advice = "Stop that program, or choose another port (RADIOLENS_PORT)."
            yield Check("port", State.WRONG, f"{address} is taken by another program.", advice)
        else:
            advice = "Choose another address (RADIOLENS_HOST, RADIOLENS_PORT); below 1024 it takes rights."
            yield Check("port", State.WRONG, f"{address} cannot be listened on: {error.strerror}.", advice)
    else:
        yield Check("port", State.OK, f"{address} is free.")


def _is_radiolens(host: str, port: int) -> bool:
    """Whether the app answers there; one that speaks TLS itself is not asked and counts as another program."""
    with closing(http.client.HTTPConnection(host, port, timeout=_ANSWER_S)) as connection:
        try:
            connection.request("GET", "/healthz")
            answer = json.loads(connection.getresponse().read(1000))
        except (OSError, http.client.HTTPException, ValueError):
            return False
    return bool(answer == {"status": "ok"})


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB"
