"""The same tests on both databases: `database` is a new SQLite file and a new PostgreSQL database in turn."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from radiolens.store.database import Database, open_database
from tests.postgresql import Server, needs_postgresql, postgresql

__all__ = ["postgresql"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that has no tables yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/site/radiolens.db"
    return new_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def new_server_database(request: pytest.FixtureRequest) -> str:
    """Return the URL of one more empty database on PostgreSQL."""
    if needs_postgresql.args[0]:
        pytest.skip(needs_postgresql.kwargs["reason"])
    return new_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """Give a database with its tables."""
    opened = open_database(address)
    yield opened
    opened.close()


def new_database(server: Server) -> str:
    """Make an empty database on the server, and return its URL."""
    name = f"site_{secrets.token_hex(4)}"
    engine = create_engine(make_url(server.url).set(drivername="postgresql+pg8000"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server.url).set(database=name).render_as_string(hide_password=False)
