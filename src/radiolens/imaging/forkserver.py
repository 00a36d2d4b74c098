"""The sandbox's server: `python -m radiolens.imaging.forkserver FD MODULE...` preloads modules, then forks per request.

Each request arrives as a socket sent over the control socket FD. The forked child limits itself before it reads a
byte of the files, runs one function, answers and is gone. The server ends, and its children with it, when the control
socket closes, so nothing outlives the program that started it. Nothing is pickled in either direction.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from radiolens.errors import RadiolensError, UnreadableImage
from radiolens.imaging.wire import Payload, receive_json, receive_parts, send_json, send_payload
from radiolens.quality import ProblemCode

__all__ = ["Work", "answer", "serve"]

Work = Callable[[Sequence[bytes], Mapping[str, Any]], Payload]

_ORPHAN_CHECK_SECONDS = 10.0  # a process forked off the parent may hold the control socket open after its death


def serve(control: socket.socket, modules: Sequence[str]) -> None:
    """Preload `modules`, then fork a child for every socket that arrives, until the control socket closes."""
    parent = os.getppid()
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a child's garbage collection would copy every page that it touches
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    control.sendall(b"!")  # ready
    control.settimeout(_ORPHAN_CHECK_SECONDS)
    while os.getppid() == parent and _fork_next(control):
        pass


def _fork_next(control: socket.socket) -> bool:
    """Fork a child for the next request; say whether there may be another."""
    try:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    except TimeoutError:
        return True
    if not message:
        return False
    if os.fork() == 0:
        control.close()
        _child(socket.socket(fileno=descriptors[0]))
    os.close(descriptors[0])
    return True


def _child(request: socket.socket) -> None:
    """Answer one request and end the process, whatever happens."""
    try:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(sys.stdin.fileno(), stream.fileno())  # /dev/null: C decoders write to both
        send_json(request, {"pid": os.getpid()})
        head = receive_json(request)
        _limit(head["limits"])
        answer(request, head)
    finally:
        os._exit(0)


def answer(request: socket.socket, head: Mapping[str, Any]) -> None:
    """Receive the files that `head` announces, run its function on them, and send the payload or what went wrong."""
    try:
        files = receive_parts(request, head["sizes"])
        send_payload(request, _run(head["function"], files, head["arguments"]))
    except RadiolensError as error:
        _send_error(request, error, type(error).__name__)
    except MemoryError:
        _send_error(request, UnreadableImage(_TOO_MUCH_MEMORY, ProblemCode.TOO_LARGE), MemoryError.__name__)
    except RecursionError:
        _send_error(request, UnreadableImage(_TOO_DEEP), UnreadableImage.__name__)
    except Exception as error:  # noqa: BLE001  a process edge: untrusted bytes can raise anything; the parent logs it
        kind = type(error).__name__
        message = f"The file could not be decoded ({kind}). Export it again as DICOM, PNG or JPEG."
        # Without the message, which may hold what the header says of the patient.
        trace = [kind, *traceback.format_tb(error.__traceback__)]
        _send_error(request, UnreadableImage(message), UnreadableImage.__name__, trace)


_TOO_DEEP = "The file is nested too deeply. Export it again from its source."
_TOO_MUCH_MEMORY = "The file needs more memory than one file may take. Export it smaller, or as fewer images."


def _run(function: str, files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    module, _, name = function.partition(":")
    work: Work = getattr(importlib.import_module(module), name)
    return work(files, arguments)


def _limit(limits: Mapping[str, Any]) -> None:
    """Bound memory, CPU and wall time; forbid core dumps and files. The kernel ends a child that oversteps.

    macOS does not hold a limit on the address space, so there memory is bounded by the readers' own checks alone.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, float(limits["wall_seconds"]))
    cpu = int(limits["cpu_seconds"])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        memory = int(limits["address_space_bytes"])
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


_LONGEST_MESSAGE = 500  # a hostile header may fill a library's message with anything


def _send_error(request: socket.socket, error: RadiolensError, kind: str, trace: Sequence[str] = ()) -> None:
    code = getattr(error, "code", ProblemCode.UNREADABLE)
    told = {"type": kind, "message": str(error)[:_LONGEST_MESSAGE], "code": code, "trace": list(trace)}
    send_json(request, {"error": told})


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    os.killpg(0, signal.SIGKILL)  # the sandbox made this process the leader of a group of its own: itself and children
