"""Masks of lesions, brought to the frame that the network sees: what maps are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.image import Image, Unit
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.imaging.read import decode
from radiolens.task import Task

__all__ = ["in_frame", "present_label", "read_grey_and_mask", "read_mask"]

_HALF = 128
"""Of the mask's 256 levels: a pixel of the network's frame is inside if the mask covers half of it or more."""


def present_label(task: Task, labels: Sequence[str], case: Case) -> str | None:
    """Return the one abnormal label that is known to hold for a case, of those the bundle answers; None if none is.

    A case of several is left out, since it is not said which of them a mask shows.
    """
    found = case.possible if task.exclusive else {name for name, value in case.labels.items() if value}
    normal = {label.name for label in task.labels if label.normal}
    name = next(iter(found)) if len(found) == 1 else None
    return name if name in labels and name not in normal else None


def read_grey_and_mask(
    manifest: Manifest, case: Case, preprocessing: Preprocessing
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    """Return grey levels and mask (rows, columns) of a case's middle slice in the network's frame; None without a mask.

    Raises DatasetError if a file cannot be read, or the mask has another size than the image.
    """
    image = _image(manifest.path(case))
    pixels = image.pixels[len(image.pixels) // 2]
    grey = grey_levels(pixels, image.unit, preprocessing)
    return grey, _mask(manifest, case, preprocessing, pixels.shape) if case.mask else None


def read_mask(manifest: Manifest, case: Case, preprocessing: Preprocessing) -> NDArray[np.bool_]:
    """Return a case's mask (rows, columns) in the network's frame.

    Raises DatasetError as `read_grey_and_mask` does; the image is read for its size.
    """
    return _mask(manifest, case, preprocessing, _image(manifest.path(case)).pixels.shape[1:])


def _mask(manifest: Manifest, case: Case, preprocessing: Preprocessing, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    file = manifest.file.parent / case.mask
    image = _image(file)
    pixels = image.pixels[len(image.pixels) // 2]
    if pixels.shape != shape:
        raise DatasetError(
            f"{file}: the mask has {pixels.shape[0]} x {pixels.shape[1]} pixels, its image {shape[0]} x {shape[1]}. "
            "Make the mask anew, or leave the column `mask` of the case empty."
        )
    return in_frame(pixels > 0, preprocessing)


def in_frame(mask: NDArray[np.bool_], preprocessing: Preprocessing) -> NDArray[np.bool_]:
    """Return a mask (rows, columns) of an image in the network's frame, moved and resized as grey levels are.

    What padding adds is outside. A lesion is never lost by shrinking: the half that counts is that of the fullest
    pixel.
    """
    plain = replace(preprocessing, percentiles=(0.0, 100.0))
    levels = grey_levels(mask.astype(np.float32), Unit.UNIT_INTERVAL, plain)
    return np.asarray(levels >= _HALF, bool)


def _image(file: Path) -> Image:
    try:
        return decode([file.read_bytes()])
    except (OSError, UnreadableImage) as error:
        raise DatasetError(f"{file}: {error} Correct the manifest, or leave the case out.") from error
