"""Runs a function on untrusted bytes in a fresh child process with limits on memory, CPU and time.

A fork server with preloaded libraries makes a child cheap (about 20 ms); one child per call means that nothing of one
file reaches the next. What a child answers is JSON and plain arrays (`wire.py`): the parent never unpickles. A
child's death, by crash or limit, is an UnreadableImage. Own code rather than multiprocessing's fork server, since
that one pickles, and runs the caller's `__main__` again in each child.

Linux and macOS (where the kernel ignores the memory limit). Windows has no fork: calls fail with a clear error.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from radiolens.errors import RadiolensError, UnreadableImage
from radiolens.imaging.limits import Limits
from radiolens.imaging.wire import Payload, Severed, receive_json, receive_payload, send_json
from radiolens.quality import ProblemCode

__all__ = ["READERS", "Sandbox", "readers_sandbox"]

READERS = ("radiolens.imaging.untrusted",)
"""What the readers' children have preloaded."""

_CHILDREN = 2  # two children at their limit and the server stay below 1.2 GB
_GRACE_SECONDS = 2.0  # the child's own timer comes first; this is for a child that turned it off
_START_SECONDS = 60.0  # a cold start from a slow disk


class Sandbox:
    """A fork server and the calls to it. Thread-safe; started at the first call, or before by `start`."""

    def __init__(self, preload: Sequence[str] = READERS, children: int = _CHILDREN) -> None:
        self._preload = tuple(preload)
        self._slots = threading.BoundedSemaphore(children)
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._ready = False

    def start(self) -> None:
        """Start the server without waiting for it, so that its imports overlap the caller's own."""
        with self._lock:
            self._start()

    def stop(self) -> None:
        """End the server; the next call starts another."""
        with self._lock:
            if self._control is not None and self._server is not None:
                self._control.close()
                self._server.wait()
            self._control = self._server = None

    def run(
        self, function: str, files: Sequence[bytes], arguments: Mapping[str, Any], limits: Limits = Limits()
    ) -> Payload:
        """Run `module:function` on (files, arguments) in a child and return its payload.

        Raises UnreadableImage as the function did, or if the child died or overstepped a limit.
        """
        size = sum(map(len, files))
        if size > limits.file_bytes:
            raise UnreadableImage(
                f"The input has {size / 1e6:.0f} MB; at most {limits.file_bytes / 1e6:.0f} MB are read. "
                "Send fewer slices, or export it compressed.",
                ProblemCode.TOO_LARGE,
            )
        head = {
            "function": function,
            "arguments": dict(arguments),
            "limits": asdict(limits),
            "sizes": [len(data) for data in files],
        }
        with self._slots, self._connect() as connection:
            return _call(connection, head, files, limits)

    def _connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            control = self._start()
            self._wait_until_ready(control)
            socket.send_fds(control, [b"+"], [theirs.fileno()])
        return ours

    def _start(self) -> socket.socket:
        if self._control is not None and self._server is not None and self._server.poll() is None:
            return self._control
        if not hasattr(os, "fork"):
            raise RadiolensError("Reading untrusted files needs Linux or macOS; on Windows use WSL.")
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "radiolens.imaging.forkserver", str(theirs.fileno()), *self._preload]
            # One thread each: a thread pool does not survive a fork, and each thread's stack counts as memory.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            self._server = subprocess.Popen(  # noqa: S603  our own interpreter and module
                command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
            )
        self._control, self._ready = ours, False
        atexit.register(self.stop)
        return ours

    def _wait_until_ready(self, control: socket.socket) -> None:
        if self._ready:
            return
        control.settimeout(_START_SECONDS)
        if control.recv(1) != b"!":
            raise RadiolensError("The sandbox for reading files did not start; its messages are on standard error.")
        control.settimeout(None)
        self._ready = True


def readers_sandbox() -> Sandbox:
    """Return the one sandbox of this process for reading images."""
    return _READERS_SANDBOX


_READERS_SANDBOX = Sandbox()


def _call(connection: socket.socket, head: Mapping[str, Any], files: Sequence[bytes], limits: Limits) -> Payload:
    pid = None
    try:
        connection.settimeout(limits.wall_seconds + _GRACE_SECONDS)
        pid = int(receive_json(connection)["pid"])
        send_json(connection, head)
        for data in files:
            connection.sendall(data)
        answer = receive_json(connection)
        if "error" not in answer:
            return receive_payload(connection, answer, limits.address_space_bytes)
    except (TimeoutError, Severed, ConnectionError, KeyError) as error:
        _kill(pid)
        raise UnreadableImage(
            "The file could not be read: decoding it failed, or took more time or memory than allowed "
            f"({limits.wall_seconds:.0f} s, {limits.address_space_bytes / 1e6:.0f} MB). "
            "Export it again from its source, or smaller."
        ) from error
    raise UnreadableImage(str(answer["error"]), ProblemCode(answer["code"]))


def _kill(pid: int | None) -> None:
    """End a child that may still run; it may also have gone by itself."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
