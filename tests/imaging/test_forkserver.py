"""The sandbox's server, as its own process and one request at a time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radiolens.imaging.forkserver import answer
from radiolens.imaging.wire import receive_json, receive_payload, send_json
from tests.process_tree import children, is_alive, needs_proc

HERE = "tests.imaging.sandboxed"
ROOT = str(Path(__file__).parents[2])
LIMITS = {"address_space_bytes": 600_000_000, "cpu_seconds": 5, "wall_seconds": 10.0}


def answered(name: str, *files: bytes, **arguments: object) -> tuple[dict[str, Any], socket.socket]:
    """Return the head of what a request answers, in this process, and the connection with what follows."""
    ours, theirs = socket.socketpair()
    with theirs:
        for data in files:
            ours.sendall(data)
        head = {"function": name if ":" in name else f"{HERE}:{name}", "arguments": arguments}
        answer(theirs, {**head, "sizes": [len(data) for data in files]})
    return receive_json(ours), ours


def test_a_request_is_answered_with_a_payload() -> None:
    told, connection = answered("echo", b"abc", b"", number=1)
    with connection:
        payload = receive_payload(connection, told, 100)
    assert payload.facts["arguments"] == {"number": 1}
    np.testing.assert_array_equal(payload.arrays[0], [97, 98, 99])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("unreadable", ("UnreadableImage", "unsupported_transfer_syntax", "Damaged. Export it again.")),
        ("unsupported", ("UnsupportedImage", "wrong_body_part", "A knee. Send a chest film.")),
        ("dataset", ("DatasetError", "unreadable", "A data set.")),
        ("memory", ("MemoryError", "too_large", "The file needs more memory than one file may take.")),
        ("recursion", ("UnreadableImage", "unreadable", "The file is nested too deeply.")),
        ("unexpected", ("UnreadableImage", "unreadable", "The file could not be decoded (ZeroDivisionError).")),
    ],
)
def test_an_error_is_told_with_type_code_and_message(error: str, expected: tuple[str, str, str]) -> None:
    told, connection = answered("fail", error=error)
    connection.close()
    found = told["error"]
    assert (found["type"], found["code"]) == expected[:2]
    assert found["message"].startswith(expected[2])
    assert bool(found["trace"]) == (error == "unexpected")
    assert "Doe" not in str(found)


@pytest.mark.parametrize("name", ["no.such.module:function", f"{HERE}:no_such_function"])
def test_a_function_that_does_not_exist_is_an_error_and_no_crash(name: str) -> None:
    told, connection = answered(name)
    connection.close()
    assert told["error"]["code"] == "unreadable"
    assert told["error"]["trace"][0] in ("ModuleNotFoundError", "AttributeError")


def started(*modules: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-P", "-m", "radiolens.imaging.forkserver", str(theirs.fileno()), *modules]
        environment = {**os.environ, "PYTHONPATH": ROOT}
        process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
    ours.settimeout(60)
    return process, ours


@needs_proc
def test_the_server_forks_a_limited_child_for_each_socket_and_ends_with_its_control_socket() -> None:
    process, control = started(HERE)
    with control:
        assert control.recv(1) == b"!"
        connections = []
        for _ in range(2):
            ours, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(control, [b"+"], [theirs.fileno()])
            connections.append((ours, receive_json(ours)["pid"]))
        (first, first_pid), (second, second_pid) = connections
        assert {first_pid, second_pid} == set(children(process.pid))
        request = {"arguments": {}, "sizes": [], "limits": LIMITS}
        send_json(first, {**request, "function": f"{HERE}:limits"})
        assert receive_json(first)["facts"]["RLIMIT_AS"] == [600_000_000] * 2
        send_json(second, {**request, "function": f"{HERE}:sleep", "arguments": {"seconds": 1000}})
    assert process.wait(30) != 0  # it ends its whole group, itself included
    for _ in range(100):
        if not is_alive(second_pid):
            break
        time.sleep(0.1)
    assert not is_alive(second_pid)
    with second, pytest.raises(ConnectionError):
        receive_json(second)
    first.close()


def test_a_server_that_cannot_preload_ends() -> None:
    process, control = started("no_such_module")
    with control:
        assert control.recv(1) == b""
    assert process.wait(30) == 1
