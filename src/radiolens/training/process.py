"""What a process that trains asks of its C library and of TensorFlow."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

__all__ = ["keep_freed_memory", "prepare_process", "use_onednn"]

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
"""Parameters of mallopt(3), glibc's malloc.h."""


def prepare_process() -> None:
    """Let this process train as fast as it can; to be called before TensorFlow is imported."""
    use_onednn()
    keep_freed_memory()


def use_onednn() -> bool:
    """Let TensorFlow compute convolutions with oneDNN; return whether it will.

    By itself TensorFlow does so on newer processors only; what it is worth on another one stands in docs/training.md.
    Sums are taken in another order, so the last digits differ. What the environment says already is kept; it cannot be
    changed once TensorFlow is imported.
    """
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1"


def keep_freed_memory() -> bool:
    """Let this process use freed memory again, instead of giving it back; return whether its C library can.

    Every step of a training frees hundreds of megabytes of activations and asks for them again. The GNU C library gives
    blocks of that size back to the system, which then has to clear every page anew: on a virtual machine four tenths of
    the time of a step went into that (docs/training.md). It is for the process as a whole, before TensorFlow starts its
    threads; numbers do not change.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    largest = 2**31 - 1  # bytes: mallopt takes a C int
    wanted = {_ARENA_MAX: 1, _MMAP_MAX: 0, _TRIM_THRESHOLD: largest, _TOP_PAD: 2**28}
    library = ctypes.CDLL(None)
    return all(library.mallopt(parameter, value) == 1 for parameter, value in wanted.items())
