"""Pictures to look at: a slice as shown on a screen, and the activation map laid over it."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from radiolens.image import Image, Unit
from radiolens.imaging.resample import resize
from radiolens.prediction import Explanation

__all__ = ["blended", "display_slice", "overlay", "png"]

_BRAIN_WINDOW_HU = (40.0, 80.0)  # centre and width, the usual brain window
_DISPLAY_PERCENTILES = (0.5, 99.5)  # a few hot pixels must not darken an MR slice
_RAMP = np.array([[48, 0, 96], [136, 16, 104], [208, 56, 48], [248, 144, 16], [255, 240, 128]], np.float32)
"""From dark violet by red and orange to pale yellow: lightness (CIE L*) rises by 16 to 25 in each step, so that
the order is also seen without colour vision, and on a grey print."""
_STRONGEST_ALPHA = 200  # of 255: the anatomy stays visible below the strongest place
_WEAK_PEAK = 1.0
"""Of a logit: a whole image like its strongest place would change the odds by less than e. That is little evidence."""


def display_slice(image: Image, slice_index: int) -> NDArray[np.uint8]:
    """Return the slice with this index in the whole volume as grey levels (rows, columns) for a screen."""
    pixels = image.pixels[image.slice_indices.index(slice_index)]
    low, high = _display_range(pixels, image.unit)
    share = np.clip((pixels - low) / max(high - low, np.finfo(np.float32).tiny), 0.0, 1.0)
    grey: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return grey


def overlay(explanation: Explanation, label: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the map of a label as colours RGBA (rows, columns, 4) that fit a slice of this shape.

    Colour and opacity rise with the share of the map's own maximum, so the colours compare places of one map, never
    two images. A weak map looks weak: if its maximum is less than one unit of the logit, the share is taken of that
    unit, and no place gets the strongest colour. A map that is zero everywhere is transparent: nothing spoke for
    the label.
    """
    values = explanation.maps[label]
    full = max(float(values.max()), _WEAK_PEAK)
    share = np.clip(_placed(values, explanation.extent, shape) / np.float32(full), 0.0, 1.0)
    colours: NDArray[np.uint8] = _COLOURS[np.rint(share * np.float32(255)).astype(np.uint8)]
    return colours


def blended(grey: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey levels (rows, columns) with colours RGBA of the same size laid over them, as RGB."""
    below = PIL.Image.fromarray(grey).convert("RGBA")
    return np.asarray(PIL.Image.alpha_composite(below, PIL.Image.fromarray(colours)).convert("RGB"))


def png(pixels: NDArray[np.uint8], longest_side: int = 1024) -> bytes:
    """Return grey levels (rows, columns), RGB or RGBA as PNG, reduced to `longest_side` if they are larger."""
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


def _colour_table() -> NDArray[np.uint8]:
    """Return the colour RGBA of each of 256 strengths."""
    share = np.linspace(0.0, 1.0, 256)
    channels = [np.interp(share, np.linspace(0.0, 1.0, len(_RAMP)), _RAMP[:, channel]) for channel in range(3)]
    table: NDArray[np.uint8] = np.rint(np.stack([*channels, share * _STRONGEST_ALPHA], axis=-1)).astype(np.uint8)
    return table


_COLOURS = _colour_table()
