"""The one way from an Image to the array a network sees, in training, evaluation and serving alike.

The array is quantised to 256 grey levels before it is normalised. So the training cache holds exactly what
serving computes, and 8-bit exports and their 16-bit originals meet in the same value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from radiolens.image import Unit
from radiolens.imaging.resample import Slice

__all__ = ["Fit", "Preprocessing", "extent", "grey_levels", "network_input"]


class Fit(StrEnum):
    """How a slice is brought to the network's size."""

    STRETCH = "stretch"
    """Both sides are resized on their own; nothing is lost, the aspect ratio is."""
    PAD = "pad"
    """The longer side is resized, the rest filled with black; the aspect ratio stays."""


@dataclass(frozen=True)
class Preprocessing:
    """What happens to pixels before the network, stored in the bundle.

    `window_hu` is (centre, width) for CT. `percentiles` are the lower and upper percentile of the slice that
    become black and white for every other unit; (0, 100) is min-max. The network sees
    `(grey level - offset) / scale`, in `channels` equal channels.
    """

    rows: int
    columns: int
    channels: int = 1
    fit: Fit = Fit.STRETCH
    percentiles: tuple[float, float] = (0.0, 100.0)
    window_hu: tuple[float, float] = (40.0, 80.0)
    offset: float = 127.0
    scale: float = 128.0


def grey_levels(
    pixels: NDArray[np.float32] | Slice, unit: Unit, preprocessing: Preprocessing, *, inverse: bool = False
) -> NDArray[np.uint8]:
    """Return one slice (rows, columns) as uint8 grey levels of the network's size.

    A constant slice becomes black, except CT, which is windowed by its own unit. With `inverse` white and black change
    places, but what is filled stays black; this is done in the network's size, since a film may have 40 million pixels.
    Who asks for several sizes gives the same `Slice`.
    """
    whole = pixels if isinstance(pixels, Slice) else Slice(pixels)
    if unit is Unit.HOUNSFIELD:
        centre, width = preprocessing.window_hu
        low, high = centre - width / 2, centre + width / 2
        fitted = _fit(Slice(np.clip(whole.pixels, low, high)), preprocessing, high if inverse else low)
        fitted = np.float32(2 * centre) - fitted if inverse else fitted
    else:
        fitted = _fit(whole, preprocessing, whole.greatest if inverse else None)
        fitted = -fitted if inverse else fitted
        low, high = _percentiles(fitted, preprocessing.percentiles)
    if high <= low:
        return np.zeros(fitted.shape, np.uint8)
    unit_interval = np.clip((fitted - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    grey: NDArray[np.uint8] = np.rint(unit_interval * np.float32(255.0)).astype(np.uint8)
    return grey


def network_input(grey: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return grey levels (slices, rows, columns) as float32 (slices, rows, columns, channels)."""
    normalised = (grey.astype(np.float32) - np.float32(preprocessing.offset)) / np.float32(preprocessing.scale)
    return np.repeat(normalised[..., np.newaxis], preprocessing.channels, axis=-1)


def extent(rows: int, columns: int, preprocessing: Preprocessing) -> tuple[float, float, float, float]:
    """Return what the network's input covers of a slice, as (top, left, bottom, right) in the slice's pixels.

    With padding it reaches beyond the slice, so top and left can be negative.
    """
    if preprocessing.fit is Fit.STRETCH:
        return 0.0, 0.0, float(rows), float(columns)
    pixels_per_step = max(rows / preprocessing.rows, columns / preprocessing.columns)
    height, width = preprocessing.rows * pixels_per_step, preprocessing.columns * pixels_per_step
    return (rows - height) / 2, (columns - width) / 2, (rows + height) / 2, (columns + width) / 2


def _percentiles(pixels: NDArray[np.float32], wanted: tuple[float, float]) -> tuple[float, float]:
    if wanted == (0.0, 100.0):
        return float(pixels.min()), float(pixels.max())  # without sorting
    low, high = np.percentile(pixels, wanted)
    return float(low), float(high)


def _fit(whole: Slice, preprocessing: Preprocessing, background: float | None) -> NDArray[np.float32]:
    """Return the slice in the network's size; what is filled is `background`, or (None) the slice's least value."""
    target = preprocessing.rows, preprocessing.columns
    if preprocessing.fit is Fit.STRETCH:
        return whole.resized(*target)
    rows, columns = whole.pixels.shape
    shrink = min(target[0] / rows, target[1] / columns)
    inner = whole.resized(max(1, round(rows * shrink)), max(1, round(columns * shrink)))
    if inner.shape == target:
        return inner
    padded = np.full(target, whole.least if background is None else background, np.float32)
    top, left = (target[0] - inner.shape[0]) // 2, (target[1] - inner.shape[1]) // 2
    padded[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return padded
