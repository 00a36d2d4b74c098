"""NIfTI volumes (.nii and .nii.gz)."""

from __future__ import annotations

import gzip
import io
import zlib

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source, Unit
from radiolens.imaging.limits import Limits
from radiolens.imaging.selection import SliceSelection
from radiolens.quality import ProblemCode

__all__ = ["inflate_gzip", "read_nifti"]

_DAMAGE = (ImageFileError, HeaderDataError, ValueError, OSError, EOFError, KeyError, OverflowError, TypeError)


def read_nifti(data: bytes, selection: SliceSelection, limits: Limits) -> Image:
    """Return the selected axial slices, foot to head, the patient's right on the left and the front at the top.

    The unit is arbitrary even for CT, since the format does not say the modality. Of four dimensions the first
    volume is read. Raises UnreadableImage.
    """
    try:
        return _read(inflate_gzip(data, limits), selection, limits)
    except _DAMAGE as error:
        raise UnreadableImage(f"The NIfTI file is damaged or incomplete ({error}). Convert it again.") from error


def inflate_gzip(data: bytes, limits: Limits) -> bytes:
    """Return gzipped data inflated within the limit, other data as it is."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            inflated = stream.read(limits.inflated_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableImage(f"The compressed file is damaged ({error}). Compress it again.") from error
    if len(inflated) > limits.inflated_bytes:
        limit = f"{limits.inflated_bytes / 1e6:.0f} MB"
        raise UnreadableImage(f"The compressed file becomes larger than {limit}. Send less.", ProblemCode.TOO_LARGE)
    return inflated


def _read(data: bytes, selection: SliceSelection, limits: Limits) -> Image:
    volume = nibabel.Nifti1Image.from_bytes(data)
    shape = volume.shape
    if len(shape) not in (3, 4) or min(shape[:2]) < 2 or min(shape) < 1:
        raise UnreadableImage(f"The NIfTI file has the shape {shape}; expected a volume of slices.")
    if int(np.prod(shape, dtype=object)) * 4 > limits.address_space_bytes // 4 or shape[2] > limits.frames:
        raise UnreadableImage(f"The volume of {shape} voxels is too large. Send fewer slices.", ProblemCode.TOO_LARGE)
    first = volume.slicer[..., 0] if len(shape) == 4 else volume
    canonical = nibabel.as_closest_canonical(first)  # type: ignore[no-untyped-call]  # nibabel types only a part
    indices = selection.indices(canonical.shape[2])
    voxels = np.asanyarray(canonical.dataobj, np.float32)[..., list(indices)]
    pixels = np.ascontiguousarray(voxels[::-1, ::-1].transpose(2, 1, 0))
    sides = canonical.header.get_zooms()
    remarks = ("Four dimensions: the first volume was read.",) if len(shape) == 4 else ()
    return Image(
        pixels=pixels,
        unit=Unit.ARBITRARY,
        source=Source("nifti", size=(pixels.shape[1], pixels.shape[2]), warnings=remarks),
        spacing_mm=(float(sides[1]), float(sides[0])),
        slice_indices=indices,
        slice_count=int(canonical.shape[2]),
    )
