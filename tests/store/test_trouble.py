"""A locked database, a full disk, a server that is away, a killed process: told in a sentence, and nothing lost."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select, text

from radiolens.errors import StoreBusy, StoreFull, StoreUnavailable
from radiolens.store import audit
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID, CaseRow
from tests.postgresql import Server, needs_postgresql

WRITER = textwrap.dedent("""
    import sys
    from radiolens.store import audit
    from radiolens.store.database import open_database
    from radiolens.store.schema import LOCAL_USER_ID, CaseRow
    database = open_database(sys.argv[1])
    while True:
        with database.session() as session:
            now = database.now()
            case = CaseRow(task="auto", created=now, changed=now, created_by=LOCAL_USER_ID)
            session.add(case)
            session.flush()
            audit.append(session, LOCAL_USER_ID, "case.upload", f"case:{case.id}")
        print("kept", flush=True)
""")


def add_case(database: Database, task: str = "auto") -> None:
    with database.session() as session:
        now = database.now()
        case = CaseRow(task=task, created=now, changed=now, created_by=LOCAL_USER_ID)
        session.add(case)
        session.flush()
        audit.append(session, LOCAL_USER_ID, "case.upload", f"case:{case.id}")


def read_all(address: str) -> None:
    with closing(open_database(address)) as database, database.reading() as session:
        session.scalars(select(CaseRow)).all()


def cases(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count(CaseRow.id))) or 0


@pytest.fixture
def hasty(address: str) -> Iterator[Database]:
    """Give a database that waits a fifth of a second for others."""
    open_database(address).close()
    with closing(open_database(address, wait_s=0.2)) as database:
        yield database


def test_threads_write_to_a_file_in_turn_and_say_so_if_it_takes_too_long(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/radiolens.db"
    with closing(open_database(address)) as database, ThreadPoolExecutor(8) as many:
        list(many.map(add_case, [database] * 40))
        assert cases(database) == 40
    with closing(open_database(address, wait_s=0.2)) as database, ThreadPoolExecutor(1) as other:
        with database.session(), pytest.raises(StoreBusy, match="other requests are writing to the database"):
            other.submit(add_case, database).result()
        add_case(database)
        assert cases(database) == 41


def test_a_locked_database_is_told_and_the_same_works_afterwards(hasty: Database) -> None:
    add_case(hasty)
    with hasty.engine.connect() as other, other.begin():
        other.execute(text("UPDATE audit_head SET number = number"))  # what every change with an audit entry needs
        with pytest.raises(StoreBusy, match=r"another program holds the database.*Nothing was changed"):
            add_case(hasty)
        assert cases(hasty) == 1  # who only reads does not wait
    add_case(hasty)
    assert cases(hasty) == 2
    with hasty.reading() as session:
        assert audit.verify(session) is None


def full_disk(folder: Path) -> bool:
    """Make `folder` a disk of 700 kB, where the system allows it."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder], check=False, capture_output=True
    )
    return done.returncode == 0


def fill(database: Database) -> int:
    """Add cases until there is no room; return how many were accepted."""
    for accepted in range(10_000):
        before = cases(database)
        with suppress(StoreFull):
            add_case(database, task="x" * 60)
        if cases(database) == before:
            return accepted
    pytest.fail("the disk was never full")


def test_a_full_disk_is_told_and_nothing_that_was_accepted_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not full_disk(disk):
        pytest.skip("needs the right to mount a small disk")
    try:
        with closing(open_database(f"sqlite:///{disk}/radiolens.db")) as database:
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(100_000))
            accepted = fill(database)
            assert cases(database) == accepted > 0
            with pytest.raises(StoreFull, match=r"the disk is full\. Nothing was changed\. Free some space"):
                add_case(database)
            ballast.unlink()
            add_case(database)
            assert cases(database) == accepted + 1
            with database.reading() as session:
                assert audit.verify(session) is None
                assert audit.head(session).number == accepted + 1
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_database_that_may_not_grow_is_told_as_a_full_disk(tmp_path: Path) -> None:
    """The same error of SQLite, where no disk can be mounted."""
    with closing(open_database(f"sqlite:///{tmp_path}/radiolens.db")) as database:
        with database.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")
        accepted = fill(database)
        assert cases(database) == accepted > 0
        with database.reading() as session:
            assert audit.verify(session) is None


