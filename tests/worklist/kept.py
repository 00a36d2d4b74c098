"""A kept image as whoever exports it reads it: with numpy alone, by what docs/worklist.md says of the file."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Kept", "read_kept"]


@dataclass(frozen=True, eq=False)
class Kept:
    """What a file holds."""

    pixels: NDArray[np.float32]
    header: dict[str, Any]


def read_kept(content: bytes) -> Kept:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return Kept(stored["pixels"], json.loads(str(stored["header"])))
