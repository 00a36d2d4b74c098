"""`radiolens db`, `audit` and `doctor` on a real database."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from radiolens.store import audit, migration
from radiolens.store.database import open_database
from tests.store.older_database import make_older


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of a site with an older database."""
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    make_older(f"sqlite:///{tmp_path}/home/radiolens.db")
    return tmp_path / "home"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_a_backup_is_made_before_an_upgrade_and_put_back_after_it(home: Path, tmp_path: Path) -> None:
    made = run("db", "backup", tmp_path / "before", "--json")
    assert (made.exit_code, json.loads(made.stdout)["revision"], json.loads(made.stdout)["cases"]) == (0, "0001", 1)
    assert stat.S_IMODE((tmp_path / "before").stat().st_mode) == 0o600
    assert run("db", "upgrade").stdout == f"{home}/radiolens.db is of revision {migration.newest()}.\n"
    refused = run("db", "restore", tmp_path / "before")
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"radiolens: {home}/radiolens.db holds users, cases or an audit log, which would be lost. "
        "Back it up, then add --replace.\n"
    )
    done = run("db", "restore", tmp_path / "before", "--replace")
    assert done.exit_code == 0
    assert (
        f"restored: {tmp_path}/before: revision {migration.newest()}, 1 users, 1 cases, audit log of 3" in done.stdout
    )


def test_commands_that_only_look_leave_an_older_database_alone(home: Path) -> None:
    before = (home / "radiolens.db").read_bytes()
    for command in (("audit", "verify"), ("audit", "show")):
        result = run(*command)
        assert result.exit_code == 1
        assert "Run: radiolens db upgrade" in result.stderr
    assert (home / "radiolens.db").read_bytes()[100:] == before[100:]  # the head tells how it is opened


def test_a_whole_log_is_verified_with_its_end_and_against_a_noted_one(home: Path) -> None:
    run("db", "upgrade")
    result = run("audit", "verify", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["whole"], told["broken"], told["number"]) == (0, True, None, 3)
    end = f"{told['number']}:{told['hash']}"
    assert run("audit", "verify").stdout == f"The audit log is whole. Its end, to be noted elsewhere: {end}\n"
    assert run("audit", "verify", "--anchor", end).exit_code == 0
    other = run("audit", "verify", "--anchor", f"3:{'0' * 64}")
    assert other.exit_code == 1
    assert "entry 3 is not the one whose hash was noted" in other.stderr
    assert run("audit", "verify", "--anchor", "three").exit_code == 2


def test_the_first_broken_link_is_named(home: Path) -> None:
    run("db", "upgrade")
    with closing(sqlite3.connect(home / "radiolens.db")) as connection, connection:
        connection.execute("DROP TRIGGER audit_entries_no_delete")
        connection.execute("DELETE FROM audit_entries WHERE number = 2")
    result = run("audit", "verify", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["broken"] == {"number": 2, "reason": "entry 2 is missing; the next one is 3"}
    assert "The audit log is broken: entry 2 is missing; the next one is 3. Entries before 2 hold." in result.stderr
    backup = run("db", "backup", home / "copy")
    assert (backup.exit_code, "Beware: its audit log does not hold: entry 2 is missing" in backup.stderr) == (0, True)


def test_entries_are_shown_as_asked(home: Path) -> None:
    run("db", "upgrade")
    rows = [json.loads(line) for line in run("audit", "show", "--json", "--actor", "ada").stdout.splitlines()]
    assert [row["action"] for row in rows] == ["case.read", "case.upload"]
    assert rows[1]["at"] == "2026-11-26T08:00:00.123456+00:00"
    assert rows[1]["detail"] == {"files": 1}
    line = run("audit", "show", "--limit", "1", "--since", "2026-11-26", "--until", "2026-11-27").stdout
    assert line.startswith("     3  2026-11-26 08:00:00Z  radiolens        case.score           case:")
    assert run("audit", "show", "--since", "2026-11-27").stdout == ""
    assert run("audit", "show", "--action", "user.").stdout == ""


def test_the_exported_log_can_be_verified_by_others_and_is_told_of(home: Path, tmp_path: Path) -> None:
    run("db", "upgrade")
    assert run("audit", "export", tmp_path / "log").stdout == f"written: {tmp_path}/log: 3 entries\n"
    rows = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert [row["previous_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:2]]
    again = run("audit", "export", tmp_path / "log")
    assert again.exit_code == 1
    assert f"{tmp_path}/log cannot be written: File exists. Name a new file" in again.stderr
    with closing(open_database(f"sqlite:///{home}/radiolens.db")) as database, database.reading() as session:
        newest, *_ = audit.entries(session)
    assert (newest.actor, newest.action, newest.detail) == ("console", "audit.export", {"entries": 3})


def test_the_doctor_says_what_is_wrong_by_words_and_exit_code(home: Path) -> None:
    (home / "radiolens.db").write_bytes(b"no database" * 1000)
    result = run("doctor")
    assert result.exit_code == 1
    assert "WRONG   database" in result.stdout
    assert "ok      bundles" in result.stdout
    (home / "radiolens.db").unlink()
    rows = [json.loads(line) for line in run("doctor", "--json").stdout.splitlines()]
    assert {row["name"] for row in rows} == {"folder", "disk", "clock", "database", "keys", "port", "bundles"}
    assert set(rows[0]) == {"name", "state", "found", "advice"}
