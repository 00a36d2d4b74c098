"""From stored values to what they mean: Hounsfield units, or the shades of a film.

The steps are those of PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT) and C.7.6.3.1.2 with C.8.11.3.1.2 (MONOCHROME1 and
Presentation LUT Shape). They work on a few rows at a time: a film of 40 million pixels and the temporary arrays of
its arithmetic would not fit together into the memory of one child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from radiolens.errors import UnreadableImage
from radiolens.imaging.dicom_header import holder, items, number, numbers, text, whole
from radiolens.imaging.intensity import Floats, apply_lut, apply_window, least_width, stretch

__all__ = ["Padding", "film_shades", "is_inverse", "modality_values", "window_remarks"]

_Transform = Callable[[NDArray[Any]], Floats]

_BLOCK_PIXELS = 1 << 20  # worked on at a time: 4 MiB of float32
_LUT_ENTRIES = 1 << 16  # what 0 entries mean, and where a 16-bit number wraps around
_BYTE_BITS = 8
_RADIOGRAPHS = ("CR", "DX")
_FEW = 0.005  # of the pixels: a lead marker, a dead pixel
_FAR = 0.5  # of the range of all others: no anatomy is so much denser than the rest
_NEGATIVE_FROM = 1 << 15  # as an unsigned 16-bit number


@dataclass(frozen=True)
class Padding:
    """Stored values, from `low` to `high`, that are no image (PS3.3 C.7.5.1.1.2)."""

    low: int
    high: int

    @classmethod
    def of(cls, header: Dataset) -> Padding | None:
        """Return the padding a header states, None if there is none."""
        value = number(header, "PixelPaddingValue")
        if value is None:
            return None
        limit = number(header, "PixelPaddingRangeLimit")
        low, high = sorted(_as_stored(header, entry) for entry in (value, value if limit is None else limit))
        return cls(low, high)

    def covers(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where stored values are padding."""
        covered: NDArray[np.bool_] = (stored >= self.low) & (stored <= self.high)
        return covered


def modality_values(stored: NDArray[Any], header: Dataset, frame: int, *, inverted: bool = False) -> Floats:
    """Return stored values (rows, columns) after Modality LUT or rescale; padding becomes the lowest of the rest.

    Of values without a unit the greatest shall be the brightest: those to be shown `inverted` change their sign.
    """
    modality, padding = _modality(header, frame), Padding.of(header)
    transform: _Transform = (lambda rows: -modality(rows)) if inverted else modality
    if padding is None:
        return _by_rows(transform, stored)
    lowest = _range(transform, stored, padding)[0]
    return _by_rows(lambda rows: np.where(padding.covers(rows), np.float32(lowest), transform(rows)), stored)


def film_shades(stored: NDArray[Any], header: Dataset, frame: int) -> Floats:
    """Return stored values (rows, columns) as shades from 0 to 1, white is dense; padding becomes 0.

    Modality LUT, then VOI LUT or window (without either, or for raw detector data, the range of the values; of a
    radiograph less a few that lie far from all others, as a lead marker does), then inversion, once, for MONOCHROME1 or
    a Presentation LUT Shape of INVERSE.
    """
    modality, padding = _modality(header, frame), Padding.of(header)
    ranged = _shown_range if text(header, "Modality") in _RADIOGRAPHS else _range
    shade = _voi(header, frame) or partial(_stretched, between=ranged(modality, stored, padding))
    inverse = is_inverse(header)

    def transform(rows: NDArray[Any]) -> Floats:
        shades = shade(modality(rows))
        upright = 1 - shades if inverse else shades
        return upright if padding is None else np.where(padding.covers(rows), np.float32(0), upright)

    return _by_rows(transform, stored)


def is_inverse(header: Dataset) -> bool:
    """Say whether the least value is to be shown white."""
    monochrome1 = "MONOCHROME1" in (text(header, "PhotometricInterpretation") or "")
    return monochrome1 or text(header, "PresentationLUTShape") == "INVERSE"


def window_remarks(header: Dataset, frame: int) -> Iterator[str]:
    """Yield what is odd about how a film asks to be shown."""
    if text(header, "PresentationIntentType") == "FOR PROCESSING":
        yield "Raw detector data (FOR PROCESSING), not the processed film a radiologist sees; no window was applied."
        return
    window = _window(header, frame)
    if window is not None and not window.is_usable:
        yield f"A window of width {window.width:g} was ignored."
    if window is not None and window.function not in _FUNCTIONS:
        yield "The window function is unknown; LINEAR was used."
    shapes = text(header, "PhotometricInterpretation"), text(header, "PresentationLUTShape")
    if shapes == ("MONOCHROME1", "IDENTITY"):
        yield "The header contradicts itself (MONOCHROME1, but IDENTITY); the image was inverted, as for MONOCHROME1."


_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class _Window:
    centre: float
    width: float
    function: str

    @property
    def is_usable(self) -> bool:
        return self.width >= least_width(self.function)


def _window(header: Dataset, frame: int) -> _Window | None:
    """Return the first window."""
    place = holder(header, "WindowCenter", frame)
    centre, width = number(place, "WindowCenter"), number(place, "WindowWidth")
    if centre is None or width is None:
        return None
    return _Window(centre, width, text(place, "VOILUTFunction") or "LINEAR")


