"""Pictures to look at: a slice as shown on a screen, and the activation map laid over it."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from radiolens.image import Image, Unit
from radiolens.imaging.resample import resize
from radiolens.prediction import Explanation

__all__ = ["display_slice", "overlay", "png"]

_BRAIN_WINDOW_HU = (40.0, 80.0)  # centre and width, the usual brain window
_DISPLAY_PERCENTILES = (0.5, 99.5)  # a few hot pixels must not darken an MR slice
_RAMP = np.array([[0, 0, 96], [0, 128, 255], [64, 224, 160], [255, 224, 32], [224, 32, 16]], np.float32)
"""Blue to red by way of green and yellow, in steps of rising or clearly different lightness."""
_STRONGEST_ALPHA = 200  # of 255: the anatomy stays visible below the strongest place


def display_slice(image: Image, slice_index: int) -> NDArray[np.uint8]:
    """Return the slice with this index in the whole volume as grey levels (rows, columns) for a screen."""
    pixels = image.pixels[image.slice_indices.index(slice_index)]
    low, high = _display_range(pixels, image.unit)
    share = np.clip((pixels - low) / max(high - low, np.finfo(np.float32).tiny), 0.0, 1.0)
    grey: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return grey


def overlay(explanation: Explanation, label: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the map of a label as colours RGBA (rows, columns, 4) that fit a slice of this shape.

    Colour and opacity rise with the share of the map's own maximum. A map that is zero everywhere stays
    transparent: nothing spoke for the label. So the colours compare places of one map, never two images.
    """
    values = explanation.maps[label]
    peak = float(values.max())
    share = np.clip(_placed(values, explanation.extent, shape) / peak, 0.0, 1.0) if peak > 0 else np.zeros(shape)
    steps = np.linspace(0.0, 1.0, len(_RAMP))
    colours = [np.interp(share, steps, _RAMP[:, channel]) for channel in range(3)]
    colour: NDArray[np.uint8] = np.rint(np.stack([*colours, share * _STRONGEST_ALPHA], axis=-1)).astype(np.uint8)
    return colour


def png(pixels: NDArray[np.uint8], longest_side: int = 1024) -> bytes:
    """Return grey levels (rows, columns) or colours RGBA as PNG, reduced to `longest_side` if they are larger."""
    picture = PIL.Image.fromarray(pixels)
    picture.thumbnail((longest_side, longest_side))
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=3)  # 3: faster than the default, for slightly more bytes
    return stream.getvalue()


def _display_range(pixels: NDArray[np.float32], unit: Unit) -> tuple[float, float]:
    if unit is Unit.UNIT_INTERVAL:
        return 0.0, 1.0
    if unit is Unit.HOUNSFIELD:
        centre, width = _BRAIN_WINDOW_HU
        return centre - width / 2, centre + width / 2
    low, high = np.percentile(pixels, _DISPLAY_PERCENTILES)
    return float(low), float(high)


def _placed(
    values: NDArray[np.float32], extent: tuple[float, float, float, float], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the map enlarged to what the network saw, and cut or filled with 0 to the slice."""
    top, left, bottom, right = (round(edge) for edge in extent)
    enlarged = resize(values, bottom - top, right - left)
    canvas = np.zeros(shape, np.float32)
    rows = slice(max(top, 0), min(bottom, shape[0]))
    columns = slice(max(left, 0), min(right, shape[1]))
    inner = enlarged[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    canvas[rows, columns] = inner
    return canvas
