"""DICOM images: films to 0..1 with white as dense, CT to Hounsfield units, MR as it is. One file, or one series."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Unit
from radiolens.imaging.dicom_file import DicomFile, parse
from radiolens.imaging.dicom_header import (
    holder,
    items,
    orientation,
    patient_orientation,
    position,
    sop_class_name,
    source,
    spacing_mm,
    text,
    view,
    whole,
)
from radiolens.imaging.dicom_pixels import check_pixels, frame_count, is_colour, read_colour, read_stored
from radiolens.imaging.dicom_values import film_shades, is_inverse, modality_values, window_remarks
from radiolens.imaging.hounsfield import unit_of
from radiolens.imaging.intensity import Floats
from radiolens.imaging.limits import Limits
from radiolens.imaging.selection import SliceSelection
from radiolens.quality import ProblemCode

__all__ = ["read_dicom"]

_MOST_REMARKS = 20  # a damaged series would repeat the same for each of its files
_QUOTED = re.compile(r"""b?(['"]).*\1""", re.DOTALL)  # a damaged value may hold what another says of the patient
_RIGHT_FRONT_HEAD = (-1.0, -1.0, 1.0)  # DICOM's axes lead to the left, to the back and to the head (PS3.3 C.7.6.2.1.1)
_NO_UNIT = (None, "US", "UNSPECIFIED")  # of a rescale or a table: the values themselves may tell
_PARALLEL_WITHIN = 0.01  # of a direction cosine: what scanners round them to


def read_dicom(files: Sequence[bytes], selection: SliceSelection, limits: Limits) -> Image:
    """Return one DICOM image, or the selected slices of one series or multi-frame file; only these are decoded.

    Slices lie in the order of their positions, as in a NIfTI volume: foot to head, back to front or left to right, or
    in that of InstanceNumber where positions are missing. Raises UnreadableImage for damaged files, what exceeds a
    limit, files that are not one series, and transfer syntaxes without a decoder.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = _read(_parsed(files, limits), selection, limits)
    told = dict.fromkeys((*(_QUOTED.sub("(a value)", str(entry.message)) for entry in caught), *image.source.warnings))
    return replace(image, source=replace(image.source, warnings=tuple(told)[:_MOST_REMARKS]))


@dataclass(frozen=True, eq=False)
class _Slice:
    """One frame of one file, and what it is ordered by."""

    file: DicomFile
    frame: int
    instance: int
    orientation: tuple[float, ...] | None
    position: NDArray[np.float64] | None

    def along(self, normal: NDArray[np.float64]) -> float:
        """Return how far the slice lies along a direction, in mm; not below a thousandth, which is noise."""
        return 0.0 if self.position is None else round(float(normal @ self.position), 3)


def _read(files: Sequence[DicomFile], selection: SliceSelection, limits: Limits) -> Image:
    _check(files, limits)
    slices, order_remarks = _ordered([entry for file in files for entry in _slices(file)])
    indices = selection.indices(len(slices))
    first = slices[0]
    header, unit = first.file.header, _unit(first.file)
    pixels, colourfulness = _decoded([slices[index] for index in indices], unit, limits)
    stated = unit
    if unit is Unit.ARBITRARY and text(header, "Modality") == "CT" and _unit_stated(header) in _NO_UNIT:
        unit = unit_of(pixels)
    remarks = (*order_remarks, *_remarks(first.file, stated))
    return Image(
        pixels=pixels,
        unit=unit,
        source=source(_each_once(slices), remarks, colourfulness),
        spacing_mm=spacing_mm(header, first.frame),
        modality=text(header, "Modality"),
        view=view(header),
        orientation=first.orientation,
        patient_orientation=patient_orientation(header),
        slice_indices=indices,
        slice_count=len(slices),
    )


def _parsed(files: Sequence[bytes], limits: Limits) -> list[DicomFile]:
    """Parse the files; what deflated ones inflate to is bounded for all together."""
    parsed: list[DicomFile] = []
    left = limits.inflated_bytes
    for number, data in enumerate(files, 1):
        with _named(number, len(files)):
            file = parse(data, replace(limits, inflated_bytes=left))
        left -= len(file.content) if file.content is not data else 0
        parsed.append(file)
    return parsed


@contextmanager
def _named(number: int, count: int) -> Iterator[None]:
    """Say in the error of a file which one of several it is, counted from 1 in the order they were given."""
    try:
        yield
    except UnreadableImage as error:
        if count == 1:
            raise
        raise UnreadableImage(f"File {number} of {count} of the series cannot be read. {error}", error.code) from error


def _check(files: Sequence[DicomFile], limits: Limits) -> None:
    for number, file in enumerate(files, 1):
        with _named(number, len(files)):
            check_pixels(file, limits)
    count = sum(map(frame_count, files))
    if count > limits.frames:
        raise UnreadableImage(
            f"The series has {count} slices; at most {limits.frames} are read. Send a part of it.",
            ProblemCode.TOO_LARGE,
        )
    for keyword in ("SeriesInstanceUID", "Rows", "Columns", "Modality", "SamplesPerPixel"):
        if len({text(file.header, keyword) for file in files}) > 1:
            raise UnreadableImage(
                f"The files differ in {keyword}: they are not one series. Send each series by itself."
            )
    if len({_unit(file) for file in files}) > 1:
        raise UnreadableImage("The files differ in the unit of their values. Send each kind of image by itself.")


def _slices(file: DicomFile) -> Iterator[_Slice]:
    try:
        instance = whole(file.header, "InstanceNumber", 0)
    except UnreadableImage:
        instance = 0  # orders the slices only where their positions do not
    for frame in range(frame_count(file)):
        yield _Slice(file, frame, instance, orientation(file.header, frame), position(file.header, frame))


def _ordered(slices: Sequence[_Slice]) -> tuple[list[_Slice], tuple[str, ...]]:
    """Return the slices in the order of the scan, and what is odd about it."""
    by_instance = sorted(slices, key=lambda entry: (entry.instance, entry.frame))
    directions = slices[0].orientation
    if len(slices) == 1 or directions is None or any(entry.position is None for entry in slices):
        return by_instance, ()
    if not all(np.allclose(entry.orientation or (), directions, atol=_PARALLEL_WITHIN) for entry in slices):
        return by_instance, ("The slices are not parallel; they are in the order of InstanceNumber.",)
    normal = _upwards(np.cross(directions[:3], directions[3:]))
    places = [entry.along(normal) for entry in by_instance]
    ordered = [by_instance[index] for index in np.argsort(places, kind="stable")]
    repeated = len(set(places)) < len(slices)
    return ordered, ("Several slices lie at the same position, as in a perfusion series.",) if repeated else ()


def _upwards(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a direction or its opposite: what leads rather to the right, to the front or to the head."""
    towards = normal * _RIGHT_FRONT_HEAD
    return normal if towards[np.argmax(np.abs(towards))] > 0 else -normal


def _each_once(slices: Sequence[_Slice]) -> list[DicomFile]:
    return list({id(entry.file): entry.file for entry in slices}.values())


def _unit(file: DicomFile) -> Unit:
    """Return the unit of the values: colours, films and screenshots are shades."""
    header, modality = file.header, text(file.header, "Modality")
    if is_colour(file) or modality not in ("CT", "MR") or "Secondary Capture" in sop_class_name(header):
        return Unit.UNIT_INTERVAL
    return Unit.HOUNSFIELD if modality == "CT" and _is_hounsfield(header) else Unit.ARBITRARY


def _is_hounsfield(header: Dataset) -> bool:
    """Say whether a CT is in Hounsfield units: stated, or not stated but rescaled (PS3.3 C.8.2.1.1.2)."""
    kind = _unit_stated(header)
    if items(header, "ModalityLUTSequence"):
        return kind == "HU"
    return "RescaleIntercept" in holder(header, "RescaleIntercept", 0) and kind in (None, "HU", "US")


def _unit_stated(header: Dataset) -> str | None:
    """Return the unit that Modality LUT or rescale state, None for none."""
    for table in items(header, "ModalityLUTSequence"):
        return text(table, "ModalityLUTType")
    return text(holder(header, "RescaleType", 0), "RescaleType")


def _decoded(slices: Sequence[_Slice], unit: Unit, limits: Limits) -> tuple[Floats, float]:
    """Return the pixels (slices, rows, columns) and how colourful they were."""
    header = slices[0].file.header
    shape = len(slices), whole(header, "Rows"), whole(header, "Columns")
    if 4 * int(np.prod(shape, dtype=object)) > limits.inflated_bytes:
        raise UnreadableImage(
            f"{shape[0]} slices of {shape[2]} x {shape[1]} pixels are too many to read at once. Send a part of them.",
            ProblemCode.TOO_LARGE,
        )
    if len(slices) == 1:
        grey, colourful = _frame(slices[0], unit)
        return grey[np.newaxis], colourful  # without a copy: a large film would not fit into memory twice
    pixels, colourfulness = np.empty(shape, np.float32), np.zeros(len(slices))
    for place, entry in enumerate(slices):
        pixels[place], colourfulness[place] = _frame(entry, unit)
    return pixels, float(colourfulness.mean())


def _frame(entry: _Slice, unit: Unit) -> tuple[Floats, float]:
    file, frame = entry.file, entry.frame
    if is_colour(file):
        colour = read_colour(file, frame)
        return colour.grey, colour.saturation
    stored = read_stored(file, frame)
    if unit is Unit.UNIT_INTERVAL:
        return film_shades(stored, file.header, frame), 0.0
    return modality_values(stored, file.header, frame, inverted=unit is Unit.ARBITRARY and is_inverse(file.header)), 0.0


def _remarks(file: DicomFile, unit: Unit) -> Iterator[str]:
    header = file.header
    if unit is Unit.UNIT_INTERVAL and not is_colour(file):
        yield from window_remarks(header, 0)
    if unit is Unit.ARBITRARY and text(header, "Modality") == "CT":
        yield "A CT whose values are not stated to be Hounsfield units."
    if unit is Unit.HOUNSFIELD and "LOCALIZER" in (text(header, "ImageType") or ""):
        yield "A localizer of a CT, not a slice."
    if text(header, "BurnedInAnnotation") == "YES":
        yield "The file says that text is burnt into the image."
