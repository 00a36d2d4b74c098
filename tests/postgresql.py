"""A throw-away PostgreSQL server on the loopback, of the Debian package `postgresql`."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

__all__ = ["Server", "needs_postgresql", "postgresql", "running_server"]

WAIT_S = 60.0
"""For a server to start, which takes a second; a busy machine takes longer."""


def _binaries() -> Path | None:
    """Return the folder of initdb and postgres, which Debian keeps off the PATH."""
    known = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql*/bin")]
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(known)
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


needs_postgresql = pytest.mark.skipif(_binaries() is None, reason="needs the Debian package postgresql")


@dataclass(frozen=True)
class Server:
    """A running server: `url` gives full access, `password` is the one in it."""

    url: str
    password: str
    port: int


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Give a server whose time zone is not UTC, as most are not."""
    with running_server() as server:
        yield server


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server in a folder of its own, and remove it with all its data."""
    binaries = _binaries()
    assert binaries is not None, "needs_postgresql skips before"
    user = _unprivileged()
    password = secrets.token_hex(8)
    # Not below pytest's folder, which only the user who runs the tests may enter.
    with tempfile.TemporaryDirectory(prefix="radiolens-postgresql-") as name:
        folder = Path(name)
        secret = folder / "password"
        secret.write_text(password)
        if user:
            for path in (folder, secret):
                os.chown(path, user["user"], user["group"])
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "radiolens", "--pwfile", secret]
        initdb += ["-N", "-A", "scram-sha-256", "-E", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "timezone": "Asia/Kolkata",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *options], stdout=log, stderr=log, cwd=folder, **user
            )
            try:
                _wait(process, port, folder / "log")
                yield Server(f"postgresql://radiolens:{password}@127.0.0.1:{port}/postgres", password, port)
            finally:
                process.send_signal(signal.SIGQUIT)  # at once: its data are thrown away
                process.wait(WAIT_S)


def _unprivileged() -> dict[str, Any]:
    """Return the user that the server runs as: PostgreSQL refuses root, as which CI runs."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, f"it did not start: {log.read_text()}"
            time.sleep(0.1)
        else:
            if "ready to accept connections" in log.read_text():
                return
            time.sleep(0.1)
