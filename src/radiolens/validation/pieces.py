"""Finished pieces of a long measurement, kept on disk, so that a kill loses at most the piece in work."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["digest", "kept"]


def kept(folder: Path, key: Sequence[object], make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return the array that `make` returned for this key, now or in an earlier call.

    `key` holds all that the array follows from, as JSON types; its first entry begins the file's name. A file appears
    only once it is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{key[0]}-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]}.npy"
    if not file.is_file():
        partial = file.with_suffix(".partial")
        with partial.open("wb") as stream:
            np.save(stream, make(), allow_pickle=False)
        os.replace(partial, file)
    array: NDArray[Any] = np.load(file, allow_pickle=False)
    return array


def digest(array: NDArray[Any]) -> str:
    """Return a hash of an array's content and shape, as part of a key."""
    content = np.ascontiguousarray(array)
    return hashlib.sha256(f"{content.dtype} {content.shape}".encode() + content.tobytes()).hexdigest()
