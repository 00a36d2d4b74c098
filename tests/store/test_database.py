"""Transactions of the site's database, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from radiolens.errors import StoreUnavailable
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID, CaseRow, CaseState, ImageRow, ImageState, PredictionRow, UserRow

MOMENT = datetime(2026, 11, 26, 8, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))


def new_case(**values: object) -> CaseRow:
    return CaseRow(**{"task": "auto", "created": MOMENT, "changed": MOMENT, "created_by": LOCAL_USER_ID, **values})


def write(session: Session, then: Callable[[], object] = lambda: None, **values: object) -> None:
    session.add(new_case(**values))
    session.flush()
    then()


def test_rows_come_back_as_they_went_in(database: Database) -> None:
    record = {"status": "answered", "findings": [{"label": "pneumonia", "probability": 0.1 + 0.2}], "bundle": None}
    with database.session() as session:
        image = ImageRow(case=new_case(), created=MOMENT, changed=MOMENT, size_bytes=5_000_000_000)
        session.add(PredictionRow(image=image, record=record, created=MOMENT))
    with database.reading() as session:
        case = session.scalars(select(CaseRow)).one()
        (found,) = case.images
        assert (case.state, found.state, found.problem, found.size_bytes) == (
            CaseState.OPEN,
            ImageState.QUEUED,
            None,
            5_000_000_000,
        )
        assert found.predictions[0].record == record
        assert case.created == MOMENT
        assert case.created.tzinfo is UTC
        assert isinstance(case.id, uuid.UUID)


def test_a_moment_without_a_time_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="expected a moment with a time zone"), database.session() as session:
        session.add(new_case(created=datetime(2026, 1, 1)))  # noqa: DTZ001  what is tested


def test_the_user_of_single_user_mode_is_there_and_cannot_log_in(database: Database) -> None:
    with database.reading() as session:
        local = session.scalars(select(UserRow)).one()
    assert (local.id, local.name, local.roles, local.active, local.password_hash) == (
        LOCAL_USER_ID,
        "local",
        [],
        False,
        None,
    )


def test_an_exception_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.session() as session:
        write(session, then=lambda: 1 / 0)
    with database.reading() as session:
        assert session.scalars(select(CaseRow)).all() == []


def test_a_reading_transaction_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match=r"read.?only"), database.reading() as session:
        write(session)
    with database.session() as session:
        write(session)


def test_what_is_not_durable_alone_does_not_wait_for_the_disk(database: Database) -> None:
    on_sqlite = database.file is not None
    asked = text("PRAGMA synchronous" if on_sqlite else "SHOW synchronous_commit")
    waits, does_not_wait = (2, 1) if on_sqlite else ("on", "off")
    for durable, expected in ((True, waits), (False, does_not_wait), (True, waits), (False, does_not_wait)):
        with database.session(durable=durable) as session:
            assert session.scalar(asked) == expected
            write(session)
    with database.reading() as session:
        assert len(session.scalars(select(CaseRow)).all()) == 4


def test_a_word_that_a_column_does_not_know_is_refused(database: Database) -> None:
    with (
        pytest.raises(StatementError, match="'half' is not among the defined enum values"),
        database.session() as session,
    ):
        write(session, state="half")


def test_a_row_of_nobody_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), database.session() as session:
        session.add(new_case(created_by=uuid.uuid4()))


def test_an_image_gets_one_answer_of_a_bundle_and_one_of_its_shadow(database: Database) -> None:
    with database.session() as session:
        image = ImageRow(case=new_case(), created=MOMENT, changed=MOMENT)
        session.add(PredictionRow(image=image, bundle_sha256="a", record={}, created=MOMENT))
        session.add(PredictionRow(image=image, bundle_sha256="a", record={}, created=MOMENT, shadow=True))
    with pytest.raises(IntegrityError), database.session() as session:
        session.add(PredictionRow(image_id=image.id, bundle_sha256="a", record={}, created=MOMENT))


def test_the_moment_is_the_clocks(address: str) -> None:
    opened = open_database(address, clock=lambda: MOMENT)
    assert opened.now() == MOMENT
    opened.close()


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path}/site/radiolens.db")
    with opened.session() as session:
        session.add(new_case())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "site").iterdir()}
    assert modes == dict.fromkeys(("radiolens.db", "radiolens.db-wal", "radiolens.db-shm"), 0o600)
    assert stat.S_IMODE((tmp_path / "site").stat().st_mode) == 0o700
    opened.close()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("radiolens.db", "cannot be read"),
        ("sqlite://", "cannot be used"),
        ("sqlite:///:memory:", "cannot be used"),
        ("mysql://clinic:secret@db/radiolens", r"mysql://clinic:\*\*\*@db/radiolens, which cannot be used"),
        ("postgresql://clinic:secret@db:x/radiolens", "cannot be read"),
        ("postgresql://clinic:secret@db/radiolens?sslmode=prefer", "sslmode is prefer, expected one of disable"),
    ],
)
def test_an_address_of_another_kind_is_refused_without_its_password(address: str, told: str) -> None:
    with pytest.raises(StoreUnavailable, match=told) as refused:
        open_database(address)
    assert "secret" not in str(refused.value)
