"""A database as an older version left it: tests/store/older/<revision>.sql, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, DateTime, MetaData, Uuid, delete, func, insert, make_url, select
from sqlalchemy.types import TypeEngine

from radiolens.store import migration
from radiolens.store.engine import database_url, make_engine

__all__ = ["DUMPS", "OLDEST", "make_older", "rows_of"]

DUMPS = sorted((Path(__file__).parent / "older").glob("*.sql"))
"""One of each revision before this one, the oldest first."""
OLDEST = DUMPS[0]


def make_older(address: str, dump: Path = OLDEST) -> None:
    """Make the database of a dump at `address`, where there is none yet."""
    url = database_url(address)
    if url.drivername == "sqlite":
        file = Path(str(make_url(address).database))
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(dump.read_text(encoding="utf-8"))
        return
    engine = make_engine(url)
    migration.upgrade(engine, dump.stem)
    with engine.begin() as server, closing(sqlite3.connect(":memory:")) as file:
        file.executescript(dump.read_text(encoding="utf-8"))
        file.row_factory = sqlite3.Row
        tables = MetaData()
        tables.reflect(server)
        for table in reversed(tables.sorted_tables):
            if server.execute(select(func.count()).select_from(table)).scalar_one():  # none may go of the audit log
                server.execute(delete(table))
        for table in tables.sorted_tables:
            for row in map(dict, file.execute(f"SELECT * FROM {table.name}")):  # noqa: S608  a table's name
                server.execute(insert(table), {key: _value(row[key], table.c[key].type) for key in row})
    engine.dispose()


def rows_of(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return all rows by table, each value as text that is equal on both databases."""
    tables = MetaData()
    tables.reflect(connection)
    return {
        table.name: sorted(
            (
                {key: _plain(value) for key, value in row.items()}
                for row in connection.execute(table.select()).mappings()
            ),
            key=str,
        )
        for table in tables.sorted_tables
    }


def _value(stored: Any, kind: TypeEngine[Any]) -> Any:  # noqa: ANN401  any column
    generic = kind.as_generic()
    if stored is None:
        return None
    if isinstance(generic, Uuid):
        return uuid.UUID(stored)
    if isinstance(generic, JSON):
        return json.loads(stored)
    if isinstance(generic, DateTime):
        return datetime.fromisoformat(stored).replace(tzinfo=UTC)
    return bool(stored) if isinstance(generic, Boolean) else stored


def _plain(value: Any) -> Any:  # noqa: ANN401  any column
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None).isoformat()
    return value.hex if isinstance(value, uuid.UUID) else value
