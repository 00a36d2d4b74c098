"""Resizing of grey images."""

from __future__ import annotations

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["resize"]


def resize(pixels: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return `pixels` (rows, columns) resized by area-aware (antialiased) bilinear interpolation.

    An image that already has the size is returned as a copy, so values are unchanged.
    """
    if pixels.shape == (rows, columns):
        return pixels.copy()
    picture = PIL.Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.asarray(picture.resize((columns, rows), PIL.Image.Resampling.BILINEAR), dtype=np.float32)
