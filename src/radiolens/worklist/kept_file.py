"""A kept image as bytes for the working store: an npz file with its pixels and, as JSON, what is known of it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from radiolens.errors import StoreUnavailable
from radiolens.image import Image, Source, Unit

__all__ = ["header_of", "kept_from_bytes", "kept_to_bytes"]

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


def kept_from_bytes(content: bytes) -> Image:
    """Return the image in an npz file; raise StoreUnavailable if there is none in it."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return _image(stored[_PIXELS], json.loads(str(stored[_HEADER])))
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise StoreUnavailable("A kept image is damaged. Erase it, and check the disk.") from error


def _image(pixels: np.ndarray, told: Mapping[str, Any]) -> Image:
    source = dict(told["source"])
    source["size"] = tuple(source["size"])
    spacing, orientation = told["spacing_mm"], told["orientation"]
    return Image(
        pixels=pixels,
        unit=Unit(told["unit"]),
        source=Source(**source),
        spacing_mm=tuple(spacing) if spacing else None,
        modality=told["modality"],
        view=told["view"],
        orientation=tuple(orientation) if orientation else None,
        slice_indices=tuple(told["slice_indices"]),
        slice_count=told["slice_count"],
    )
