"""The site's database: opening it, and transactions.

    database = open_database("sqlite:////home/clinic/radiolens.db")
    with database.session() as session:          # writes; committed at the end, rolled back by an exception
        session.add(CaseRow(task="auto", created=database.now(), ...))
    with database.reading() as session:          # only reads, and never waits for a writer
        rows = session.scalars(select(CaseRow)).all()

Keep a writing transaction short, and do no other work in it: on SQLite there is one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from radiolens.errors import StoreBusy, StoreUnavailable
from radiolens.store import audit, migration
from radiolens.store.clock import CLOCK, Clock, utc_now
from radiolens.store.engine import (
    READ_ONLY,
    UNSYNCED,
    WAIT_S,
    database_file,
    database_url,
    make_engine,
    shown,
    store_error,
)

__all__ = ["Database", "open_database"]


@dataclass(frozen=True)
class Database:
    """An open database; safe to use from several threads, each with a session of its own."""

    url: URL
    engine: Engine
    clock: Clock = utc_now
    wait_s: float = WAIT_S
    _turn: Lock = field(default_factory=Lock, repr=False, compare=False)

    def now(self) -> datetime:
        """Return the moment; rows take theirs from here, so that a test can move the clock."""
        return self.clock()

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database, None for a server."""
        return database_file(self.url)

    @property
    def shown(self) -> str:
        """The address as messages show it, without a password."""
        return shown(self.url)

    @contextmanager
    def session(self, *, durable: bool = True) -> Iterator[Session]:
        """Give a transaction that may write: committed at the end with its audit entries, rolled back by an exception.

        Rows may still be read after it. One that is not `durable` does not wait for the disk, so that a power cut, but
        not the end of the program, may undo it: for what is then done again by itself. Raises StoreBusy if another
        program holds the database for more than 10 s, StoreFull if the disk is full, StoreUnavailable if it cannot be
        reached; nothing is changed then.
        """
        engine = self.engine if durable else self.engine.execution_options(**{UNSYNCED: True})
        info = {CLOCK: self.clock}
        with self.told(), self._in_turn(), Session(engine, expire_on_commit=False, info=info) as session:
            yield session
            audit.write(session)
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a transaction that only reads one state of the database; raises as `session` does.

        Writing in it is refused by the database.
        """
        engine = self.engine.execution_options(**{READ_ONLY: True}, postgresql_readonly=True)
        with self.told(), Session(engine, expire_on_commit=False, info={CLOCK: self.clock}) as session:
            yield session

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Let the threads of this process write to a SQLite file one after the other, at once when it is their turn.

        SQLite itself lets one write as well, but the others sleep for longer and longer between two tries.
        """
        if self.file is None:
            yield
            return
        if not self._turn.acquire(timeout=self.wait_s):
            raise StoreBusy(f"{self.shown}: other requests are writing to the database. Try again in a moment.")
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the database says into a StoreError with a sentence; what is a defect stays as it is."""
        try:
            yield
        except SQLAlchemyError as error:
            told = store_error(self.url, error)
            if told is None:
                raise
            raise told from error


def open_database(address: str, *, clock: Clock = utc_now, upgrade: bool = True, wait_s: float = WAIT_S) -> Database:
    """Open the database at `address` (a URL), and bring its tables to this version; a new file gets them.

    Without `upgrade` nothing is made or changed: raises StoreUnavailable if there is none, OtherSchema if its tables
    are not of this version. `wait_s` is how long to wait for another program's write. Raises StoreUnavailable if it
    cannot be opened, OtherSchema if it was made by a newer version.
    """
    url = database_url(address)
    file = database_file(url)
    if not upgrade and file is not None and not file.exists():
        raise StoreUnavailable(f"{file}: there is no database yet. Make it: radiolens db upgrade")
    database = Database(url, make_engine(url, wait_s=wait_s), clock, wait_s)
    with ExitStack() as unless_opened:
        unless_opened.callback(database.close)
        with database.told():
            if upgrade:
                migration.upgrade(database.engine)
            else:
                migration.check(database.engine)
        unless_opened.pop_all()
    return database
