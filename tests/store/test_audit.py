"""The audit log: kept with what it tells, chained, and every break of the chain named."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from radiolens.store import audit
from radiolens.store.audit import Anchor, Break
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID, SiteSettingRow

MOMENT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


def tell(database: Database, *actions: str) -> None:
    """Append entries, each in a transaction of its own."""
    for action in actions:
        with database.session() as session:
            audit.append(session, LOCAL_USER_ID, action, f"case:{action}", {"share": 0.1 + 0.2, "names": ["ä", None]})


def verified(database: Database, anchor: Anchor | None = None) -> Break | None:
    with database.reading() as session:
        return audit.verify(session, anchor)


def tamper(database: Database, *statements: str) -> None:
    """Change the log as somebody can who owns the database: after taking its protection away."""
    drops = {
        "sqlite": ["DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete"],
        "postgresql": ["DROP TRIGGER audit_entries_no_change ON audit_entries"],
    }[database.engine.dialect.name]
    with database.engine.begin() as connection:
        for statement in (*drops, *statements):
            connection.execute(text(statement))


def write_many(address: str, number: int) -> None:
    """Append entries from a process of its own."""
    opened = open_database(address, wait_s=60)
    tell(opened, *(f"process{number}.{turn}" for turn in range(10)))
    opened.close()


def test_an_entry_says_who_did_what_to_what(database: Database) -> None:
    tell(database, "case.close")
    with database.session() as session:
        audit.append(session, audit.CONSOLE, "db.restore")
    with database.reading() as session:
        second, first = audit.entries(session)
    assert (first.number, first.actor_id, first.actor) == (1, LOCAL_USER_ID, "local")
    assert (first.action, first.target, first.detail) == (
        "case.close",
        "case:case.close",
        {"share": 0.1 + 0.2, "names": ["ä", None]},
    )
    assert (second.number, second.actor_id, second.actor, second.detail) == (2, None, "console", {})
    assert second.previous_hash == first.hash
    assert verified(database) is None


def test_an_entry_is_kept_with_what_it_tells_or_not_at_all(database: Database) -> None:
    def change_and_fail() -> None:
        with database.session() as session:
            audit.append(session, LOCAL_USER_ID, "setting.change")
            session.add(SiteSettingRow(key="a", value=1, changed=MOMENT, changed_by=LOCAL_USER_ID))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    with database.reading() as session:
        assert list(audit.entries(session)) == []
        assert audit.head(session) == Anchor(0, audit.FIRST_HASH)
    assert verified(database) is None


def test_the_chain_holds_under_concurrent_writers(database: Database) -> None:
    threads, turns = 6, 6
    numbers = count()

    def work(_: int) -> None:
        for _turn in range(turns):
            tell(database, f"thread.{next(numbers)}")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    with database.reading() as session:
        found = [entry.number for entry in audit.entries(session)]
    assert found == list(range(threads * turns, 0, -1))
    assert verified(database) is None


def test_the_chain_holds_between_processes(database: Database, address: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_many, args=(address, number)) for number in range(2)]
    for process in processes:
        process.start()
    tell(database, *(f"parent.{turn}" for turn in range(10)))
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    with database.reading() as session:
        assert audit.head(session).number == 30
    assert verified(database) is None


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET actor = 'nobody'", "DELETE FROM audit_entries"])
def test_the_database_itself_refuses_a_change(database: Database, statement: str) -> None:
    tell(database, "first")
    with pytest.raises(DBAPIError, match="never changed or deleted"), database.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "number", "reason"),
    [
        ("UPDATE audit_entries SET actor = 'other' WHERE number = 3", 3, "entry 3 was changed"),
        ("UPDATE audit_entries SET detail = '{}' WHERE number = 1", 1, "entry 1 was changed"),
        ("UPDATE audit_entries SET hash = previous_hash WHERE number = 2", 2, "entry 2 was changed"),
        ("UPDATE audit_entries SET previous_hash = hash WHERE number = 4", 4, "entry 4 is not chained"),
        ("DELETE FROM audit_entries WHERE number = 2", 2, "entry 2 is missing; the next one is 3"),
        ("DELETE FROM audit_entries WHERE number = 1", 1, "entry 1 is missing; the next one is 2"),
        ("DELETE FROM audit_entries WHERE number >= 4", 4, "the end is missing: entry 4"),
        ("DELETE FROM audit_entries", 1, "the end is missing: entry 1"),
        ("UPDATE audit_head SET number = 4", 5, "entry 5 was not written by radiolens"),
    ],
)
def test_the_first_broken_link_is_named(database: Database, statement: str, number: int, reason: str) -> None:
    tell(database, *"abcde")
    tamper(database, statement)
    found = verified(database)
    assert found is not None
    assert found.number == number
    assert reason in found.reason


def test_a_chain_written_anew_is_found_by_what_was_noted_elsewhere(database: Database) -> None:
    tell(database, *"abc")
    with database.reading() as session:
        noted = audit.head(session)
    tell(database, "d")
    assert verified(database, noted) is None
    begin_anew = "UPDATE audit_head SET number = 0, hash = (SELECT previous_hash FROM audit_entries WHERE number = 1)"
    tamper(database, begin_anew, "DELETE FROM audit_entries")
    tell(database, "a", "b")
    assert verified(database) is None
    assert verified(database, noted) == Break(3, "the end is missing: entry 3 and what came after it")
    tell(database, "x", "d")
    assert verified(database, noted) == Break(3, "entry 3 is not the one whose hash was noted")


def test_entries_are_found_by_who_what_when_and_page(address: str) -> None:
    moments = (MOMENT + timedelta(hours=hour) for hour in count())
    database = open_database(address, clock=lambda: next(moments))
    for actor, action, target in [
        (LOCAL_USER_ID, "case.open", "case:1"),
        (LOCAL_USER_ID, "case.close", "case:1"),
        (audit.PROGRAM, "case.erase", "case:1"),
        (LOCAL_USER_ID, "user_add", "user:1"),
        (LOCAL_USER_ID, "userXadd", "user:1"),
    ]:
        with database.session() as session:
            audit.append(session, actor, action, target)
    with database.reading() as session:

        def numbers(**asked: object) -> list[int]:
            return [entry.number for entry in audit.entries(session, **asked)]  # type: ignore[arg-type]  many kinds

        assert numbers() == [5, 4, 3, 2, 1]
        assert numbers(actor="radiolens") == [3]
        assert numbers(action="case.") == [3, 2, 1]
        assert numbers(action="user_") == [4]
        assert numbers(target="case:1", actor="local") == [2, 1]
        assert numbers(since=MOMENT + timedelta(hours=1), until=MOMENT + timedelta(hours=3)) == [3, 2]
        assert numbers(limit=2) == [5, 4]
        assert numbers(limit=2, before=4) == [3, 2]
    database.close()


@pytest.mark.parametrize(("action", "target"), [("", ""), ("a" * 81, ""), ("a", "t" * 201)])
def test_words_that_do_not_fit_are_refused(database: Database, action: str, target: str) -> None:
    with pytest.raises(ValueError, match=r"expected an action of 1 to 80"), database.session() as session:
        audit.append(session, LOCAL_USER_ID, action, target)


@pytest.mark.parametrize("detail", [{"share": float("nan")}, {"when": MOMENT}])
def test_a_detail_that_is_no_json_is_refused(database: Database, detail: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError), match="JSON"), database.session() as session:
        audit.append(session, LOCAL_USER_ID, "a", detail=detail)