def test_a_process_killed_while_it_writes_leaves_whole_transactions(address: str) -> None:
    open_database(address).close()
    with subprocess.Popen([sys.executable, "-c", WRITER, address], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline() == b"kept\n"
        time.sleep(0.01)  # somewhere in the next one
        process.kill()
        process.wait()
        told = 5 + process.stdout.read().count(b"kept")
    with closing(open_database(address)) as database:
        add_case(database)
        with database.reading() as session:
            assert audit.verify(session) is None
            assert audit.head(session).number == cases(database)
        assert cases(database) in (told + 1, told + 2)  # the last may be kept, and not told yet


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"no database at all" * 100, "file is no database of radiolens"), (None, "cannot be opened")],
)
def test_a_file_that_is_no_database_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "radiolens.db"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=told):
        open_database(f"sqlite:///{file}")


def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    file = tmp_path / "radiolens.db"
    with closing(open_database(f"sqlite:///{file}")) as database:
        for _ in range(30):
            add_case(database)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    whole = bytearray(file.read_bytes())
    whole[4096 * 3 :] = b"\xff" * (len(whole) - 4096 * 3)
    file.write_bytes(whole)
    with pytest.raises(StoreUnavailable, match=r"malformed.*Restore a backup: radiolens db restore"):
        read_all(f"sqlite:///{file}")


def test_more_transactions_than_there_are_connections_are_told(hasty: Database) -> None:
    with ExitStack() as held:
        for _ in range(40):
            held.enter_context(hasty.reading()).scalars(select(CaseRow.id)).all()
        with pytest.raises(StoreBusy, match="too many requests use the database at once"):
            cases(hasty)
    assert cases(hasty) == 0


@needs_postgresql
def test_a_server_without_tls_is_not_talked_to_in_clear_where_tls_is_wanted(postgresql: Server) -> None:
    for mode in ("require", "verify-full"):
        with pytest.raises(StoreUnavailable, match="SSL"):
            open_database(f"{postgresql.url}?sslmode={mode}")


@needs_postgresql
def test_a_server_that_is_away_is_told_without_the_password(postgresql: Server) -> None:
    wrong = {
        "the port": make_url(postgresql.url).set(port=1),
        "the password": make_url(postgresql.url).set(password="secret7"),  # noqa: S106  a wrong one
        "the database": make_url(postgresql.url).set(database="nowhere"),
    }
    for url in wrong.values():
        with pytest.raises(StoreUnavailable, match="Check that it runs, its address, user and password") as told:
            open_database(url.render_as_string(hide_password=False))
        assert "secret7" not in str(told.value)
        assert postgresql.password not in str(told.value)


class Relay(threading.Thread):
    """Passes bytes between clients and a server; after `forget` it resets a client that sends, as a firewall does."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._to, self._loop = port, asyncio.new_event_loop()
        self._forgotten: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._listening = threading.Event()
        self.start()
        assert self._listening.wait(30)

    def run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._pass_on, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._ended())
        self._loop.close()

    def forget(self) -> None:
        self._forgotten |= self._clients

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(30)

    async def _ended(self) -> None:
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        answers = asyncio.ensure_future(self._answer(there, writer))
        while content := await reader.read(1 << 16):
            if writer in self._forgotten:
                at_once = struct.pack("ii", 1, 0)  # no lingering: the client gets a reset
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                writer.transport.abort()
                break
            back.write(content)
        back.close()
        await answers

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await there.read(1 << 16):
            writer.write(content)
        writer.close()


@needs_postgresql
def test_a_connection_that_was_reset_while_it_was_idle_is_made_again(new_server_database: str) -> None:
    url = make_url(new_server_database)
    assert url.port
    relay = Relay(url.port)
    through = url.set(port=relay.port).render_as_string(hide_password=False)
    with closing(open_database(through)) as database:
        add_case(database)
        relay.forget()
        add_case(database)
        assert cases(database) == 2
    relay.stop()


@needs_postgresql
def test_a_connection_that_the_server_ended_is_made_again(new_server_database: str) -> None:
    with closing(open_database(new_server_database)) as database, closing(open_database(new_server_database)) as other:
        add_case(database)
        with other.session() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        add_case(database)
        assert cases(database) == 2
