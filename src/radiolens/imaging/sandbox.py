"""Runs a function on untrusted bytes in a fresh child process with limits on memory, CPU and time.

A fork server with preloaded libraries makes a child cheap (about 20 ms); one child per call means that nothing of one
file reaches the next. What a child answers is JSON and plain arrays (`wire.py`): the parent never unpickles. A
child's death, by crash or limit, is an UnreadableImage. Own code rather than multiprocessing's fork server, since
that one pickles, and runs the caller's `__main__` again in each child.

A call is tried in a small child first, and once more in a large one, alone of its size, if it failed as it may for
want of memory: so a program that reads several files at once stays below 1.2 GB, and a large film makes nobody wait.

It contains crashes, hangs and floods of memory. It is no jail for a decoder that was taken over: a child keeps the
user's rights, save that it can put no byte into a file.

Linux is the target. On macOS the kernel does not hold the limit on memory; the others hold. Windows has no fork:
a call fails with a clear error.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from radiolens.errors import BundleError, DatasetError, RadiolensError, UnreadableImage, UnsupportedImage
from radiolens.imaging.limits import Limits
from radiolens.imaging.wire import Payload, Severed, receive_json, receive_payload, send_json
from radiolens.quality import ProblemCode

__all__ = ["READERS", "Sandbox", "readers_sandbox"]

_log = logging.getLogger(__name__)

READERS = ("radiolens.imaging.confined",)
"""What the readers' children have preloaded."""

_CHILDREN = 2  # of these one large: 200 MB of app, 420 and 220 MB of children beyond what all share, and their images
_SMALL_SPACE_BYTES = 400_000_000  # of address space, libraries included: enough for films of 10 million pixels
_SMALL_FILES_BYTES = 32_000_000  # the files stand in the child, too
_GRACE_SECONDS = 2.0  # the child's own timer comes first; this is for a child that turned it off
_START_SECONDS = 60.0  # a cold start from a slow disk
_FORK_SECONDS = 60.0  # it takes milliseconds; a machine under load may pause it
_EARLY_SECONDS = 0.05  # the kernel counts computing in ticks of milliseconds, and may end a child a little early

_CROSSING: Mapping[str, Callable[[str, ProblemCode], RadiolensError]] = MappingProxyType(
    {
        "UnreadableImage": UnreadableImage,
        "UnsupportedImage": UnsupportedImage,
        "DatasetError": lambda message, _: DatasetError(message),
        "BundleError": lambda message, _: BundleError(message),
    }
)
"""The errors that cross from a child; any other becomes an UnreadableImage."""


@dataclass(frozen=True)
class _Failed:
    """An attempt that failed as it may for want of memory: its error, and the trace of what nobody expected."""

    error: UnreadableImage
    trace: tuple[str, ...] = ()


class Sandbox:
    """A fork server and the calls to it. Thread-safe; started at the first call, or before by `start`.

    `preload` names the modules that every child finds loaded. At most `children` run at once; further calls wait.
    """

    def __init__(self, preload: Sequence[str] = READERS, children: int = _CHILDREN) -> None:
        self._preload = tuple(preload)
        self._slots = threading.BoundedSemaphore(children)
        self._large = threading.Lock()
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._stops = 0

    def start(self) -> None:
        """Start the server without waiting for it, so that its imports overlap the caller's own."""
        with self._lock:
            self._start()

    def stop(self) -> None:
        """End the server and its children; the next call starts another, the present ones do not."""
        with self._lock:
            self._stops += 1
            if self._server is not None and self._server.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._server.pid, signal.SIGKILL)
            self._forget()

    def run(
        self, function: str, files: Sequence[bytes], arguments: Mapping[str, Any], limits: Limits = Limits()
    ) -> Payload:
        """Run `module:function` on (files, arguments) in a child and return its payload.

        `arguments` is what JSON can hold. Raises UnreadableImage, UnsupportedImage, DatasetError or BundleError as
        the function did, and UnreadableImage if it raised anything else, died, or overstepped a limit.
        """
        size = sum(map(len, files))
        if size > limits.file_bytes:
            raise UnreadableImage(
                f"The input has {size / 1e6:.0f} MB; at most {limits.file_bytes / 1e6:.0f} MB are read. "
                "Send fewer slices, or export it compressed.",
                ProblemCode.TOO_LARGE,
            )
        outcome = self._outcome(function, files, arguments, limits)
        if isinstance(outcome, Payload):
            return outcome
        if outcome.trace:
            _log.error("unexpected failure in the sandbox: %s", "\n".join(outcome.trace))
        raise outcome.error

    def _outcome(
        self, function: str, files: Sequence[bytes], arguments: Mapping[str, Any], limits: Limits
    ) -> Payload | _Failed:
        small = replace(limits, address_space_bytes=min(_SMALL_SPACE_BYTES, limits.address_space_bytes))
        stops = self._stops
        if sum(map(len, files)) <= _SMALL_FILES_BYTES:
            with self._slots:
                outcome = self._attempt(function, files, arguments, small)
            if isinstance(outcome, Payload) or small == limits or self._stops != stops:
                return outcome
        with self._large, self._slots:  # in this order: who waits for the large child takes no slot meanwhile
            return self._attempt(function, files, arguments, limits)

    def _attempt(
        self, function: str, files: Sequence[bytes], arguments: Mapping[str, Any], limits: Limits
    ) -> Payload | _Failed:
        head = {
            "function": function,
            "arguments": dict(arguments),
            "limits": asdict(limits),
            "sizes": [len(data) for data in files],
        }
        connection, pid = self._child()
        with connection:
            return _call(connection, pid, head, files, limits)

    def _child(self) -> tuple[socket.socket, int]:
        """Have a child forked. A server that died since the last call is replaced, once."""
        failure: OSError | None = None
        for _ in range(2):
            control = self._running()
            try:
                return self._fork(control)
            except OSError as error:
                failure = error
            with self._lock:
                if control is self._control:  # else another thread has replaced it already
                    self._forget()
        raise RadiolensError(
            "The sandbox for reading files does not start; its messages are on standard error."
        ) from failure

    def _running(self) -> socket.socket:
        with self._lock:
            return self._start()

    def _fork(self, control: socket.socket) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as on_failure:
            on_failure.enter_context(ours)
            with theirs, self._lock:
                self._wait_until_ready(control)
                socket.send_fds(control, [b"+"], [theirs.fileno()])
            ours.settimeout(_FORK_SECONDS)
            pid = int(receive_json(ours)["pid"])
            ours.settimeout(None)
            on_failure.pop_all()
        return ours, pid

    def _start(self) -> socket.socket:
        if self._control is not None and self._server is not None and self._server.poll() is None:
            return self._control
        if not hasattr(os, "fork"):
            raise RadiolensError("Reading untrusted files needs Linux or macOS; on Windows use WSL.")
        self._forget()
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as on_failure:
            on_failure.enter_context(ours)
            with theirs:
                self._server = _launch(theirs, self._preload)
            on_failure.pop_all()
        self._control = ours
        atexit.register(self.stop)
        return ours

    def _wait_until_ready(self, control: socket.socket) -> None:
        if control is not self._control:
            raise Severed("the server was replaced")
        if not self._ready:
            control.settimeout(_START_SECONDS)
            if control.recv(1) != b"!":
                raise Severed("the server ended while it started")
            control.settimeout(None)
            self._ready = True

    def _forget(self) -> None:
        """Let go of a server that ended or does not answer; its children finish what they do."""
        if self._control is not None and self._server is not None:
            self._control.close()
            self._server.kill()
            self._server.wait()
        self._control, self._server, self._ready = None, None, False
        atexit.unregister(self.stop)


