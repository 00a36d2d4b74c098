"""The steps of the database's tables: they end where the classes of schema.py are, and refuse what is not theirs."""

from __future__ import annotations

import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from radiolens.errors import OtherSchema, StoreBusy, StoreUnavailable
from radiolens.store import migration
from radiolens.store.database import Database, open_database
from radiolens.store.engine import database_url, make_engine
from radiolens.store.schema import UserRow
from tests.store.older_database import make_older

WAIT_S = 60.0


def test_the_steps_make_the_tables_that_the_classes_describe(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, UserRow.metadata) == []
    assert migration.revision(database.engine) == migration.newest()


def test_opening_it_again_changes_nothing(database: Database, address: str) -> None:
    open_database(address).close()
    open_database(address, upgrade=False).close()


def test_several_programs_may_make_the_tables_at_once(address: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for opened in pool.map(partial(open_database, wait_s=WAIT_S), [address] * 4):
            opened.close()


@pytest.mark.parametrize("held", ["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_an_older_file_is_opened_once_another_program_has_let_it_go(tmp_path: Path, held: str) -> None:
    address = f"sqlite:///{tmp_path}/radiolens.db"
    make_older(address)
    with closing(sqlite3.connect(tmp_path / "radiolens.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute(held)
        other.execute("SELECT count(*) FROM sqlite_master").fetchall()
        with pytest.raises(StoreBusy, match="another program holds the database"):
            open_database(address, wait_s=0.2)
        end = threading.Timer(0.5, other.execute, ["COMMIT"])
        end.start()
        open_database(address, wait_s=WAIT_S).close()
        end.join()


def test_several_programs_may_upgrade_an_older_one_at_once(address: str) -> None:
    make_older(address)
    with ThreadPoolExecutor(4) as pool:
        for opened in pool.map(partial(open_database, wait_s=WAIT_S), [address] * 4):
            assert migration.revision(opened.engine) == migration.newest()
            opened.close()


def test_a_step_that_fails_leaves_the_older_database_as_it_was(address: str) -> None:
    make_older(address)
    engine = make_engine(database_url(address))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE images ADD COLUMN facts TEXT"))  # what the step adds after other things
    with pytest.raises(SQLAlchemyError, match="facts"):
        open_database(address)
    assert migration.revision(engine) == "0001"
    with engine.connect() as connection:
        assert "login_failures" not in inspect(connection).get_table_names()
        assert connection.execute(text("SELECT failures FROM users WHERE name = 'ada'")).scalar_one() == 3
    engine.dispose()


def test_no_column_is_made_for_who_a_patient_is() -> None:
    columns = {f"{table.name}.{column.name}" for table in UserRow.metadata.tables.values() for column in table.columns}
    about = re.compile(r"patient|birth|file_?name|path|folder|study|accession|address|phone")
    assert {column for column in columns if about.search(column)} == {"cases.patient_group"}
    named = {column for column in columns if re.search(r"\.(.*_)?name$", column)}
    assert named == {
        "users.name", "users.display_name", "api_tokens.name",
        "profiles.bundle_name", "activations.bundle_name", "predictions.bundle_name", "cases.bundle_name",
        "images.store_name", "images.map_name", "kept_images.store_name",
    }  # fmt: skip


def test_a_database_without_tables_is_left_alone_unless_it_may_be_changed(address: str, tmp_path: Path) -> None:
    with pytest.raises((OtherSchema, StoreUnavailable), match="radiolens db upgrade"):
        open_database(address, upgrade=False)
    assert not (tmp_path / "site").exists()


def test_one_of_a_newer_version_is_refused(database: Database, address: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for upgrade in (True, False):
        with pytest.raises(OtherSchema, match=r"newer radiolens.*Found revision 9999") as refused:
            open_database(address, upgrade=upgrade)
        assert (refused.value.found, refused.value.expected) == ("9999", migration.newest())


def test_one_of_another_program_is_refused(address: str) -> None:
    opened = open_database(address)
    with opened.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(StoreUnavailable, match=r"tables of another program \(activations"):
        open_database(address)
    opened.close()
