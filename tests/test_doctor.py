"""What `radiolens doctor` finds of an installation, and what it says to do."""

from __future__ import annotations

import http.server
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from radiolens.doctor import Check, State, Subject, examine
from radiolens.store import audit
from radiolens.store.database import open_database
from radiolens.worklist.keys import read_keys
from radiolens.worklist.working_store import WorkingStore
from tests.ports import free_port
from tests.tiny_bundle import make_bundle
from tests.zones import KOLKATA, computer_in


def subject(home: Path, **values: object) -> Subject:
    usual = Subject(home, f"sqlite:///{home}/radiolens.db", "127.0.0.1", free_port(), quota_bytes=1_000_000, wait_s=0.2)
    return replace(usual, **values)  # type: ignore[arg-type]  many kinds


def quick(looked_at: Subject) -> list[Check]:
    """Return all checks but that of the bundles, which is the last and takes seconds."""
    found: list[Check] = []
    for check in examine(looked_at):
        found.append(check)
        if check.name == "port":
            break
    return found


def not_ok(looked_at: Subject) -> list[Check]:
    return [check for check in quick(looked_at) if check.state is not State.OK]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the home of a site that was used."""
    folder = tmp_path / "home"
    with closing(open_database(f"sqlite:///{folder}/radiolens.db")) as database, database.session() as session:
        audit.append(session, audit.CONSOLE, "first")
    store = WorkingStore.open(folder / "working", read_keys(folder / "store.key"))
    store.put([b"an image"])
    return folder


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    """Run a program that answers every request so; give its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def files(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if not path.name.endswith(("-wal", "-shm")))


def test_a_site_that_works_has_nothing_to_do(home: Path) -> None:
    make_bundle(home / "bundles", version="9.9.9")
    before = files(home)
    checks = list(examine(subject(home)))
    assert [check.name for check in checks] == [
        "folder", "disk", "clock", "database", "audit log", "keys", "port", "bundles",
    ]  # fmt: skip
    assert [(check.name, check.found) for check in checks if check.state is not State.OK or check.advice] == []
    found = {check.name: check.found for check in checks}
    assert "1 known, 1 in use" in found["keys"]
    assert "Whole, 1 entries" in found["audit log"]
    assert "chest-xray 9.9.9" in found["bundles"]
    assert files(home) == before


def test_the_time_zone_that_pages_show_is_told(home: Path) -> None:
    with computer_in(KOLKATA):
        (found,) = (check.found for check in examine(subject(home)) if check.name == "clock")
    assert re.fullmatch(
        r"It is [-\d]{10} \d\d:\d\d UTC; pages and reports write \d+ \w+ \d{4}, [\d:]{8} UTC\+05:30\.", found
    )


def test_a_new_site_has_nothing_to_do_and_nothing_is_made(tmp_path: Path) -> None:
    assert not_ok(subject(tmp_path / "new")) == []
    assert not (tmp_path / "new").exists()


def test_a_bundle_that_cannot_be_used_is_named(home: Path) -> None:
    folder = make_bundle(home / "bundles", version="9.9.9")
    (folder / "model.onnx").write_bytes(b"other")
    (found,) = (check for check in examine(subject(home)) if check.state is not State.OK)
    assert (found.name, found.state) == ("bundles", State.WARNING)
    assert "chest-xray 9.9.9 cannot be used" in found.found


def test_what_others_can_read_is_named(home: Path) -> None:
    (home / "radiolens.db").chmod(0o644)
    (found,) = not_ok(subject(home))
    assert (found.name, found.state) == ("rights", State.WARNING)
    assert found.advice == f"Run: chmod 600 {home}/radiolens.db"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(home: Path) -> None:
    home.chmod(0o500)
    assert not_ok(subject(home))[0].found == f"{home} cannot be written."
    home.chmod(0o700)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = not_ok(subject(tmp_path / "file" / "home", database="sqlite:///" + str(tmp_path / "other.db")))
    assert [(check.name, check.state) for check in found] == [("folder", State.WRONG)]
    assert "cannot be made" in found[0].found


def test_a_quota_above_what_is_free_is_told(home: Path) -> None:
    (found,) = not_ok(subject(home, quota_bytes=10**18))
    assert (found.name, found.state) == ("disk", State.WARNING)
    assert "RADIOLENS_QUOTA_BYTES" in found.advice


def test_a_clock_behind_the_log_is_told(home: Path) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    address = f"sqlite:///{home}/radiolens.db"
    with closing(open_database(address, clock=lambda: tomorrow)) as database, database.session() as session:
        audit.append(session, audit.CONSOLE, "later")
    (found,) = not_ok(subject(home))
    assert (found.name, found.state) == ("clock", State.WRONG)
    assert f"{tomorrow:%Y-%m-%d %H:%M}" in found.found


def test_a_broken_audit_log_is_told(home: Path) -> None:
    with closing(sqlite3.connect(home / "radiolens.db")) as connection, connection:
        connection.execute("DROP TRIGGER audit_entries_no_update")
        connection.execute("UPDATE audit_entries SET action = 'other'")
    (found,) = not_ok(subject(home))
    assert (found.name, found.state) == ("audit log", State.WRONG)
    assert "entry 1 was changed" in found.found


def test_a_locked_database_is_told(home: Path) -> None:
    with closing(sqlite3.connect(home / "radiolens.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (found,) = not_ok(subject(home))
    assert (found.name, found.state) == ("database", State.WRONG)
    assert "another program holds the database" in found.found


def test_a_file_that_is_no_database_is_told(home: Path) -> None:
    (home / "radiolens.db").write_bytes(b"x" * 10_000)
    (found,) = not_ok(subject(home))
    assert (found.name, found.state) == ("database", State.WRONG)
    assert "no database of radiolens" in found.found


@pytest.mark.parametrize(
    ("revision", "state", "advice"),
    [("0001", State.WARNING, "Back it up, then: radiolens db upgrade"), ("9999", State.WRONG, "")],
)
def test_a_database_of_another_version_is_told(home: Path, revision: str, state: State, advice: str) -> None:
    with closing(sqlite3.connect(home / "radiolens.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    (found,) = not_ok(subject(home))
    assert (found.name, found.state, found.advice) == ("database", state, advice)


def test_a_key_that_is_lost_is_told(home: Path) -> None:
    (home / "store.key").write_text("ab" * 32)
    (forgotten,) = not_ok(subject(home))
    (home / "store.key").unlink()
    (missing,) = not_ok(subject(home))
    assert {forgotten.name, missing.name} == {"keys"}
    assert "sealed with a key that is not known" in forgotten.found
    assert "is missing" in missing.found
    assert not (home / "store.key").exists()


def test_a_key_that_others_can_read_is_told(home: Path) -> None:
    (home / "store.key").chmod(0o640)
    assert [check.name for check in not_ok(subject(home))] == ["rights", "keys"]


def test_a_key_from_the_environment_needs_no_file(home: Path) -> None:
    key = read_keys(home / "store.key").current.secret.hex()
    (home / "store.key").unlink()
    assert not_ok(subject(home, store_key=key)) == []


def test_a_port_is_free_taken_or_radiolens_own(home: Path) -> None:
    with answering(b"hello") as port:
        (found,) = not_ok(subject(home, port=port))
        assert found.found == f"127.0.0.1:{port} is taken by another program."
    with answering(b'{"status": "ok"}') as port:
        checks = quick(subject(home, port=port))
        assert checks[-1] == Check("port", State.OK, f"radiolens answers at 127.0.0.1:{port}.")
    (found,) = not_ok(subject(home, host="192.0.2.1"))
    assert "cannot be listened on" in found.found