def readers_sandbox() -> Sandbox:
    """Return the one sandbox of this process for reading images."""
    return _READERS_SANDBOX


_READERS_SANDBOX = Sandbox()


def _launch(control: socket.socket, preload: Sequence[str]) -> subprocess.Popen[bytes]:
    # -P: no module of the working folder is taken for a library; what this process can import, the server can.
    command = [sys.executable, "-P", "-m", "radiolens.imaging.forkserver", str(control.fileno()), *preload]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # One thread each: a thread pool does not survive a fork, and each thread's stack counts as memory.
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(  # noqa: S603  our own interpreter and module
        command,
        pass_fds=[control.fileno()],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C is for the program, which then ends this group
    )


def _call(
    connection: socket.socket, pid: int, head: Mapping[str, Any], files: Sequence[bytes], limits: Limits
) -> Payload | _Failed:
    start = time.monotonic()
    guard = threading.Timer(limits.wall_seconds + _GRACE_SECONDS, _cut, (connection, pid))
    guard.daemon = True
    guard.start()
    try:
        return _converse(connection, head, files, limits)
    except (OSError, KeyError, TypeError, ValueError) as error:  # what a dead child, or one taken over, leaves
        cause = error.with_traceback(None)  # its frames hold what was received so far
    finally:
        guard.cancel()
        _kill(pid)
    return _died(time.monotonic() - start, limits, cause)


def _converse(
    connection: socket.socket, head: Mapping[str, Any], files: Sequence[bytes], limits: Limits
) -> Payload | _Failed:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read everything
        send_json(connection, head)
        for data in files:
            connection.sendall(data)
    told = receive_json(connection)
    if "error" in told:
        return _crossed(told["error"])
    return receive_payload(connection, told, limits.inflated_bytes)


def _crossed(told: Mapping[str, Any]) -> _Failed:
    """Return a failure that another attempt may mend; raise any other error."""
    kind, code, trace = str(told["type"]), ProblemCode(told["code"]), tuple(map(str, told["trace"]))
    error = _CROSSING.get(kind, UnreadableImage)(str(told["message"]), code)
    # Decoders tell of missing memory in many ways, mostly as damage. A bound that was overstepped stays so.
    if isinstance(error, UnreadableImage) and (code is ProblemCode.UNREADABLE or kind == MemoryError.__name__):
        return _Failed(error, trace)
    raise error


def _died(seconds: float, limits: Limits, cause: Exception) -> _Failed:
    """Return why a child died without an answer; raise UnreadableImage if it took too long."""
    if seconds >= min(limits.cpu_seconds, limits.wall_seconds) - _EARLY_SECONDS:
        raise UnreadableImage(
            f"Reading the file took longer than {limits.wall_seconds:.0f} s ({limits.cpu_seconds} s of computing), "
            "which no ordinary image does. Export it again from its source, or smaller.",
            ProblemCode.TOO_LARGE,
        ) from cause
    error = UnreadableImage("The file made its decoder fail. It is damaged: export it again from its source.")
    error.__cause__ = cause
    return _Failed(error)


def _cut(connection: socket.socket, pid: int) -> None:
    """End a call whose child did not end itself in time, even if another process holds its end of the connection."""
    _kill(pid)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _kill(pid: int) -> None:
    """End a child that may have gone by itself, a moment ago at most, so that its number is not another's yet."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
