"""The files of arrays in a bundle, read without running anything of them, and not before their size is known."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ARRAY_ERRORS", "read_arrays", "read_known_arrays"]

_LARGEST_ARRAYS = 256_000_000
"""Bytes of a file of arrays when unpacked: sixty golden pictures of the largest side, or the head of any network."""

ARRAY_ERRORS = (EOFError, KeyError, MemoryError, TypeError, ValueError, zipfile.BadZipFile)
"""What `read_arrays` raises for a file that is empty, no archive of arrays, or one of other arrays or larger than it
says."""


def read_arrays(file: Path, *names: str) -> list[NDArray[Any]]:
    """Return the arrays of these names in an .npz file; raise one of ARRAY_ERRORS, or OSError without the file."""
    found = read_known_arrays(file, *names)
    return [found[name] for name in names]


def read_known_arrays(file: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Return by name those of the arrays that are in an .npz file; raise as `read_arrays`, but for no missing one."""
    with file.open("rb") as stream:
        size = sum(entry.file_size for entry in zipfile.ZipFile(stream).infolist())
        if size > _LARGEST_ARRAYS:
            raise ValueError(f"{file.name} unpacks to {size / 1e6:.0f} MB, at most {_LARGEST_ARRAYS / 1e6:.0f} MB")
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as content:
            return {name: content[name] for name in names if name in content}
