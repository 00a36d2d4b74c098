"""Copying all rows between a database on PostgreSQL and a SQLite file."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Connection, DateTime, Engine, MetaData, delete, event, func, insert, select, text

from radiolens.errors import StoreBusy
from radiolens.store import migration
from radiolens.store.columns import Row, UtcDateTime
from radiolens.store.engine import APPLICATION_NAME

__all__ = ["copy_to_sqlite", "replace_on_server"]

_ROWS_AT_ONCE = 500


def copy_to_sqlite(server: Engine, file: Engine) -> None:
    """Copy one state of the server's tables, of whatever version, to those of the same version in a file."""
    snapshot = server.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with snapshot.connect() as source, file.begin() as target:
        _copy(source, target, _as_they_are(source))


def replace_on_server(file: Engine, server: Engine) -> None:
    """Replace everything on the server by the rows of a file, whose tables are of this version, in one transaction.

    Raises StoreBusy if the app is connected.
    """
    with file.connect() as source, server.begin() as target:
        others = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = :name AND pid <> pg_backend_pid()"
        )
        if target.scalar(others, {"name": APPLICATION_NAME}):
            raise StoreBusy("The app is connected to the database, so nothing was changed. Stop it, then try again.")
        for table in reversed(_as_they_are(target).sorted_tables):
            target.exec_driver_sql(f'DROP TABLE "{table.name}"')
        target.exec_driver_sql("DROP FUNCTION IF EXISTS refuse_audit_change()")
        migration.upgrade_within(target)
        _copy(source, target, Row.metadata)


def _copy(source: Connection, target: Connection, tables: MetaData) -> None:
    for table in reversed(tables.sorted_tables):  # what the steps put in; none is into the log, which refuses this
        if target.scalar(select(func.count()).select_from(table)):
            target.execute(delete(table))
    for table in tables.sorted_tables:
        rows = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
        for part in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in part])


def _as_they_are(server: Connection) -> MetaData:
    """Return the server's tables with types that both databases have."""
    found = MetaData()

    @event.listens_for(found, "column_reflect")
    def portable(_: object, __: object, column: Any) -> None:  # noqa: ANN401  SQLAlchemy's own dictionary
        kind = column["type"].as_generic()
        if isinstance(kind, DateTime):
            kind = UtcDateTime()
        elif isinstance(kind, JSON):  # nothing stays nothing, and JSON's null stays that where nothing is not allowed
            kind = JSON(none_as_null=column["nullable"])
        column["type"] = kind
        column["default"] = None

    found.reflect(server)
    return found
