"""Backups: whole, of a database in use, of an older version, put back into either kind of database."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from radiolens.errors import OtherSchema, StoreBusy, StoreFull, StoreUnavailable
from radiolens.store import audit, migration
from radiolens.store.backup import back_up, restore
from radiolens.store.database import Database, open_database
from radiolens.store.engine import database_url, make_engine
from radiolens.store.schema import (
    LOCAL_USER_ID,
    AnswerRow,
    ApiTokenRow,
    CaseRow,
    ImageRow,
    LoginSessionRow,
    PredictionRow,
    SiteSettingRow,
    UserRow,
)
from tests.store.older_database import DUMPS, make_older, rows_of

ENDED = {"login_sessions", "api_tokens", "audit_entries", "audit_head", "alembic_version"}
"""Tables that a restored database has other rows in."""


@pytest.fixture(params=["sqlite", "server"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of another new database, to restore into."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/other/radiolens.db"
    else:
        yield request.getfixturevalue("new_server_database")


def content(address: str) -> dict[str, list[dict[str, Any]]]:
    engine = make_engine(database_url(address))
    with engine.connect() as connection:
        found = rows_of(connection)
    engine.dispose()
    return found


def damaged(file: Path, change: Callable[[bytes], bytes]) -> Path:
    file.write_bytes(change(file.read_bytes()))
    return file


@pytest.fixture
def older(address: str) -> str:
    make_older(address)
    return address


@pytest.fixture
def used(older: str) -> str:
    """Return the address of a database of this version with rows in its tables."""
    open_database(older).close()
    return older


def test_an_older_database_becomes_this_version_with_all_its_rows(older: str) -> None:
    before = content(older)
    with pytest.raises(OtherSchema, match=r"older than this program\. Run: radiolens db upgrade Found revision 0001"):
        open_database(older, upgrade=False)
    database = open_database(older)
    with database.reading() as session:
        user = session.scalars(select(UserRow).where(UserRow.name == "ada")).one()
        case = session.scalars(select(CaseRow)).one()
        (image,) = case.images
        assert (user.display_name, user.roles) == ("Ada Ä.", ["clinician", "administrator"])
        assert (case.blinded, case.urgency, case.created_by) == (True, 0.75, user.id)
        assert image.predictions[0].record["findings"][0]["probability"] == 0.1 + 0.2
        assert image.facts is None
        assert case.answers[0].comment == "Consolidation, left base."
        assert session.get_one(SiteSettingRow, "second_reader").value is True
        assert audit.verify(session) is None
        assert audit.head(session).number == 3
    assert migration.revision(database.engine) == migration.newest()
    database.close()
    after = content(older)
    assert {name: len(rows) for name, rows in before.items()} == {name: len(after[name]) for name in before}


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
def test_every_revision_that_there_was_becomes_this_version_with_all_its_rows(address: str, dump: Path) -> None:
    make_older(address, dump)
    before = content(address)
    assert all(before.values()), "a row in every table"
    database = open_database(address)
    with database.reading() as session:
        assert session.scalars(select(CaseRow)).one().bundle_name is None
    assert migration.revision(database.engine) == migration.newest()
    database.close()
    after = content(address)
    for table, kept in before.items():
        if table != "alembic_version":
            same = [{key: row[key] for key in old if key in row} for old, row in zip(kept, after[table], strict=True)]
            assert same == [{key: old[key] for key in same[0]} for old in kept]


def test_there_is_a_dump_of_each_revision_before_this_one() -> None:
    assert [int(dump.stem) for dump in DUMPS] == list(range(1, int(migration.newest())))


def test_a_backup_of_an_older_database_is_restored_into_this_version(older: str, other: str, tmp_path: Path) -> None:
    backup = back_up(older, tmp_path / "backup")
    assert (backup.revision, backup.users, backup.cases, backup.end.number) == ("0001", 1, 1, 3)
    with closing(sqlite3.connect(tmp_path / "backup")) as connection:
        assert connection.execute("SELECT problem IS NULL FROM images").fetchall() == [(1,)]
        assert connection.execute("SELECT key, value FROM site_settings").fetchall() == [("second_reader", "true")]
    restored = restore(other, tmp_path / "backup")
    assert (restored.revision, restored.users, restored.broken) == (migration.newest(), 1, None)
    open_database(older).close()
    expected, found = content(older), content(other)
    assert {name: found[name] for name in expected.keys() - ENDED} == {
        name: expected[name] for name in expected.keys() - ENDED
    }
    database = open_database(other)
    with database.reading() as session:
        assert audit.verify(session, backup.end) is None
        newest, *_ = audit.entries(session)
        assert (newest.number, newest.actor, newest.action) == (4, "console", "db.restore")
        assert newest.detail == {"number": 3, "hash": backup.end.hash}
        assert session.scalars(select(LoginSessionRow)).all() == []
        assert session.scalars(select(ApiTokenRow)).one().revoked is not None
        assert session.scalars(select(AnswerRow)).one().presence == {"pneumonia": "present"}
    database.close()


def test_a_backup_of_a_database_in_use_holds_one_state_of_it(used: str, tmp_path: Path) -> None:
    database = open_database(used)
    with database.reading() as before, database.session() as session:
        before.scalars(select(CaseRow)).one()
        session.add(SiteSettingRow(key="later", value=1, changed=database.now(), changed_by=_user(database)))
        if database.file is None:  # on SQLite the copy itself waits for nobody, but telling the log of it would
            back_up(used, tmp_path / "backup")
    if database.file is not None:
        back_up(used, tmp_path / "backup")
    database.close()
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["backup"]
    held = {row["key"] for row in content(f"sqlite:///{tmp_path}/backup")["site_settings"]}
    assert held == ({"second_reader"} if database.file is None else {"second_reader", "later"})


def _user(database: Database) -> UUID:
    with database.reading() as session:
        return session.scalars(select(UserRow.id).where(UserRow.name == "ada")).one()


def test_a_backup_made_while_others_write_holds_whole_transactions(used: str, tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        with closing(open_database(used, wait_s=60)) as database:
            while not done.is_set():
                with database.session() as session:
                    now = database.now()
                    session.add(CaseRow(task="auto", created=now, changed=now, created_by=LOCAL_USER_ID))
                    audit.append(session, LOCAL_USER_ID, "case.upload")

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        try:
            backups = [back_up(used, tmp_path / f"backup{number}", wait_s=60) for number in range(2)]
        finally:
            done.set()
        for writer in writers:
            writer.result()
    for number, backup in enumerate(backups):
        assert backup.broken is None
        # The older database had a case and 3 entries; each backup before this one left an entry, too.
        assert backup.end.number - 3 - number == backup.cases - 1


def test_a_backup_onto_a_full_disk_leaves_no_file(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/radiolens.db"
    open_database(address).close()
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk], check=False).returncode != 0:
        pytest.skip("needs the right to mount a small disk")
    try:
        with pytest.raises(StoreFull, match="the disk is full, nothing was copied"):
            back_up(address, disk / "backup")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_the_log_tells_of_a_backup(used: str, tmp_path: Path) -> None:
    backup = back_up(used, tmp_path / "backup")
    database = open_database(used)
    with database.reading() as session:
        newest, *_ = audit.entries(session)
    database.close()
    assert (newest.action, newest.detail["hash"]) == ("db.backup", backup.end.hash)


def test_what_a_database_holds_is_replaced_only_when_told(used: str, other: str, tmp_path: Path) -> None:
    back_up(used, tmp_path / "backup")
    with closing(open_database(other)) as database, database.session() as session:
        audit.append(session, audit.CONSOLE, "something")
    before = content(other)
    with pytest.raises(StoreUnavailable, match=r"which would be lost\. Back it up, then add --replace"):
        restore(other, tmp_path / "backup")
    assert content(other) == before


def test_a_database_in_use_is_not_replaced(used: str, tmp_path: Path) -> None:
    back_up(used, tmp_path / "backup")
    database = open_database(used)
    with database.session() as session:
        session.execute(select(ImageRow))
    before = content(used)
    with pytest.raises(StoreBusy, match=r"(?i)nothing was changed\. Stop it"):
        restore(used, tmp_path / "backup", replace=True, wait_s=0.2)
    assert content(used) == before
    database.close()
    assert restore(used, tmp_path / "backup", replace=True).cases == 1
    assert len(content(used)["predictions"]) == 1


def test_a_log_that_was_changed_is_told_of_and_restored_as_it_is(used: str, tmp_path: Path) -> None:
    back_up(used, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup")) as connection, connection:
        connection.execute("DROP TRIGGER audit_entries_no_update")
        connection.execute("UPDATE audit_entries SET actor = 'nobody' WHERE number = 2")
    restored = restore(used, tmp_path / "backup", replace=True)
    assert restored.broken is not None
    assert restored.broken.number == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _: b"no database", "file is not a database"),
        (lambda whole: whole[: len(whole) // 2], "malformed|damaged"),
        (lambda _: b"", "it lacks tables"),
    ],
    ids=["text", "half", "empty"],
)
def test_a_file_that_is_no_whole_backup_is_refused(tmp_path: Path, change: Callable[[bytes], bytes], told: str) -> None:
    source, target = (f"sqlite:///{tmp_path}/{name}.db" for name in ("source", "target"))
    open_database(source).close()
    open_database(target).close()
    before = content(target)
    back_up(source, tmp_path / "backup")
    with pytest.raises(StoreUnavailable, match=told):
        restore(target, damaged(tmp_path / "backup", change), replace=True)
    assert content(target) == before


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/radiolens.db"
    open_database(address).close()
    back_up(address, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(OtherSchema, match="made by a newer radiolens"):
        restore(address, tmp_path / "backup", replace=True)


def test_what_cannot_be_done_is_said(tmp_path: Path, address: str) -> None:
    with pytest.raises(StoreUnavailable, match="nothing to back up"):
        back_up(address, tmp_path / "backup")
    with pytest.raises(StoreUnavailable, match=r"no such file\. Name one that `radiolens db backup` wrote"):
        restore(address, tmp_path / "backup")
    open_database(address).close()
    (tmp_path / "backup").touch()
    with pytest.raises(StoreUnavailable, match="exists already"):
        back_up(address, tmp_path / "backup")
    with pytest.raises(StoreUnavailable, match="nothing can be written there"):
        back_up(address, tmp_path / "nowhere" / "backup")


def test_tables_of_another_program_are_never_replaced(used: str, tmp_path: Path, address: str) -> None:
    back_up(used, tmp_path / "backup")
    other = f"sqlite:///{tmp_path}/stranger.db"
    with closing(sqlite3.connect(tmp_path / "stranger.db")) as connection, connection:
        connection.execute("CREATE TABLE songs (name)")
    with pytest.raises(StoreUnavailable, match=r"tables of another program \(songs\)"):
        restore(other, tmp_path / "backup", replace=True)


def test_a_prediction_of_a_restored_image_stays_unique(used: str, tmp_path: Path) -> None:
    back_up(used, tmp_path / "backup")
    other = f"sqlite:///{tmp_path}/other.db"
    restore(other, tmp_path / "backup")
    database = open_database(other)
    with database.reading() as session:
        assert session.scalars(select(PredictionRow)).one().image.case.task == "auto"
    database.close()
