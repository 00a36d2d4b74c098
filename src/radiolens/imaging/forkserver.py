"""The sandbox's server: `python -m radiolens.imaging.forkserver FD MODULE...` preloads modules, then forks per request.

Each request arrives as a socket sent over the control socket FD. The forked child limits itself before it reads a
byte of the request, runs one function, answers and is gone. The server ends when the control socket closes, so it
never outlives the program that started it. Nothing is pickled in either direction.
"""

from __future__ import annotations

import importlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from radiolens.errors import InputError, UnreadableImage
from radiolens.imaging.wire import Payload, receive_json, receive_parts, send_json, send_payload
from radiolens.quality import ProblemCode

__all__ = ["serve"]

_log = logging.getLogger(__name__)

Work = Callable[[Sequence[bytes], Mapping[str, Any]], Payload]


def serve(control: socket.socket, modules: Sequence[str]) -> None:
    """Preload `modules`, then fork a child for every socket that arrives, until the control socket closes."""
    for name in modules:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    control.sendall(b"!")  # ready
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _child(socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])


def _child(request: socket.socket) -> None:
    """Answer one request and end the process, whatever happens."""
    try:
        send_json(request, {"pid": os.getpid()})
        head = receive_json(request)
        _limit(head["limits"])
        files = receive_parts(request, head["sizes"])
        send_payload(request, _run(head["function"], files, head["arguments"]))
    except InputError as error:
        _send_error(request, error)
    except MemoryError:
        _send_error(request, UnreadableImage(_TOO_MUCH_MEMORY, ProblemCode.TOO_LARGE))
    except RecursionError:
        _send_error(request, UnreadableImage("The file is nested too deeply. Export it again from its source."))
    except BaseException as error:  # noqa: BLE001  a process edge: untrusted bytes can raise anything here
        _log.exception("unexpected failure in the sandbox")
        kind = type(error).__name__
        message = f"The file could not be decoded ({kind}). Export it again as DICOM, PNG or JPEG."
        _send_error(request, UnreadableImage(message))
    finally:
        os._exit(0)


_TOO_MUCH_MEMORY = "The file needs more memory than one file may take. Export it smaller, or as fewer images."


def _run(function: str, files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    module, _, name = function.partition(":")
    work: Work = getattr(importlib.import_module(module), name)
    return work(files, arguments)


def _limit(limits: Mapping[str, Any]) -> None:
    """Bound memory, CPU and wall time; forbid core dumps and files. The kernel ends a child that oversteps."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, float(limits["wall_seconds"]))
    cpu = int(limits["cpu_seconds"])
    memory = int(limits["address_space_bytes"])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _send_error(request: socket.socket, error: InputError) -> None:
    code = error.code.value if isinstance(error, UnreadableImage) else ProblemCode.UNREADABLE.value
    send_json(request, {"error": str(error), "code": code})


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
