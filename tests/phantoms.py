"""Generated images for tests: every phantom is made here."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import nibabel
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

CR, CT, MR = (UID(f"1.2.840.10008.5.1.4.1.1.{number}") for number in ("1", "2", "4"))
"""SOP classes: what kind of image a DICOM file holds."""
SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")


def chest_film(rows: int = 240, columns: int = 200, seed: int = 0) -> NDArray[np.float32]:
    """Return a film-like picture (rows, columns) in 0 to 1: a bright body with two dark lungs and some noise."""
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    body = np.exp(-(((x - 0.5) / 0.45) ** 4) - ((y - 0.55) / 0.6) ** 6)
    lungs = sum(np.exp(-(((x - centre) / 0.13) ** 2) - ((y - 0.45) / 0.25) ** 2) for centre in (0.3, 0.7))
    noise = np.random.default_rng(seed).normal(0.0, 0.02, (rows, columns))
    return np.clip(0.9 * body - 0.6 * lungs + noise, 0.0, 1.0).astype(np.float32)


def head_slice(rows: int = 96, columns: int = 80, height: float = 0.0, seed: int = 0) -> NDArray[np.int16]:
    """Return a CT-like slice (rows, columns) of a head in Hounsfield units; it is smaller off `height` 0 (-1 to 1)."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    distance = np.hypot(x / 0.75, y / 0.9) / np.sqrt(max(1 - height**2, 0.05))
    tissue = np.select([distance < 0.2, distance < 0.85, distance < 0.95], [5, 35, 900], -1000)
    noise = np.random.default_rng(seed).normal(0, 4, (rows, columns))
    return np.rint(tissue + noise).astype(np.int16)


def head_picture() -> NDArray[np.float32]:
    """Return a slice (rows, columns) of a head as a picture in a brain window, from 0 to 1."""
    return np.clip((head_slice() + np.float32(30)) / np.float32(140), 0, 1).astype(np.float32)


def picture() -> bytes:
    """Return a PNG file."""
    stream = io.BytesIO()
    PIL.Image.fromarray(head_slice().astype("uint8")).save(stream, "PNG")
    return stream.getvalue()


def without_preamble(content: bytes) -> bytes:
    """Return a DICOM file from its first element behind preamble and file meta information on."""
    return content[content.index(b"\x08\x00\x16\x00UI") :]


def bright_lesion(
    rows: int, columns: int, centre: tuple[float, float], radius: float, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a dark picture (rows, columns) with one bright disc around `centre` (row, column), and its mask of 0, 255.

    Black and white occur in every picture, so that a stretch to the full range changes nothing.
    """
    y, x = np.mgrid[0:rows, 0:columns]
    inside = np.hypot(y - centre[0], x - centre[1]) <= radius
    grey = np.random.default_rng(seed).integers(0, 60, (rows, columns))
    grey[inside] = 255
    grey[0, 0] = 0
    return grey.astype(np.uint8), np.where(inside, 255, 0).astype(np.uint8)


def dicom_dataset(pixels: NDArray[Any], **elements: Any) -> Dataset:  # noqa: ANN401  any value of any element
    """Return a data set of `pixels`: (rows, columns), with a last axis of 3 in colour, or with a first of frames.

    It is a radiograph (CR) unless `elements`, by keyword, say otherwise; they may change or (None) remove any element.
    """
    colour, framed = pixels.shape[-1] == 3, pixels.ndim - (pixels.shape[-1] == 3) == 3
    dataset = Dataset()
    dataset.preamble, dataset.file_meta = bytes(128), FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = CR, "1.2.826.0.1.3680043.8.498.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.2", "1.2.826.0.1.3680043.8.498.3"
    dataset.Modality = "CR"
    dataset.Rows, dataset.Columns = pixels.shape[framed : framed + 2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        dataset.PlanarConfiguration = 0
    if framed:
        dataset.NumberOfFrames = len(pixels)
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.add_new("PixelData", "OW" if bits > 8 else "OB", pixels.tobytes() + bytes(pixels.nbytes % 2))
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
        if value is None:
            delattr(dataset, keyword)
    return dataset


def dicom_bytes(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Return a data set as a file; in big endian, pixels that lie in little endian order are swapped."""
    if syntax == ExplicitVRBigEndian and dataset.BitsAllocated > 8:
        dataset.PixelData = np.frombuffer(dataset.PixelData, f"<u{dataset.BitsAllocated // 8}").byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    dataset.save_as(stream, little_endian=little, implicit_vr=implicit, enforce_file_format=True)
    return stream.getvalue()


def dicom(
    pixels: NDArray[Any],
    syntax: UID = ExplicitVRLittleEndian,
    frames: Sequence[bytes] = (),
    **elements: Any,  # noqa: ANN401  any value of any element
) -> bytes:
    """Return a DICOM file of `pixels` as `dicom_dataset` describes it; `frames` are its encoded pixels, if any."""
    dataset = dicom_dataset(pixels, **elements)
    if frames:
        dataset.add_new("PixelData", "OB", encapsulate(list(frames)))
        dataset["PixelData"].is_undefined_length = True
    return dicom_bytes(dataset, syntax)


def nifti(voxels: NDArray[Any], affine: NDArray[np.float64], version: int = 1) -> bytes:
    """Return a NIfTI file of `voxels` (three axes, then volumes); `affine` places them in the patient (RAS, mm)."""
    kind = nibabel.Nifti2Image if version == 2 else nibabel.Nifti1Image
    return kind(voxels, affine).to_bytes()
