"""What a process that trains asks of its C library and of TensorFlow."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from radiolens.training.process import keep_freed_memory, use_onednn

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")

FREED_OFTEN = """
import resource
import sys
import numpy as np
from radiolens.training.process import keep_freed_memory

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


ONEDNN = """
from radiolens.training.process import prepare_process
prepare_process()
from tensorflow.python.util import _pywrap_util_port
print(_pywrap_util_port.IsMklEnabled())
"""


@pytest.mark.parametrize(("said", "used"), [(None, "True"), ("0", "False")])
def test_convolutions_are_those_of_onednn_unless_the_environment_says_otherwise(said: str | None, used: str) -> None:
    others = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    told = others | ({} if said is None else {"TF_ENABLE_ONEDNN_OPTS": said})
    found = subprocess.run([sys.executable, "-c", ONEDNN], check=True, stdout=subprocess.PIPE, text=True, env=told)
    assert found.stdout.strip() == used


def test_a_process_that_has_tensorflow_already_cannot_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    assert not use_onednn()
    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ
