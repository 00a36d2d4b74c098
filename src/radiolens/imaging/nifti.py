"""NIfTI volumes (NIfTI-1 and NIfTI-2 in one file)."""

from __future__ import annotations

import contextlib
import itertools
import logging
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from logging.handlers import MemoryHandler
from operator import mul
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger
from nibabel.orientations import aff2axcodes, io_orientation
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source
from radiolens.imaging.hounsfield import unit_of
from radiolens.imaging.intensity import Floats
from radiolens.imaging.limits import Limits
from radiolens.imaging.selection import SliceSelection
from radiolens.quality import ProblemCode

__all__ = ["read_nifti"]

_DAMAGE = (
    ImageFileError,
    HeaderDataError,
    WrapStructError,
    ValueError,
    OSError,
    EOFError,
    LookupError,
    OverflowError,
    TypeError,
    np.linalg.LinAlgError,
    struct.error,
)
"""What nibabel raises on damaged files."""
_MOST_REMARKS = 100  # logged for one file; a header has fewer fields
_NIFTI2_SIZE = 540  # bytes of a NIfTI-2 header, stated in its first number; NIfTI-1 has 348
_SMALLEST_SIDE = 2  # pixels; less is no image
_FLAT = 4  # times fewer slices than pixels: another cut through such a volume would be a strip
_THICK = 2.0  # times the pixel: slices made thicker than that were made to be looked at one by one, as they are
_TO_DICOM = np.array([-1.0, -1.0, 1.0])  # NIfTI counts to the right and the front, DICOM to the left and the back
_TWO_PLACES = "The NIfTI file says in two ways how the patient lay, and they differ; the sides are not shown."


@dataclass(frozen=True, eq=False)
class _View:
    """A volume and how it is looked at.

    `axes` are the voxel axes of slices, rows and columns; `flipped` says of each whether it is counted downwards.
    """

    volume: Any
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @property
    def shape(self) -> tuple[int, int, int]:
        slices, rows, columns = (int(self.volume.shape[axis]) for axis in self.axes)
        return slices, rows, columns

    def slice(self, index: int) -> Floats:
        """Read one slice (rows, columns); nibabel reads no other from the file."""
        place: list[Any] = [slice(None)] * 3 + [0] * (len(self.volume.shape) - 3)
        place[self.axes[0]] = self.shape[0] - 1 - index if self.flipped[0] else index
        plane = np.asarray(self.volume.dataobj[tuple(place)], np.float32)
        upright = plane if self.axes[1] < self.axes[2] else plane.T
        return upright[:: -1 if self.flipped[1] else 1, :: -1 if self.flipped[2] else 1]


def read_nifti(data: bytes, selection: SliceSelection, limits: Limits) -> Image:
    """Return the selected slices as a radiologist looks at them.

    Slices are axial, foot to head, the patient's right on the left and the front at the top; but where the volume was
    made of thick coronal or sagittal slices, or is a single one, these (head at the top; front on the left for sagittal
    ones). The format says neither modality nor unit: values with air where Hounsfield units have it are taken for
    these, all others are arbitrary. Of four dimensions the first volume is read. `orientation` is None where the file
    knows no patient: sform_code and qform_code are 0, or the two contradict each other. Raises UnreadableImage.
    """
    with _heard() as told:
        try:
            view = _view(_volume(data, limits))
            pixels, indices = _read(view, selection, limits)
            lying = _lying(view.volume.header)
        except _DAMAGE as error:
            raise UnreadableImage("The NIfTI file is damaged or incomplete. Convert it again.") from error
    remarks = (*dict.fromkeys(told()), *_remarks(view, pixels, lying))
    lowest = _lowest(pixels)
    pixels = np.nan_to_num(pixels, copy=False, nan=lowest, posinf=lowest, neginf=lowest)
    return Image(
        pixels=pixels,
        unit=unit_of(pixels),
        source=Source("nifti", size=(pixels.shape[1], pixels.shape[2]), warnings=remarks),
        spacing_mm=_spacing_mm(view),
        orientation=_orientation(view) if len(lying) == 1 else None,
        slice_indices=indices,
        slice_count=view.shape[0],
    )


@contextlib.contextmanager
def _heard() -> Iterator[Callable[[], Iterator[str]]]:
    """Give a function that returns what numpy warns of and what nibabel logs of the headers that it mends."""
    log = MemoryHandler(capacity=_MOST_REMARKS, flushLevel=logging.CRITICAL + 1)
    printing, logger.handlers = logger.handlers, [log]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield lambda: itertools.chain(
                (str(entry.message) for entry in caught), (entry.getMessage() for entry in log.buffer)
            )
    finally:
        logger.handlers = printing


def _volume(data: bytes, limits: Limits) -> Any:  # noqa: ANN401  nibabel's class for the version of the format
    """Return the volume with its voxels still in the file, after its declared size was checked."""
    version_2 = _NIFTI2_SIZE in (int.from_bytes(data[:4], order) for order in ("little", "big"))
    volume: Any = (nibabel.Nifti2Image if version_2 else nibabel.Nifti1Image).from_bytes(data)
    shape, kind = volume.shape, np.dtype(volume.header.get_data_dtype())
    if len(shape) < 2 or min(shape) < 1 or max(shape[4:], default=1) > 1:
        raise UnreadableImage(f"The NIfTI file has the shape {shape}; expected a volume of slices. Convert it again.")
    if kind.kind not in "iuf":
        raise UnreadableImage(
            f"The NIfTI file holds values of type {kind}; expected numbers. Convert it to grey values."
        )
    if max(shape) > limits.frames or max(itertools.starmap(mul, itertools.combinations(shape[:3], 2))) > limits.pixels:
        raise UnreadableImage(f"The volume of {shape} voxels is too large. Send a part of it.", ProblemCode.TOO_LARGE)
    declared, found = int(np.prod(shape, dtype=object)) * kind.itemsize, len(data) - int(volume.dataobj.offset)
    if found < declared:
        raise UnreadableImage(
            f"The NIfTI file is damaged or incomplete: its header declares {declared} bytes of voxels, the file has "
            f"{max(found, 0)}. Convert it again."
        )
    if len(shape) == 2:
        return type(volume)(np.asarray(volume.dataobj, np.float32)[..., np.newaxis], volume.affine, volume.header)
    return volume


def _view(volume: Any) -> _View:  # noqa: ANN401  as above
    """Choose the axis of the slices, then how rows and columns lie."""
    # For each voxel axis the axis of the patient (0 to the right, 1 to the front, 2 to the head) and its direction.
    patient_axes, directions = np.asarray(io_orientation(volume.affine)).T  # type: ignore[no-untyped-call]  # nibabel types only a part
    along = {int(patient): voxel for voxel, patient in enumerate(patient_axes) if np.isfinite(patient)}
    if sorted(along) != [0, 1, 2]:
        raise UnreadableImage("The NIfTI file does not say how the patient lay. Convert it again from DICOM.")
    sides = np.asarray(volume.header.get_zooms()[:3], float)
    thin = [axis for axis in range(3) if volume.shape[axis] == 1]
    is_flat = _FLAT * volume.shape[2] < min(volume.shape[:2]) or sides[2] > _THICK * max(sides[0], sides[1])
    thick = [2] if is_flat else []  # a file's third axis is that of its slices
    sliced = int(patient_axes[[*thin, *thick][0]]) if thin or thick else 2
    columns, rows = (axis for axis in (0, 1, 2) if axis != sliced)
    axes = along[sliced], along[rows], along[columns]
    # Slices are counted along the patient's axis; rows and columns against it (down, back; left, back).
    upwards = [directions[axis] > 0 for axis in axes]
    return _View(volume, axes, (not upwards[0], bool(upwards[1]), bool(upwards[2])))


def _read(view: _View, selection: SliceSelection, limits: Limits) -> tuple[Floats, tuple[int, ...]]:
    count, rows, columns = view.shape
    if min(rows, columns) < _SMALLEST_SIDE:
        raise UnreadableImage(f"The slices have {columns} x {rows} pixels: too small to be images. Send the original.")
    indices = selection.indices(count)
    if 4 * len(indices) * rows * columns > limits.inflated_bytes:
        raise UnreadableImage(
            f"{len(indices)} slices of {columns} x {rows} pixels are too many to read at once. Send a part of them.",
            ProblemCode.TOO_LARGE,
        )
    pixels = np.empty((len(indices), rows, columns), np.float32)
    for place, index in enumerate(indices):
        pixels[place] = view.slice(index)
    return pixels, indices


def _lowest(pixels: Floats) -> float:
    finite = pixels[np.isfinite(pixels)]
    if not finite.size:
        raise UnreadableImage("The NIfTI file holds no numbers. Convert it again.")
    return float(finite.min())


def _lying(header: Any) -> frozenset[tuple[str, ...]]:  # noqa: ANN401  nibabel's class for the version of the format
    """Return how the patient lies by those of sform and qform that are set (nifti1.h, methods 2 and 3): R, A, S, ...

    One that is set but makes no sense differs from every other.
    """
    told = []
    for read in (header.get_sform, header.get_qform):
        try:
            affine, code = read(coded=True)
            told += [tuple(map(str, aff2axcodes(affine)))] if code > 0 else []  # type: ignore[no-untyped-call]  # as above
        except (ValueError, HeaderDataError):  # of quaternions that are no rotation
            told.append(())
    return frozenset(told)


def _orientation(view: _View) -> tuple[float, ...]:
    """Return where rows and columns of a slice lead to, as ImageOrientationPatient (DICOM PS3.3 C.7.6.2.1.1) does."""
    _, rows, columns = zip(view.axes, view.flipped, strict=True)
    cosines: list[float] = []
    for axis, flipped in (columns, rows):  # along a row it is the column that is counted
        direction = _TO_DICOM * np.asarray(view.volume.affine, float)[:3, axis] * (-1 if flipped else 1)
        direction /= np.abs(direction).max()  # NIfTI-2 may count in steps whose squares are no longer numbers
        cosines += (direction / np.linalg.norm(direction)).tolist()
    return tuple(cosines)


def _remarks(view: _View, pixels: Floats, lying: frozenset[tuple[str, ...]]) -> Iterator[str]:
    if len(lying) > 1:
        yield _TWO_PLACES
    if len(view.volume.shape) == 4 and view.volume.shape[3] > 1:
        yield f"Of {view.volume.shape[3]} volumes the first was read."
    if not np.isfinite(pixels).all():
        yield "Voxels that are no numbers were set to the lowest value."


def _spacing_mm(view: _View) -> tuple[float, float] | None:
    sides: Sequence[float] = [float(side) for side in view.volume.header.get_zooms()]
    rows, columns = sides[view.axes[1]], sides[view.axes[2]]
    return (rows, columns) if np.isfinite([rows, columns]).all() and min(rows, columns) > 0 else None
