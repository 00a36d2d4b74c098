"""A process and those below it, on Linux: which they are, what memory they hold together, and what they leave open."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pytest

__all__ = [
    "PeakMemory",
    "children",
    "descriptors",
    "is_alive",
    "is_limited",
    "needs_proc",
    "open_files",
    "tree",
    "until",
    "zombies",
]

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

_SAMPLE_SECONDS = 0.05


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run or were not waited for."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [number for number in numbers if _status(number).get("PPid") == str(pid)]


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def zombies(pid: int) -> list[int]:
    """Return the processes below one that ended and were not waited for."""
    return [one for one in tree(pid) if _status(one).get("State", "").startswith("Z")]


def is_alive(pid: int) -> bool:
    """Say whether a process runs."""
    return _status(pid).get("State", "Z")[0] not in "ZX"


def is_limited(child: int) -> bool:
    """Say whether a child has set the limits under which it decodes; before, its death is taken for the server's."""
    try:
        lines = Path(f"/proc/{child}/limits").read_text(encoding="ascii").splitlines()
    except OSError:  # it ended meanwhile
        return False
    return any(line.startswith("Max address space") and "unlimited" not in line for line in lines)


def open_files(pid: int, besides: str = "nothing") -> int:
    """Return the number of descriptors a process has open, those of files with `besides` in their path left out."""
    return sum(besides not in of for _, of in descriptors(pid))


def descriptors(pid: int) -> set[tuple[str, str]]:
    """Return the descriptors that a process has open, and what each of them is of; not that of looking at them."""
    place, found = Path(f"/proc/{pid}/fd"), set()
    for descriptor in place.iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add((descriptor.name, os.readlink(descriptor)))
    return {(name, of) for name, of in found if of != str(place)}


def until(holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until something holds of processes that end when they may; fail if it does not within the time."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(_SAMPLE_SECONDS)


def _proportional_bytes(pid: int) -> int:
    """Return the proportional set size: summed over processes, what several of them share is counted once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


class PeakMemory:
    """Samples the memory of a process tree while its block runs: the most that was seen, and of which processes."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self.at_peak: tuple[int, ...] = ()
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            found = tuple(map(_proportional_bytes, tree(self._pid)))
            if sum(found) > self.peak_bytes:
                self.peak_bytes, self.at_peak = sum(found), found
