"""JPEG, PNG, TIFF and BMP pictures: grey, white is dense, 0 to 1."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

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
from radiolens.imaging.hounsfield import unit_of
from radiolens.imaging.intensity import Floats, saturation, stretch
from radiolens.imaging.limits import Limits
from radiolens.imaging.selection import SliceSelection
from radiolens.quality import ProblemCode

__all__ = ["read_raster"]

_PLUGINS = ("JPEG", "PNG", "TIFF", "BMP", "DIB")  # only these parsers see untrusted bytes
_DEEP_GREY_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")  # Pillow's names for more than 8 bits
_ALPHA_MODES = ("PA", "LA", "La", "RGBa", "RGBA")
_ORIENTATION = 0x0112  # EXIF and TIFF tag; 1 is upright
_PHOTOMETRIC, _MIN_IS_WHITE = 262, 0  # TIFF tag and its value (TIFF 6.0, section 3)
_BITS, _COMPRESSION, _UNCOMPRESSED = 258, 259, 1  # tags and a value (the same)
_PLANES, _APART = 284, 2  # each colour in a plane of its own (the same)
_KIND, _UNSIGNED = 339, 1  # of numbers: the tag, and the value it has where it is missing (TIFF 6.0, section 19)
_THUMBNAIL = (64, 64)  # pixels: enough to tell colour from grey
_SMALLEST_SIDE = 2  # pixels; less is no image
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    OverflowError,
    ZeroDivisionError,
    struct.error,
)
"""What Pillow's parsers raise on damaged files."""


