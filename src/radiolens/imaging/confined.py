"""What the sandbox's children run: the readers, from bytes to what may leave the child.

Only the fork server imports it, so that the parent never loads a parser for untrusted bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from radiolens.errors import UnreadableImage
from radiolens.image import Image
from radiolens.imaging.dicom_file import parse
from radiolens.imaging.dicom_header import text
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import SliceSelection
from radiolens.imaging.wire import Payload

__all__ = ["decode_image", "read_series_uid"]


def decode_image(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Decode one input and return its pixels and the allow-list of its header."""
    image = decode(files, SliceSelection(**arguments["selection"]), Limits(**arguments["limits"]))
    if not all(np.isfinite(plane).all() for plane in image.pixels):  # plane by plane, to save the memory of a mask
        raise UnreadableImage("The image holds values that are no numbers. Export it again from its source.")
    return Payload(_facts(image), (image.pixels,))


def _facts(image: Image) -> Mapping[str, Any]:
    """Return all but the pixels; what is not JSON, or no number, fails in the child."""
    return {
        "unit": image.unit.value,
        "source": asdict(image.source),
        "spacing_mm": image.spacing_mm,
        "modality": image.modality,
        "view": image.view,
        "orientation": image.orientation,
        "slice_indices": image.slice_indices,
        "slice_count": image.slice_count,
    }


def read_series_uid(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Return the SeriesInstanceUID of one DICOM file (None if it has none); `arguments` may bound it by "limits"."""
    header = parse(files[0], Limits(**arguments.get("limits", {}))).header
    return Payload({"series_instance_uid": text(header, "SeriesInstanceUID")})
