"""Resizing of grey images."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["Slice", "resize"]

_WHOLE_UP_TO = 512  # pixels of a side: the released networks were trained on smaller images, resized in one step
_USUAL = 224  # pixels of a side that the released networks see; what sees fewer, as the gate, shares their first step
_GAP = 2  # times the wanted size is left for the second step: a noisy film changes by 0.3 of 256 levels, by 2 at most


def resize(pixels: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return `pixels` (rows, columns) resized by area-aware (antialiased) bilinear interpolation.

    A side of more than 512 pixels is first averaged over whole pixels where it is many times too large, which takes a
    fraction of the time. An image that already has the size is returned as a copy, so values are unchanged.
    """
    return Slice(pixels).resized(rows, columns)


class Slice:
    """One slice (rows, columns) in every size that is asked for; the first step of a large one is done once for all."""

    def __init__(self, pixels: NDArray[np.float32]) -> None:
        self.pixels = pixels
        self._averages: dict[tuple[int, int], PIL.Image.Image] = {}

    @cached_property
    def least(self) -> float:
        """Return the least value."""
        return float(self.pixels.min())

    @cached_property
    def greatest(self) -> float:
        """Return the greatest value."""
        return float(self.pixels.max())

    def resized(self, rows: int, columns: int) -> NDArray[np.float32]:
        """Return the slice (rows, columns) as `resize` does."""
        if self.pixels.shape == (rows, columns):
            return self.pixels.copy()
        down, across = _factor(self.pixels.shape[0], rows), _factor(self.pixels.shape[1], columns)
        # The last average may be of fewer pixels.
        covered = 0, 0, self.pixels.shape[1] / across, self.pixels.shape[0] / down
        resized = self._picture(down, across).resize((columns, rows), PIL.Image.Resampling.BILINEAR, box=covered)
        return np.asarray(resized, dtype=np.float32)

    def _picture(self, down: int, across: int) -> PIL.Image.Image:
        """Return the averages as a picture; they are kept where they are fewer than the pixels of the slice."""
        if (down, across) in self._averages:
            return self._averages[down, across]
        averages = np.ascontiguousarray(_averaged(self.pixels, down, across), dtype=np.float32)
        picture = PIL.Image.fromarray(averages)
        if down * across > 1:
            self._averages[down, across] = picture
        return picture


def _factor(side: int, wanted: int) -> int:
    return max(1, side // (_GAP * max(wanted, _USUAL))) if side > _WHOLE_UP_TO else 1


def _averaged(pixels: NDArray[np.float32], down: int, across: int) -> NDArray[np.float32]:
    """Return the averages of blocks of `down` rows and `across` columns, and of what is left at the ends.

    Without a matrix product, whose waiting threads would take the processor from the network that comes next.
    """
    return _column_averages(_row_averages(pixels, down), across)


def _row_averages(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the averages of every `factor` rows; the last may be of fewer."""
    if factor == 1:
        return pixels
    whole = len(pixels) // factor
    averages = pixels[: whole * factor].reshape(whole, factor, -1).sum(axis=1)
    averages *= np.float32(1 / factor)
    rest = pixels[whole * factor :]
    return np.concatenate([averages, rest.mean(axis=0, keepdims=True)]) if len(rest) else averages


def _column_averages(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the averages of every `factor` columns; the last may be of fewer."""
    if factor == 1:
        return pixels
    whole = pixels.shape[1] // factor * factor
    averages = pixels[:, :whole:factor].copy()
    for offset in range(1, factor):  # numpy sums along a short last axis ten times slower
        averages += pixels[:, offset:whole:factor]
    averages *= np.float32(1 / factor)
    rest = pixels[:, whole:]
    return np.hstack([averages, rest.mean(axis=1, keepdims=True)]) if rest.shape[1] else averages
