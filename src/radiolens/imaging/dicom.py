"""DICOM images: films to 0..1 with white as dense, CT to Hounsfield units, MR as it is. One file, or one series."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_dtype
from pydicom.uid import UID

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Unit
from radiolens.imaging.dicom_file import DAMAGE, parse
from radiolens.imaging.dicom_header import enclosing, orientation, source, spacing_mm
from radiolens.imaging.intensity import apply_lut, apply_window, min_max
from radiolens.imaging.limits import Limits
from radiolens.imaging.selection import SliceSelection
from radiolens.quality import ProblemCode

__all__ = ["read_dicom"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def read_dicom(files: Sequence[bytes], selection: SliceSelection, limits: Limits) -> Image:
    """Return one DICOM image, or the selected slices of one series or multi-frame file.

    Raises UnreadableImage for damaged files, what exceeds a limit, series whose files do not belong together, and
    transfer syntaxes without a decoder.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        datasets = _sorted([parse(data, limits) for data in files])
        try:
            image = _read(datasets, selection, limits, caught)
        except DAMAGE as error:
            raise UnreadableImage(
                f"The DICOM file cannot be decoded ({error}). Export it again from the PACS, uncompressed."
            ) from error
    return image


def _read(
    datasets: Sequence[Dataset], selection: SliceSelection, limits: Limits, caught: Sequence[warnings.WarningMessage]
) -> Image:
    first = datasets[0]
    _check(datasets, limits)
    frames = int(first.get("NumberOfFrames") or 1)
    count = frames if len(datasets) == 1 else len(datasets)
    indices = selection.indices(count)
    places = [(first, index) if len(datasets) == 1 else (datasets[index], 0) for index in indices]
    pixels = np.stack([_slice(dataset, frame) for dataset, frame in places])
    remarks = (*dict.fromkeys(str(entry.message) for entry in caught), *_remarks(first))
    return Image(
        pixels=pixels,
        unit=_unit(first),
        source=source(datasets, remarks),
        spacing_mm=spacing_mm(first),
        modality=first.get("Modality") or None,
        view=first.get("ViewPosition") or None,
        orientation=orientation(first),
        slice_indices=indices,
        slice_count=count,
    )


def _unit(dataset: Dataset) -> Unit:
    modality = dataset.get("Modality")
    if modality == "CT" and enclosing(dataset, "RescaleIntercept", 0) is not None:
        return Unit.HOUNSFIELD
    return Unit.ARBITRARY if modality in ("MR", "CT") else Unit.UNIT_INTERVAL


def _remarks(dataset: Dataset) -> Iterator[str]:
    if dataset.get("PresentationIntentType") == "FOR PROCESSING":
        yield "Raw detector data (FOR PROCESSING), not the processed film a radiologist sees."
    if dataset.get("Modality") == "CT" and _unit(dataset) is not Unit.HOUNSFIELD:
        yield "CT without rescale: the values are not Hounsfield units."
    if dataset.get("BurnedInAnnotation") == "YES":
        yield "The file says that text is burnt into the image."


def _check(datasets: Sequence[Dataset], limits: Limits) -> None:
    first = datasets[0]
    frames = int(first.get("NumberOfFrames") or 1) if len(datasets) == 1 else len(datasets)
    rows, columns = (int(first.get(name) or 0) for name in ("Rows", "Columns"))
    if "PixelData" not in first:
        raise UnreadableImage("The DICOM file holds no image. Send the image files, not a report.")
    if min(rows, columns) < 2:
        raise UnreadableImage(f"The image has {columns} x {rows} pixels: too small to be one. Send the original.")
    if rows * columns > limits.pixels or frames > limits.frames:
        found = f"The file declares {frames} frames of {columns} x {rows} pixels"
        allowed = f"at most {limits.frames} frames of {limits.pixels / 1e6:.0f} million pixels are read"
        raise UnreadableImage(f"{found}; {allowed}. Send fewer or smaller images.", ProblemCode.TOO_LARGE)
    for name in ("SeriesInstanceUID", "Rows", "Columns"):
        if len({dataset.get(name) for dataset in datasets}) > 1:
            raise UnreadableImage(f"The files differ in {name}: they are not one series. Send each series by itself.")


