"""A kept image as bytes for the working store: an npz file with its pixels and, as JSON, what is known of it."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from radiolens.image import Image

__all__ = ["header_of", "kept_to_bytes"]

_PIXELS, _HEADER = "pixels", "header"


def header_of(image: Image) -> dict[str, Any]:
    """Return all of an image but its pixels as a JSON object, without facts that are not told."""
    told = {name: value for name, value in asdict(image.source).items() if value not in (None, (), "")}
    return {
        "unit": image.unit.value,
        "spacing_mm": image.spacing_mm,
        "modality": image.modality,
        "view": image.view,
        "orientation": image.orientation,
        "slice_indices": image.slice_indices,
        "slice_count": image.slice_count,
        "source": told,
    }


def kept_to_bytes(image: Image) -> bytes:
    """Return an image as a compressed npz file: `pixels` (float32; slices, rows, columns) and `header` (JSON)."""
    stream = io.BytesIO()
    np.savez_compressed(
        stream, allow_pickle=False, **{_PIXELS: image.pixels, _HEADER: np.array(json.dumps(header_of(image)))}
    )
    return stream.getvalue()
