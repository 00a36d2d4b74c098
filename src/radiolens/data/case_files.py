"""The files of a manifest's cases, read and checked: trusted ones, since their owner trains and measures on them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.image import Image
from radiolens.imaging.read import decode

__all__ = ["case_file", "check_content", "decoded"]


def case_file(manifest: Manifest, case: Case) -> tuple[str, bytes]:
    """Return the SHA-256 and the content of a case's file; raise DatasetError if it is missing or another one."""
    path = manifest.path(case)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: {error} Correct the manifest, or leave the case out.") from error
    return check_content(path, data, case.sha256), data


def check_content(path: Path, data: bytes, expected: str) -> str:
    """Return the SHA-256 of a file's content; raise DatasetError if a manifest expects another one, "" for none."""
    sha256 = hashlib.sha256(data).hexdigest()
    if expected not in ("", sha256):
        raise DatasetError(
            f"{path}: the manifest expects SHA-256 {expected}, found {sha256}. "
            "Restore the image, or make the manifest anew."
        )
    return sha256


def decoded(path: Path, data: bytes) -> Image:
    """Return the image in the content of a file; raise DatasetError, which names the file, if it is none."""
    try:
        return decode([data])
    except UnreadableImage as error:
        raise DatasetError(f"{path}: {error} Correct the manifest, or leave the case out.") from error