def _sorted(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Return a series in the order of the scan: along the slice normal, or by InstanceNumber where that is unknown."""
    cosines, positions = orientation(datasets[0]), [dataset.get("ImagePositionPatient") for dataset in datasets]
    if cosines is None or not all(positions):
        return sorted(datasets, key=lambda dataset: int(dataset.get("InstanceNumber") or 0))
    normal = np.cross(cosines[:3], cosines[3:])
    return sorted(datasets, key=lambda dataset: float(np.dot(normal, np.asarray(dataset.ImagePositionPatient, float))))


def _slice(dataset: Dataset, frame: int) -> NDArray[np.float32]:
    """Return one frame (rows, columns) in its unit."""
    stored = _stored(dataset, frame)
    if stored.ndim == 3:
        return stored.astype(np.float32) @ _LUMA / np.float32(2 ** int(dataset.BitsStored) - 1)
    unit = _unit(dataset)
    values = _rescaled(dataset, stored, frame)
    return values if unit is not Unit.UNIT_INTERVAL else _film(dataset, stored, values)


def _stored(dataset: Dataset, frame: int) -> NDArray[Any]:
    """Return the stored values of one frame: (rows, columns), or RGB (rows, columns, 3)."""
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise _unsupported(syntax, "It is not one that radiolens reads.") from error
    if not decoder.is_available:
        raise _unsupported(syntax, f"A decoder is missing: {'; '.join(decoder.missing_dependencies)}.")
    try:
        pixels, _ = decoder.as_array(dataset, index=frame)
    except RuntimeError as error:
        raise UnreadableImage(
            f"The compressed pixels ({syntax.name}) are damaged ({error}). Export the image again from the PACS."
        ) from error
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(pixels, dataset)
        return (colours >> 8).astype(pixel_dtype(dataset)) if colours.dtype == np.uint16 else colours
    return pixels


def _unsupported(syntax: UID, why: str) -> UnreadableImage:
    return UnreadableImage(
        f"The transfer syntax {syntax.name} ({syntax}) cannot be decoded. {why} Export the image uncompressed.",
        ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX,
    )


def _rescaled(dataset: Dataset, stored: NDArray[Any], frame: int) -> NDArray[np.float32]:
    """Apply the Modality LUT or rescale, of the frame where a multi-frame file gives one."""
    if dataset.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, dataset).astype(np.float32)
    slope, intercept = (enclosing(dataset, name, frame) for name in ("RescaleSlope", "RescaleIntercept"))
    if slope is None or intercept is None:
        return stored.astype(np.float32)
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _film(dataset: Dataset, stored: NDArray[Any], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a film in 0 to 1: VOI LUT or window, then inverted once where low values are white."""
    valid = _valid(dataset, stored)
    shown = _windowed(dataset, values, valid)
    inverse = dataset.get("PresentationLUTShape") == "INVERSE" or (
        dataset.PhotometricInterpretation == "MONOCHROME1" and dataset.get("PresentationLUTShape") != "IDENTITY"
    )
    upright = np.float32(1.0) - shown if inverse else shown
    return np.where(valid, upright, np.float32(0.0)) if valid is not None else upright


def _windowed(dataset: Dataset, values: NDArray[np.float32], valid: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    if dataset.get("PresentationIntentType") == "FOR PROCESSING":
        return min_max(values, valid)  # windows belong to the processed film
    if dataset.get("VOILUTSequence"):
        item = dataset.VOILUTSequence[0]
        _, first, bits = (int(number) for number in item.LUTDescriptor)
        signed = dataset.PixelRepresentation == 1 and first >= 2**15
        return apply_lut(values, np.asarray(item.LUTData), first - 2**16 if signed else first, bits)
    centre, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None:
        return min_max(values, valid)
    return apply_window(values, centre, width, dataset.get("VOILUTFunction") or "LINEAR")


def _first(value: Any) -> float | None:  # noqa: ANN401  a DICOM value: nothing, a number or several
    values = np.atleast_1d(np.asarray(value, float)) if value not in (None, "") else np.empty(0)
    return float(values[0]) if len(values) else None


def _valid(dataset: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return where there is image and no padding (PS3.3 C.7.5.1.1.2), None without padding."""
    padding = dataset.get("PixelPaddingValue")
    if padding is None:
        return None
    other = dataset.get("PixelPaddingRangeLimit", padding)
    low, high = sorted((int(padding), int(other)))
    return ~((stored >= low) & (stored <= high))
