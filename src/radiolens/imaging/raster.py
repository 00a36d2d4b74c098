"""JPEG, PNG, TIFF and BMP pictures: grey, white is dense, 0 to 1."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
import PIL.BmpImagePlugin
import PIL.Image
import PIL.ImageOps
import PIL.JpegImagePlugin
import PIL.PngImagePlugin
import PIL.TiffImagePlugin
from numpy.typing import NDArray

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source, Unit
from radiolens.imaging.limits import Limits
from radiolens.imaging.selection import SliceSelection
from radiolens.quality import ProblemCode

__all__ = ["read_raster"]

_PLUGINS = ("JPEG", "PNG", "TIFF", "BMP", "DIB")  # only these parsers see untrusted bytes
_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
)
"""What Pillow's parsers raise on damaged files; PIL.UnidentifiedImageError is an OSError."""


def read_raster(data: bytes, format_name: str, selection: SliceSelection, limits: Limits) -> Image:
    """Return the picture, or the selected pages of a multi-page TIFF, as an Image of unit_interval.

    EXIF orientation is applied, alpha composited on black, colour turned to luma (ITU-R 601, as Pillow's "L").
    Raises UnreadableImage for damaged files and before decoding more pixels than allowed.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with PIL.Image.open(io.BytesIO(data), formats=_PLUGINS) as picture:
                return _read(picture, format_name, selection, limits, caught)
    except PIL.Image.DecompressionBombError as error:
        raise UnreadableImage(_too_large(0, 0, limits, str(error)), ProblemCode.TOO_LARGE) from error
    except _DAMAGE as error:
        raise UnreadableImage(
            f"The {format_name.upper()} file is damaged or incomplete ({error}). Export it again from its source."
        ) from error


def _read(
    picture: PIL.Image.Image,
    format_name: str,
    selection: SliceSelection,
    limits: Limits,
    caught: Sequence[warnings.WarningMessage],
) -> Image:
    columns, rows = picture.size
    _check_size(rows, columns, limits)
    count = int(getattr(picture, "n_frames", 1)) if format_name == "tiff" else 1
    if count > limits.frames:
        raise UnreadableImage(f"The file has {count} pages; at most {limits.frames} are read.", ProblemCode.TOO_LARGE)
    indices = selection.indices(count)
    pages, colours = zip(*(_page(picture, index, limits) for index in indices), strict=True)
    if len({page.shape for page in pages}) > 1:
        raise UnreadableImage("The pages of the TIFF file differ in size. Send them as separate pictures.")
    remarks = tuple(str(entry.message) for entry in caught if not _expected(entry))
    source = Source(format_name, size=pages[0].shape, colour_fraction=float(np.mean(colours)), warnings=remarks)
    return Image(np.stack(pages), Unit.UNIT_INTERVAL, source, slice_indices=indices, slice_count=count)


def _page(picture: PIL.Image.Image, index: int, limits: Limits) -> tuple[NDArray[np.float32], float]:
    if index:
        picture.seek(index)
        _check_size(picture.size[1], picture.size[0], limits)
    upright = PIL.ImageOps.exif_transpose(picture)
    colour = _saturation(upright)
    grey = np.asarray(_grey(upright))
    if grey.dtype.kind == "f" or grey.dtype.itemsize > 2:
        return _stretched(grey), colour
    return grey.astype(np.float32) / np.float32(_FULL_SCALE[grey.dtype.name]), colour


def _grey(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode in (*_SIXTEEN_BIT_MODES, "I", "F", "L"):
        return picture
    if picture.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode == "RGBA":
        black = PIL.Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = PIL.Image.alpha_composite(black, picture).convert("RGB")
    return picture.convert("L")


def _saturation(picture: PIL.Image.Image) -> float:
    """Return the mean of (max - min) / 255 over the colours of a thumbnail: enough to tell colour from grey."""
    if picture.mode in (*_SIXTEEN_BIT_MODES, "I", "F", "L", "1"):
        return 0.0
    small = picture.convert("RGB").resize((64, 64), PIL.Image.Resampling.BOX)
    colours = np.asarray(small, np.float32)
    return float((colours.max(axis=-1) - colours.min(axis=-1)).mean() / 255)


def _stretched(grey: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return 32-bit values, which have no full scale, stretched from their least to their greatest."""
    values = grey.astype(np.float32)
    if not np.isfinite(values).all():
        raise UnreadableImage("The picture holds values that are no numbers. Export it again from its source.")
    low, high = float(values.min()), float(values.max())
    return (values - np.float32(low)) / np.float32(high - low) if high > low else np.zeros_like(values)


def _check_size(rows: int, columns: int, limits: Limits) -> None:
    if rows * columns > limits.pixels:
        raise UnreadableImage(_too_large(rows, columns, limits), ProblemCode.TOO_LARGE)
    if min(rows, columns) < 2:
        raise UnreadableImage(
            f"The picture has {columns} x {rows} pixels, which is too small to be a medical image. Send the original."
        )


def _too_large(rows: int, columns: int, limits: Limits, found: str = "") -> str:
    found = found or f"The picture has {columns} x {rows} pixels."
    return f"{found} At most {limits.pixels / 1e6:.0f} million pixels are read. Export it smaller."


def _expected(entry: warnings.WarningMessage) -> bool:
    """Say whether a warning tells what our own limit already judged."""
    return issubclass(entry.category, PIL.Image.DecompressionBombWarning)
