"""Copies of the whole database: one format, a SQLite file, of a SQLite database and of one on PostgreSQL.

So a backup can also carry a site from one kind of database to the other. It holds accounts (passwords as hashes),
cases, answers and the audit log; it holds no image and no key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, inspect, select, update

from radiolens.errors import StoreUnavailable
from radiolens.store import audit, migration, sqlite_copy, table_copy
from radiolens.store.database import Database, open_database
from radiolens.store.engine import WAIT_S, database_file, database_url, make_engine, sqlite_url
from radiolens.store.schema import ApiTokenRow, CaseRow, LoginSessionRow, UserRow

__all__ = ["Backup", "back_up", "restore"]


@dataclass(frozen=True)
class Backup:
    """What a backup holds: the revision of its tables, how many users and cases, and the end of its audit log.

    `broken` names the first broken link of the log; it is looked for in tables of this version.
    """

    file: Path
    revision: str
    users: int
    cases: int
    end: audit.Anchor
    broken: audit.Break | None


def back_up(address: str, file: Path, *, wait_s: float = WAIT_S) -> Backup:
    """Copy the database to a new file, while it is used; one of an older version keeps its tables as they are.

    The copy is one state of the database, checked, flushed to the disk, and readable by its owner alone. The audit log
    tells of it. Raises StoreUnavailable if `file` exists or cannot be written, or if the database is damaged.
    """
    if file.exists():
        raise StoreUnavailable(f"{file} exists already. Name a new file for the backup.")
    url = database_url(address)
    source = database_file(url)
    if source is not None and not source.exists():
        raise StoreUnavailable(f"{source}: there is no database yet, so nothing to back up.")
    with (
        closing(Database(url, make_engine(url, wait_s=wait_s))) as database,
        database.told(),
        sqlite_copy.finished(file) as unfinished,
    ):
        revision = migration.revision(database.engine)
        if revision is None:
            raise StoreUnavailable(f"{database.shown}: there are no tables of radiolens yet, so nothing to back up.")
        if source is not None:
            sqlite_copy.copy_pages(source, unfinished)
        else:
            with _opened(unfinished) as copy:
                migration.upgrade(copy.engine, revision)
                table_copy.copy_to_sqlite(database.engine, copy.engine)
        backup = _looked_at(unfinished, file)
    if backup.revision == migration.newest():
        _tell(address, "db.backup", backup, wait_s)
    return backup


def restore(address: str, file: Path, *, replace: bool = False, wait_s: float = WAIT_S) -> Backup:
    """Put a backup's content into the database, brought to this version: all of it, or nothing.

    It ends every login and revokes every API token, since some may have been ended after the backup was made, and adds
    an entry to the audit log. Raises StoreUnavailable if `file` is no whole backup, or if the database holds anything
    and `replace` is not given; StoreBusy if the app uses it; OtherSchema if the backup is of a newer version.
    """
    if not file.is_file():
        raise StoreUnavailable(f"{file}: there is no such file. Name one that `radiolens db backup` wrote.")
    url = database_url(address)
    with (
        closing(Database(url, make_engine(url, wait_s=wait_s))) as target,
        target.told(),
        sqlite_copy.temporary(target.file or file) as copied,
    ):
        sqlite_copy.copy_pages(file, copied)
        _looked_at(copied, file)
        with _opened(copied) as copy:
            migration.upgrade(copy.engine)
            _end_logins(copy)
        backup = _looked_at(copied, file)
        if not replace:
            _refuse_used(target)
        migration.refuse_foreign(target.engine)
        if target.file is not None:
            target.close()
            sqlite_copy.overwrite(target.file, copied, wait_s)
        else:
            with _opened(copied) as copy:
                table_copy.replace_on_server(copy.engine, target.engine)
    _tell(address, "db.restore", backup, wait_s)
    return backup


def _looked_at(copy: Path, file: Path) -> Backup:
    """Return what a copy holds; raise StoreUnavailable, naming `file`, if it is damaged or no backup."""
    sqlite_copy.check_pages(copy, file)
    with _opened(copy) as opened:
        if not {"alembic_version", "users", "cases", "audit_head"} <= set(inspect(opened.engine).get_table_names()):
            raise StoreUnavailable(f"{file} is no backup of radiolens: it lacks tables. Use another file.")
        revision = str(migration.revision(opened.engine))
        with opened.reading() as session:
            users = session.scalar(select(func.count(UserRow.id))) or 0
            cases = session.scalar(select(func.count(CaseRow.id))) or 0
            broken = audit.verify(session) if revision == migration.newest() else None
            return Backup(file, revision, users - 1, cases, audit.head(session), broken)


@contextmanager
def _opened(file: Path) -> Iterator[Database]:
    """Open a SQLite file whatever the revision of its tables."""
    url = sqlite_url(file)
    with closing(Database(url, make_engine(url))) as database, database.told():
        yield database


def _end_logins(database: Database) -> None:
    with database.session() as session:
        session.execute(delete(LoginSessionRow))
        session.execute(update(ApiTokenRow).where(ApiTokenRow.revoked.is_(None)).values(revoked=database.now()))


def _refuse_used(target: Database) -> None:
    """Raise StoreUnavailable unless the database is empty, or as new."""
    if not inspect(target.engine).get_table_names():
        return
    migration.check(target.engine)
    with target.reading() as session:
        users = session.scalar(select(func.count(UserRow.id)))
        if users == 1 and audit.head(session).number == 0 and not session.scalar(select(func.count(CaseRow.id))):
            return
    raise StoreUnavailable(
        f"{target.shown} holds users, cases or an audit log, which would be lost. Back it up, then add --replace."
    )


def _tell(address: str, action: str, backup: Backup, wait_s: float) -> None:
    """Add what was done to the audit log, with the end of the log that the backup holds."""
    with closing(open_database(address, upgrade=False, wait_s=wait_s)) as database, database.session() as session:
        audit.append(session, audit.CONSOLE, action, "", {"number": backup.end.number, "hash": backup.end.hash})