def _voi(header: Dataset, frame: int) -> _Transform | None:
    """Return the VOI transform to shades, None if there is none to apply."""
    if text(header, "PresentationIntentType") == "FOR PROCESSING":
        return None
    place = holder(header, "VOILUTSequence", frame)
    for item in items(place, "VOILUTSequence")[:1]:
        table, first, bits = _table(item, signed=_may_be_negative(header, frame))
        full_scale = max(2**bits - 1, float(table.max()))  # a few writers state fewer bits than they use
        return partial(apply_lut, table=table / np.float32(full_scale), first_value=first)
    window = _window(header, frame)
    if window is None or not window.is_usable:
        return None
    function = window.function if window.function in _FUNCTIONS else "LINEAR"
    return partial(apply_window, centre=window.centre, width=window.width, function=function)


def _modality(header: Dataset, frame: int) -> _Transform:
    """Return the transform by Modality LUT or rescale."""
    for item in items(header, "ModalityLUTSequence")[:1]:
        table, first, _ = _table(item, signed=_is_signed(header))
        return partial(apply_lut, table=table, first_value=first)
    slope, intercept = _rescale(header, frame)
    if slope == 0:
        raise UnreadableImage("RescaleSlope is 0, which makes the image blank. Export it again from the PACS.")
    return lambda rows: rows.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _rescale(header: Dataset, frame: int) -> tuple[float, float]:
    """Return (slope, intercept) of a frame, (1, 0) where the header has none."""
    place = holder(header, "RescaleSlope", frame)
    slope, intercept = number(place, "RescaleSlope"), number(place, "RescaleIntercept")
    return (1.0 if slope is None else slope), (intercept or 0.0)


def _table(item: Dataset, *, signed: bool) -> tuple[Floats, int, int]:
    """Return (entries, the value the first one belongs to, bits per entry) of a look-up table."""
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3:
        raise UnreadableImage("A look-up table is not described. Export the image again from the PACS.")
    # Either of the first two may have been read as signed or unsigned, whatever it is (PS3.3 C.11.1.1).
    count, first = int(descriptor[0]) % _LUT_ENTRIES or _LUT_ENTRIES, int(descriptor[1]) % _LUT_ENTRIES
    bits = int(descriptor[2])
    entries = _entries(item, count, bits)
    if len(entries) < count:
        raise UnreadableImage(
            f"A look-up table has {len(entries)} of {count} entries. Export the image again from the PACS."
        )
    return entries[:count], first - _LUT_ENTRIES if signed and first >= _NEGATIVE_FROM else first, bits


def _entries(item: Dataset, count: int, bits: int) -> Floats:
    value = item["LUTData"].value if "LUTData" in item else None
    if not isinstance(value, bytes):
        return np.asarray(numbers(item, "LUTData"), np.float32)
    if bits <= _BYTE_BITS and len(value) < 2 * count:  # two to a word
        return np.frombuffer(value, np.uint8).astype(np.float32)
    words = value[: len(value) // 2 * 2]
    return np.frombuffer(words, "<u2" if item.original_encoding[1] is not False else ">u2").astype(np.float32)


def _is_signed(header: Dataset) -> bool:
    return whole(header, "PixelRepresentation", 0) == 1


def _may_be_negative(header: Dataset, frame: int) -> bool:
    """Say whether the Modality LUT may give negative values; its sequence never does (PS3.3 C.11.2.1.1)."""
    if items(header, "ModalityLUTSequence"):
        return False
    return _is_signed(header) or _rescale(header, frame)[1] < 0


def _as_stored(header: Dataset, value: float) -> int:
    """Return a padding value as pixels hold it; a few writers state a negative one as unsigned."""
    bits = whole(header, "BitsAllocated")
    wrapped = int(value) % (1 << bits)
    return wrapped - (1 << bits) if _is_signed(header) and wrapped >= 1 << (bits - 1) else wrapped


def _stretched(values: Floats, between: tuple[float, float]) -> Floats:
    return stretch(values, *between)


def _blocks(stored: NDArray[Any]) -> Iterator[slice]:
    step = max(1, _BLOCK_PIXELS // stored.shape[1])
    return (slice(top, top + step) for top in range(0, len(stored), step))


def _by_rows(transform: _Transform, stored: NDArray[Any]) -> Floats:
    out = np.empty(stored.shape, np.float32)
    for block in _blocks(stored):
        out[block] = transform(stored[block])
    return out


def _shown_range(transform: _Transform, stored: NDArray[Any], padding: Padding | None) -> tuple[float, float]:
    """Return the range outside of the padding, but for the few values at either end that lie far from all others."""
    low, high = _range(transform, stored, padding)
    step = max(1, round((stored.size / _BLOCK_PIXELS) ** 0.5))
    some = stored[::step, ::step]
    kept = transform(some if padding is None else some[~padding.covers(some)][np.newaxis])
    if not kept.size:
        return low, high
    darkest, brightest = map(float, np.percentile(kept, (100 * _FEW, 100 - 100 * _FEW)))
    far = _FAR * (brightest - darkest)
    if not far > 0:
        return low, high
    return (darkest if low < darkest - far else low), (brightest if high > brightest + far else high)


def _range(transform: _Transform, stored: NDArray[Any], padding: Padding | None) -> tuple[float, float]:
    """Return the least and the greatest transformed value outside of the padding, (0, 0) if all is padding."""
    low, high = np.inf, -np.inf
    for block in _blocks(stored):
        rows = stored[block]
        kept = transform(rows if padding is None else rows[~padding.covers(rows)][np.newaxis])
        if kept.size:
            low, high = min(low, float(kept.min())), max(high, float(kept.max()))
    return (low, high) if low <= high else (0.0, 0.0)
