"""The slices of an image as the viewer gets them: whole numbers, and what is needed to show them rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.image import Image, Unit

__all__ = ["PRESETS_HU", "Edges", "Preset", "Showing", "Stack", "edges", "make_stack"]

_DISPLAY_PERCENTILES = (0.5, 99.5)  # as explain/overlay.py shows a slice: a few hot pixels must not darken the rest
_SAMPLE = 4  # every fourth pixel each way is enough for a percentile
_FULL = 65535  # of uint16
_CLEAR = 0.4
"""Of a direction cosine: beyond 24 degrees out of a plane a side is named by two letters, as DICOM's A.1.1 does."""
_AXES = (("R", "L"), ("A", "P"), ("F", "H"))
"""The letters of the negative and the positive end of the patient's axes (DICOM PS3.3 C.7.6.1.1.1)."""
_OPPOSITE = str.maketrans({letter: other for ends in _AXES for letter, other in (ends, ends[::-1])})


@dataclass(frozen=True)
class Preset:
    """A window that readers know by its name; `centre` and `width` are in the unit of the shown values."""

    name: str
    centre: float
    width: float


PRESETS_HU = (
    Preset("brain", 40, 80),
    Preset("blood", 75, 215),
    Preset("stroke", 35, 30),
    Preset("bone", 500, 2000),
)
"""For CT of the head, in Hounsfield units: the first is the one that the network sees."""


@dataclass(frozen=True)
class Edges:
    """The letters at the four edges of a slice (R, L, A, P, H, F; two for an oblique one), empty where not known."""

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""

    @property
    def known(self) -> bool:
        """Say whether there are any."""
        return bool(self.left or self.right or self.top or self.bottom)


@dataclass(frozen=True)
class Showing:
    """How the slices of an image are shown.

    A value means `pixels * slope + intercept` in the unit of the image; of a film 0 to 100. `window` is shown first, in
    that unit. `unit` is that of `Image`, `modality` DICOM's or empty. `spacing_mm` is (between rows, between columns),
    None where it is not known. `indices` are the positions of the slices in a volume of `count`.
    """

    unit: str
    modality: str
    slope: float
    intercept: float
    window: Preset
    presets: tuple[Preset, ...]
    spacing_mm: tuple[float, float] | None
    edges: Edges
    indices: tuple[int, ...]
    count: int


@dataclass(frozen=True, eq=False)
class Stack:
    """The slices of an image: `pixels` is int16 or uint16 of shape (slices, rows, columns), little-endian."""

    pixels: NDArray[np.int16] | NDArray[np.uint16]
    showing: Showing

    @property
    def nbytes(self) -> int:
        """Return the bytes of its pixels in memory."""
        return int(self.pixels.nbytes)

    def slice(self, place: int) -> bytes:
        """Return the pixels of one slice, row by row; raise IndexError if there is none at this place."""
        if not 0 <= place < len(self.pixels):
            raise IndexError(place)
        return bytes(self.pixels[place].tobytes())


def make_stack(image: Image) -> Stack:
    """Return the slices of an image for the viewer.

    Hounsfield units stay as they are, rounded. The rest, which has no unit, becomes 16 bits over its own range.
    """
    if image.unit is Unit.HOUNSFIELD:
        pixels = np.rint(np.clip(image.pixels, -32768, 32767)).astype("<i2")
        return _stack(image, pixels, 1.0, 0.0, PRESETS_HU[0], PRESETS_HU)
    if image.unit is Unit.UNIT_INTERVAL:
        pixels = np.rint(np.clip(image.pixels, 0, 1) * np.float32(_FULL)).astype("<u2")
        return _stack(image, pixels, 100 / _FULL, 0.0, Preset("whole", 50, 100), ())
    low, high = float(image.pixels.min()), float(image.pixels.max())
    step = (high - low) / _FULL or 1.0
    pixels = np.rint((image.pixels - np.float32(low)) / np.float32(step)).clip(0, _FULL).astype("<u2")
    black, white = np.percentile(image.pixels[:, ::_SAMPLE, ::_SAMPLE], _DISPLAY_PERCENTILES)
    window = Preset("whole", float(black + white) / 2, max(float(white - black), step))
    return _stack(image, pixels, step, low, window, ())


def edges(orientation: Sequence[float] | None, patient_orientation: tuple[str, str] | None = None) -> Edges:
    """Return the letters at the edges of a slice whose rows and columns run in these six direction cosines.

    Where they are not known, as of a film, they are those that `patient_orientation` names.
    """
    if orientation is None and patient_orientation is not None:
        right, bottom = patient_orientation
        return Edges(left=right.translate(_OPPOSITE), right=right, top=bottom.translate(_OPPOSITE), bottom=bottom)
    if orientation is None:
        return Edges()
    along_rows, along_columns = orientation[:3], orientation[3:]
    return Edges(
        left=_letters([-value for value in along_rows]),
        right=_letters(along_rows),
        top=_letters([-value for value in along_columns]),
        bottom=_letters(along_columns),
    )


def _letters(direction: Sequence[float]) -> str:
    """Return where a direction points to, its largest part first."""
    parts = sorted(zip(direction, _AXES, strict=True), key=lambda part: -abs(part[0]))
    return "".join(ends[int(value > 0)] for value, ends in parts if abs(value) > _CLEAR)


def _stack(
    image: Image,
    pixels: NDArray[np.int16] | NDArray[np.uint16],
    slope: float,
    intercept: float,
    window: Preset,
    presets: tuple[Preset, ...],
) -> Stack:
    showing = Showing(
        unit=image.unit.value,
        modality=image.modality or "",
        slope=slope,
        intercept=intercept,
        window=window,
        presets=presets,
        spacing_mm=image.spacing_mm,
        edges=edges(image.orientation, image.patient_orientation),
        indices=image.slice_indices,
        count=image.slice_count,
    )
    return Stack(pixels, showing)
