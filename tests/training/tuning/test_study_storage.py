"""Where a study is kept: which addresses are taken, and what is said of those that do not answer."""

from __future__ import annotations

import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from radiolens.errors import DatasetError, PeerError
from radiolens.training.tuning.study_storage import Heartbeat, open_storage, sqlite_url, study_url
from tests.postgresql import Server, needs_postgresql, postgresql

__all__ = ["postgresql"]  # a fixture that is used here, too


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:///a/b.sqlite", "sqlite:///a/b.sqlite"),
        ("postgresql://u:p@h/d", "postgresql+pg8000://u:p@h/d"),
        ("postgres://u:p@h:5433/d", "postgresql+pg8000://u:p@h:5433/d"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+pg8000://u:p@h/d"),
        ("postgresql+pg8000://u:p%7B%2F@h/d", "postgresql+pg8000://u:p%7B%2F@h/d"),
    ],
)
def test_a_storage_is_a_sqlite_file_or_a_postgresql_server(text: str, expected: str) -> None:
    assert study_url(text).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study.db", "no URL that could be read. Give sqlite:///FILE or postgresql://"),
        ("postgresql://u:secret@h:port/d", "no URL that could be read"),
        ("mysql://u:secret@h/d", r"The storage is mysql://u:\*\*\*@h/d, which no two processes can share"),
        ("sqlite://", "which no two processes can share"),
        ("sqlite:///:memory:", "which no two processes can share"),
    ],
)
def test_any_other_storage_is_refused_without_its_password(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as found:
        study_url(text)
    assert "secret" not in str(found.value)


def test_a_path_becomes_a_url(tmp_path: Path) -> None:
    with open_storage(sqlite_url(tmp_path / "new folder" / "study {x}.sqlite")) as storage:
        optuna.create_study(storage=storage.trials, study_name="s")
    assert (tmp_path / "new folder" / "study {x}.sqlite").exists()


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.sqlite").write_text("This is no database, but a text that is long enough for its header. " * 9)
    message = r"study.sqlite: the study cannot be kept there \(file is not a database\)"
    with pytest.raises(DatasetError, match=message), open_storage(sqlite_url(tmp_path / "study.sqlite")):
        pass


def test_a_place_without_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    url = sqlite_url(tmp_path / "file" / "study.sqlite")
    with pytest.raises(DatasetError, match="file: no folder for the study can be made there"), open_storage(url):
        pass


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    with socket.socket() as taken:  # bound, but not listening: the connection is refused
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        message = rf"u:\*\*\*@127.0.0.1:{port}/d: the server .* Check the address"
        address = f"postgresql://u:secret@127.0.0.1:{port}/d"
        with pytest.raises(PeerError, match=message) as found, open_storage(address):
            pass
    assert "secret" not in str(found.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(ModuleNotFoundError, match="pg8000"), open_storage("postgresql://u:p@h/d"):
        pass


def test_one_process_at_a_time_holds_a_sqlite_storage(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "study.sqlite")
    assert held_in_turn(url)


def held_in_turn(url: str) -> bool:
    """Say whether a second opener of a storage waits while the first one holds it."""
    told: list[str] = []
    with open_storage(url) as first, open_storage(url) as second:

        def wait() -> None:
            with second.exclusive():
                told.append("second")

        thread = threading.Thread(target=wait)
        with first.exclusive():
            thread.start()
            time.sleep(0.3)  # long enough for a second holder, were there no lock
            told.append("first")
        thread.join(30)
    return told == ["first", "second"]


def test_a_busy_file_is_waited_for(tmp_path: Path) -> None:
    with open_storage(sqlite_url(tmp_path / "study.sqlite")) as storage:
        study = optuna.create_study(storage=storage.trials, study_name="s")
        busy = sqlite3.connect(tmp_path / "study.sqlite", isolation_level=None, check_same_thread=False)
        busy.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.5, lambda: busy.execute("COMMIT")).start()
        study.set_user_attr("key", 1)  # sqlite's own wait is five seconds, python's too; here it is a minute
        assert study.user_attrs == {"key": 1}
        busy.close()


@needs_postgresql
class TestPostgresql:
    def test_one_process_at_a_time_holds_it(self, postgresql: Server) -> None:
        assert held_in_turn(postgresql.url)

    def test_a_wrong_password_is_told_without_it(self, postgresql: Server) -> None:
        wrong = postgresql.url.replace(postgresql.password, "not-it")
        message = 'password authentication failed for user "radiolens"'
        with pytest.raises(PeerError, match=message) as found, open_storage(wrong):
            pass
        assert "not-it" not in str(found.value)

    def test_a_heart_that_beats_is_alive_in_any_time_zone(self, postgresql: Server) -> None:
        # The server is five and a half hours east. Optuna alone compares its local time with UTC.
        with open_storage(postgresql.url, Heartbeat(interval_s=1, grace_s=30)) as storage:
            study = optuna.create_study(storage=storage.trials, study_name="zone")

            def look(trial: optuna.Trial) -> float:
                time.sleep(1.5)  # until the second beat, which goes another way than the first
                assert storage.trials._get_stale_trial_ids(trial.study._study_id) == []
                return 0.0

            study.optimize(look, n_trials=1)
            assert [trial.state for trial in study.trials] == [TrialState.COMPLETE]
