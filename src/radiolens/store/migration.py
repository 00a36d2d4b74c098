"""Bringing a database's tables to this version: the steps in `migrations/versions`, run by Alembic."""

from __future__ import annotations

import hashlib
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select

from radiolens.errors import OtherSchema, StoreUnavailable

__all__ = ["check", "newest", "refuse_foreign", "revision", "upgrade", "upgrade_within"]

_LOCK = int.from_bytes(hashlib.sha256(b"radiolens db upgrade").digest()[:8], signed=True)
"""Of PostgreSQL; on SQLite the transaction itself holds the file."""

_NONE = "none"


def newest() -> str:
    """Return the revision that this version of radiolens works with."""
    return _revisions()[0]


def revision(engine: Engine) -> str | None:
    """Return the revision of a database's tables, None if it has none yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(engine: Engine) -> None:
    """Raise OtherSchema if the tables are not of this version."""
    found = revision(engine)
    if found != newest():
        _refuse_newer(found)
        raise OtherSchema(
            "The database's tables are older than this program. Run: radiolens db upgrade", found or _NONE, newest()
        )


def upgrade(engine: Engine, target: str = "head") -> None:
    """Run the steps that a database has not seen, all or none, while other programs wait.

    Raises OtherSchema if it was made by a newer version, StoreUnavailable if it holds tables of another program.
    """
    with engine.begin() as connection:
        upgrade_within(connection, target)


def refuse_foreign(engine: Engine) -> None:
    """Raise StoreUnavailable if the database holds tables, but none of radiolens."""
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() is None:
            _refuse_foreign(connection)


def upgrade_within(connection: Connection, target: str = "head") -> None:
    """Do what `upgrade` does in a transaction that is open already."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    found = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(found)
    if found is None:
        _refuse_foreign(connection)
    if found != newest():
        command.upgrade(_config(connection), target)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "radiolens.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@cache
def _revisions() -> tuple[str, ...]:
    """Return all revisions of this version, the newest first; loading the steps takes a while."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in _revisions():
        raise OtherSchema(
            "The database was made by a newer radiolens. Install that version, or restore a backup of this one.",
            found,
            newest(),
        )


def _refuse_foreign(connection: Connection) -> None:
    tables = inspect(connection).get_table_names()
    if tables:
        raise StoreUnavailable(
            f"The database holds tables of another program ({', '.join(sorted(tables)[:3])}). Give radiolens a "
            "database of its own (RADIOLENS_DATABASE)."
        )
