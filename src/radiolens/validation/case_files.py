"""The files of a manifest's cases, read and checked: trusted ones, since their owner measures on them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.image import Image
from radiolens.imaging.read import decode

__all__ = ["case_file", "decoded"]


def case_file(manifest: Manifest, case: Case) -> tuple[str, bytes]:
    """Return the SHA-256 and the content of a case's file; raise DatasetError if it is missing or another one."""
    path = manifest.path(case)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: {error} Correct the manifest, or leave the case out.") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if case.sha256 not in ("", sha256):
        raise DatasetError(
            f"{path}: the manifest expects SHA-256 {case.sha256}, found {sha256}. "
            "Restore the image, or make the manifest anew."
        )
    return sha256, data


def decoded(path: Path, data: bytes) -> Image:
    """Return the image in the content of a file; raise DatasetError, which names the file, if it is none."""
    try:
        return decode([data])
    except UnreadableImage as error:
        raise DatasetError(f"{path}: {error} Correct the manifest, or leave the case out.") from error
