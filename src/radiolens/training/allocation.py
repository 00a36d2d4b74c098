"""How the process that trains holds its memory."""

from __future__ import annotations

import ctypes
import platform

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
"""Parameters of mallopt(3), glibc's malloc.h."""


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
