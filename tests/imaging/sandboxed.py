"""What the tests of the sandbox have its children do: everything that a decoder should not."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radiolens.errors import BundleError, DatasetError, UnreadableImage, UnsupportedImage
from radiolens.imaging.wire import Payload
from radiolens.quality import ProblemCode

Files, Arguments = Sequence[bytes], Mapping[str, Any]

_SEEN: list[bytes] = []


def echo(files: Files, arguments: Arguments) -> Payload:
    arrays = tuple(np.frombuffer(data, np.uint8) for data in files)
    return Payload({"arguments": dict(arguments), "pid": os.getpid()}, arrays)


def remember(files: Files, arguments: Arguments) -> Payload:
    """Tell what an earlier call left in this process, and leave something."""
    before = len(_SEEN)
    _SEEN.extend(files)
    return Payload({"before": before})


def segfault(files: Files, arguments: Arguments) -> Payload:
    ctypes.string_at(0)
    raise AssertionError("still alive")


def abort(files: Files, arguments: Arguments) -> Payload:
    os.abort()


def leave(files: Files, arguments: Arguments) -> Payload:
    os._exit(0)


def be_killed(files: Files, arguments: Arguments) -> Payload:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def loop(files: Files, arguments: Arguments) -> Payload:
    while True:
        pass


def sleep(files: Files, arguments: Arguments) -> Payload:
    """Wait for so many seconds, perhaps with the timer turned off, and tell from when to when."""
    if arguments.get("without_timer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    start = time.monotonic()
    time.sleep(arguments["seconds"])
    return Payload({"start": start, "end": time.monotonic(), "pid": os.getpid()})


def take_memory(files: Files, arguments: Arguments) -> Payload:
    """Fill so much memory; with `disguised`, call the want of it damage, as many decoders do."""
    try:
        filled = bytes(arguments["megabytes"] * 1_000_000)
    except MemoryError:
        if arguments.get("disguised"):
            raise UnreadableImage("The picture is damaged. Export it again.") from None
        raise
    time.sleep(arguments.get("seconds", 0))
    return Payload({"filled": len(filled), "limit": resource.getrlimit(resource.RLIMIT_AS)[0]})


def limits(files: Files, arguments: Arguments) -> Payload:
    names = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_CORE", "RLIMIT_FSIZE")
    return Payload({name: list(resource.getrlimit(getattr(resource, name))) for name in names})


def write(files: Files, arguments: Arguments) -> Payload:
    try:
        Path(arguments["path"]).write_bytes(b"something")
    except OSError as error:
        return Payload({"error": type(error).__name__})
    return Payload({"error": ""})


def open_descriptors(files: Files, arguments: Arguments) -> Payload:
    """Tell where each descriptor of this process leads."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:  # the one of the listing itself
            continue
    return Payload(found)


def say(files: Files, arguments: Arguments) -> Payload:
    """Send raw bytes over the connection in place of an answer, as a decoder that was taken over might."""
    for descriptor in range(3, 64):
        try:
            is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        except OSError:
            continue
        if is_socket:
            os.write(descriptor, files[0])
    os._exit(0)


def chatter(files: Files, arguments: Arguments) -> Payload:
    os.write(1, b"a decoder's chatter on standard output")
    os.write(2, b"a decoder's chatter on standard error")
    return Payload({})


def fail(files: Files, arguments: Arguments) -> Payload:
    """Raise what is asked for."""
    errors: dict[str, Exception] = {
        "unreadable": UnreadableImage("Damaged. Export it again.", ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX),
        "unsupported": UnsupportedImage("A knee. Send a chest film.", ProblemCode.WRONG_BODY_PART),
        "dataset": DatasetError("A data set."),
        "bundle": BundleError("A bundle."),
        "memory": MemoryError(),
        "recursion": RecursionError(),
        "unexpected": ZeroDivisionError("the patient is called Doe^Jane"),
        "long": UnreadableImage("x" * 10_000),
    }
    raise errors[arguments["error"]]


def odd_payload(files: Files, arguments: Arguments) -> Payload:
    return Payload({"number": float("nan")})