def read_raster(data: bytes, format_name: str, selection: SliceSelection, limits: Limits) -> Image:
    """Return the picture, or the selected pages of a multi-page TIFF, as an Image of unit_interval.

    EXIF orientation is applied, alpha composited on black, colour turned to luma (ITU-R 601: Pillow's "L", in 8 bits).
    32-bit values, which have no full scale, are stretched from the least to the greatest of the pages that are read,
    unless they lie within 0 to 1 already, or have air where Hounsfield units have it: then the unit is that. Raises
    UnreadableImage for damaged files, and for more pixels than allowed before they are decoded.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with PIL.Image.open(io.BytesIO(data), formats=_PLUGINS) as picture:
                image = _read(picture, format_name, selection, limits)
    except PIL.Image.DecompressionBombError as error:
        raise UnreadableImage(
            f"The picture has far more than {limits.pixels / 1e6:.0f} million pixels. Export it smaller.",
            ProblemCode.TOO_LARGE,
        ) from error
    except PIL.UnidentifiedImageError as error:
        raise UnreadableImage(
            f"The {format_name.upper()} file is damaged, or of a kind that is not read. "
            "Export it again, as PNG of 8 or 16 bits."
        ) from error
    except _DAMAGE as error:
        raise UnreadableImage(
            f"The {format_name.upper()} file is damaged or incomplete. Export it again from its source."
        ) from error
    return _with_remarks(image, caught)


def _read(picture: PIL.Image.Image, format_name: str, selection: SliceSelection, limits: Limits) -> Image:
    rows, columns = _checked_size(picture, limits)
    count = _page_count(picture, limits) if format_name == "tiff" else 1
    indices = selection.indices(count)
    if 4 * rows * columns * len(indices) > limits.inflated_bytes:
        raise UnreadableImage(
            f"{len(indices)} pages of {columns} x {rows} pixels are too many to read at once. Send a part of them.",
            ProblemCode.TOO_LARGE,
        )
    pages, colourfulness = zip(*_pages(picture, indices, limits), strict=True)
    if len({page.shape for page in pages}) > 1:
        raise UnreadableImage("The pages of the TIFF file differ in size. Send them as separate pictures.")
    values = _joined(pages)
    source = Source(format_name, size=values.shape[1:], colour_fraction=float(np.mean(colourfulness)))
    if pages[0].dtype.itemsize > 2 and unit_of(values) is Unit.HOUNSFIELD:
        return Image(values, Unit.HOUNSFIELD, source, slice_indices=indices, slice_count=count)
    shades = _unit_interval(values, pages[0].dtype)
    return Image(shades, Unit.UNIT_INTERVAL, source, slice_indices=indices, slice_count=count)


def _page_count(picture: PIL.Image.Image, limits: Limits) -> int:
    """Count the pages, but not beyond the limit: a small file can hold millions of empty ones."""
    for count in range(1, limits.frames + 1):
        try:
            picture.seek(count)
        except EOFError:
            return count
    raise UnreadableImage(
        f"The file has more than {limits.frames} pages, which is the most that is read. Send a part of it.",
        ProblemCode.TOO_LARGE,
    )


def _pages(
    picture: PIL.Image.Image, indices: Sequence[int], limits: Limits
) -> Iterator[tuple[NDArray[np.generic], float]]:
    for index in indices:
        picture.seek(index)
        _checked_size(picture, limits)
        # In place, since a copy of a large film would not fit into the memory of one child.
        if picture.getexif().get(_ORIENTATION, 1) != 1:
            PIL.ImageOps.exif_transpose(picture, in_place=True)
        yield _grey(picture), _saturation(picture)


def _grey(picture: PIL.Image.Image) -> NDArray[np.generic]:
    """Return one page (rows, columns) in the type of its grey levels."""
    _check_planes(picture)
    if picture.mode in _DEEP_GREY_MODES:
        return _deep_grey(picture)
    if picture.mode in _ALPHA_MODES or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        picture = PIL.Image.new("RGB", picture.size)
        picture.paste(coloured, mask=coloured.getchannel("A"))
    return np.asarray(picture.convert("L"))


def _deep_grey(picture: PIL.Image.Image) -> NDArray[np.generic]:
    """Return more than 8 bits.

    Of TIFF files Pillow takes 32 bits for signed numbers, and exchanges white and black only where there are 8 bits.
    """
    grey = np.asarray(picture)
    tags = getattr(picture, "tag_v2", {})
    if grey.dtype == np.int32 and tags.get(_BITS) == (32,) and tags.get(_KIND, (_UNSIGNED,)) == (_UNSIGNED,):
        grey = grey.view(np.uint32)
    if tags.get(_PHOTOMETRIC) != _MIN_IS_WHITE:
        return grey
    if grey.dtype.kind == "u":
        return np.iinfo(grey.dtype).max - grey
    return 1 - grey if grey.min() >= 0 and grey.max() <= 1 else -grey  # as `_unit_interval` takes them


def _check_planes(picture: PIL.Image.Image) -> None:
    """Raise UnreadableImage for a TIFF page that Pillow would show as noise or inverted: planes apart, uncompressed."""
    tags = getattr(picture, "tag_v2", {})
    if tags.get(_PLANES) != _APART or tags.get(_COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED:
        return
    if set(tags.get(_BITS, (1,))) != {8} or tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE:
        raise UnreadableImage(
            "The TIFF file stores its planes apart in a way that is not read. Export it again, as PNG of 8 or 16 bits."
        )


def _saturation(picture: PIL.Image.Image) -> float:
    if picture.mode in (*_DEEP_GREY_MODES, "L", "1"):
        return 0.0
    few = picture.resize(_THUMBNAIL, PIL.Image.Resampling.NEAREST).convert("RGBA").convert("RGB")
    return saturation(np.asarray(few))


def _joined(pages: Sequence[NDArray[np.generic]]) -> Floats:
    """Return pages of one size as one array (pages, rows, columns)."""
    pixels = np.empty((len(pages), *pages[0].shape), np.float32)
    pixels[:] = pages
    if pages[0].dtype.kind == "f" and not np.isfinite(pixels).all():
        raise UnreadableImage("The picture holds values that are no numbers. Export it again from its source.")
    return pixels


def _unit_interval(pixels: Floats, stored: np.dtype[np.generic]) -> Floats:
    """Return values of a type in 0 to 1, in place where the type has a full scale."""
    if stored.itemsize <= 2:
        pixels /= np.float32(255 if stored.itemsize == 1 else 65535)
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    return pixels if low >= 0 and high <= 1 else stretch(pixels, low, high)


def _checked_size(picture: PIL.Image.Image, limits: Limits) -> tuple[int, int]:
    """Return (rows, columns); raise UnreadableImage if there are too many, or too few to be an image."""
    columns, rows = picture.size
    if rows * columns > limits.pixels:
        raise UnreadableImage(
            f"The picture has {columns} x {rows} pixels. At most {limits.pixels / 1e6:.0f} million pixels are read. "
            "Export it smaller.",
            ProblemCode.TOO_LARGE,
        )
    if min(rows, columns) < _SMALLEST_SIDE:
        raise UnreadableImage(
            f"The picture has {columns} x {rows} pixels, which is too small to be a medical image. Send the original."
        )
    return rows, columns


def _with_remarks(image: Image, caught: Sequence[warnings.WarningMessage]) -> Image:
    """Add the parsers' warnings, but for the one on the number of pixels, which our own limit has judged."""
    kept = (entry for entry in caught if not issubclass(entry.category, PIL.Image.DecompressionBombWarning))
    told = tuple(dict.fromkeys(str(entry.message) for entry in kept))
    return replace(image, source=replace(image.source, warnings=told))
