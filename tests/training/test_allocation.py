"""Freed memory stays with the process that trains, where the C library can keep it."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from radiolens.training.allocation import keep_freed_memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")

FREED_OFTEN = """
import resource
import sys
import numpy as np
from radiolens.training.allocation import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

np.ones(16_000_000, np.float32)
before = faults()
for _ in range(10):
    np.ones(16_000_000, np.float32)
print(faults() - before)
"""
"""Asks ten times for 64 MB and frees it: 15,625 pages of 4 kB each, or fewer larger ones."""


def faults(way: str) -> int:
    found = subprocess.run([sys.executable, "-c", FREED_OFTEN, way], check=True, stdout=subprocess.PIPE, text=True)
    return int(found.stdout)


@glibc
def test_freed_memory_is_used_again_without_the_system() -> None:
    assert faults("kept") < faults("given back") / 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("asked the C library"))
    assert not keep_freed_memory()
