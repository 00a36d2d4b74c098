"""Reads one file of a manifest for the audit: hashes, a small grey picture, features. In the sandbox."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.errors import UnreadableImage
from radiolens.evaluation.controls import border_brightness_features
from radiolens.image import Image
from radiolens.imaging.limits import Limits
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.imaging.untrusted import read_untrusted

__all__ = [
    "THUMBNAIL_SIDE",
    "Embedded",
    "Embedding",
    "FileProblem",
    "ProblemKind",
    "Reading",
    "embed",
    "file_bytes",
    "read",
]

THUMBNAIL_SIDE = 128
"""Pixels: enough to tell neighbouring slices apart, and 16 kB for each image of the cache."""

_THUMBNAIL = Preprocessing(THUMBNAIL_SIDE, THUMBNAIL_SIDE)


@dataclass(frozen=True)
class Embedding:
    """How images become features: a network that someone else opened.

    `features` turns grey levels (n, rows, columns) of `preprocessing` into (n, k). `identity` names the network, so
    that features of another one are never mixed in.
    """

    name: str
    identity: str
    preprocessing: Preprocessing
    features: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class ProblemKind(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    """Its SHA-256 is not the one that the manifest states."""


@dataclass(frozen=True)
class FileProblem:
    """A file that is not what the manifest promises, with the reason in words."""

    path: str
    kind: ProblemKind
    reason: str


@dataclass(frozen=True, eq=False)
class Reading:
    """What the audit keeps of one image.

    `pixels_sha256` is that of the decoded pixels and their shape, whatever the file format. `size` is (rows, columns)
    as decoded. `thumbnail` is the middle slice as uint8 (128, 128), stretched. `borders` (12,) are the features of the
    control. `grey` (rows, columns) are the network's grey levels of that slice.
    """

    sha256: str
    pixels_sha256: str
    size: tuple[int, int]
    thumbnail: NDArray[np.uint8]
    borders: NDArray[np.float64]
    grey: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Embedded:
    """A reading with the features (k,) of its grey levels, and those of their left-right mirror image."""

    reading: Reading
    features: NDArray[np.float32]
    mirrored: NDArray[np.float32]


def file_bytes(file: Path, limits: Limits = Limits()) -> bytes:
    """Return the content of a file; raise UnreadableImage if it is no file, too large, or may not be read.

    Raises FileNotFoundError if there is none.
    """
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage("This is no file (a folder, device or pipe). Correct the path.")
        if status.st_size > limits.file_bytes:
            raise UnreadableImage(
                f"The file has {status.st_size / 1e6:.0f} MB; at most {limits.file_bytes / 1e6:.0f} MB are read."
            )
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise UnreadableImage(f"The file cannot be opened ({reason}).") from error


def read(data: bytes, preprocessing: Preprocessing) -> Reading:
    """Return what the audit keeps of an image file; raise UnreadableImage if it cannot be decoded."""
    image = read_untrusted([data])
    middle = image.pixels[len(image.pixels) // 2]
    grey = grey_levels(middle, image.unit, preprocessing)
    return Reading(
        sha256=hashlib.sha256(data).hexdigest(),
        pixels_sha256=_pixels_sha256(image),
        size=(middle.shape[0], middle.shape[1]),
        thumbnail=grey_levels(middle, image.unit, _THUMBNAIL),
        borders=border_brightness_features([grey])[0],
        grey=grey,
    )


def embed(reading: Reading, embedding: Embedding) -> Embedded:
    """Return a reading with its features."""
    features = embedding.features(np.stack([reading.grey, reading.grey[:, ::-1]]))
    return Embedded(reading, features[0], features[1])


def _pixels_sha256(image: Image) -> str:
    shape = f"{image.unit} {image.pixels.shape} {image.slice_count}".encode()
    return hashlib.sha256(shape + np.ascontiguousarray(image.pixels).tobytes()).hexdigest()
