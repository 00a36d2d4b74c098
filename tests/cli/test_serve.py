"""`radiolens serve`, as a real process."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from click.testing import CliRunner

from radiolens.cli import cli


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the app; give the process and the port that it says it listens on."""
    command = [sys.executable, "-m", "radiolens", "serve", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            told = next(line for line in process.stderr if "running on" in line)
            found = re.search(r"http://127\.0\.0\.1:(\d+)", told)
            assert found is not None
            yield process, int(found[1])
        finally:
            process.kill()


def asked(port: int, path: str) -> tuple[int, object]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_it_is_ready_once_it_says_so_and_ends_cleanly_with_ctrl_c() -> None:
    with served("--port", "0") as (process, port):
        assert asked(port, "/readyz") == (200, {"status": "ready", "tasks": ["brain-ct", "brain-mri", "chest-xray"]})
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        rest = process.stderr.read()
        assert process.wait(30) == 0
    assert "Traceback" not in rest


def test_a_port_that_is_taken_is_told_before_anything_is_loaded() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(cli, ["serve", "--port", str(port)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"radiolens: Port {port} is taken by another program. Stop it, or choose another")


@pytest.mark.parametrize("host", ["203.0.113.7", "::ffff:0:0:0:7", "no such host"])
def test_a_host_that_is_not_of_this_machine_is_told(host: str) -> None:
    result = CliRunner().invoke(cli, ["serve", "--host", host, "--port", "0"])
    assert result.exit_code == 1
    assert f"radiolens: {host}:0 cannot be listened on" in result.stderr
    assert "--host 127.0.0.1" in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RADIOLENS_PORT", "eight", "RADIOLENS_PORT: Input should be a valid integer"),
        ("RADIOLENS_MAX_FILES", "0", "RADIOLENS_MAX_FILES: Input should be greater than 0"),
    ],
)
@pytest.mark.parametrize(
    "arguments", [["serve"], ["predict", "film.png"], ["evaluate", "none", ".", "--output", "out"]]
)
def test_a_wrong_setting_is_wrong_usage_and_named(
    arguments: list[str], name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_port_that_does_not_exist_is_wrong_usage() -> None:
    result = CliRunner().invoke(cli, ["serve", "--port", "65536"])
    assert result.exit_code == 2
    assert "65536 is not in the range" in result.stderr
