"""The heat maps of an answer as bytes for the working store: the very arrays that the engine gave."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

from radiolens.errors import StoreUnavailable
from radiolens.prediction import Explanation

__all__ = ["maps_from_bytes", "maps_to_bytes"]

_TOLD = "told"
_MAP = "map:"


def maps_to_bytes(explanation: Explanation) -> bytes:
    """Return an explanation as an npz file."""
    told = {
        "method": explanation.method,
        "extent": explanation.extent,
        "slice_index": explanation.slice_index,
    }
    stream = io.BytesIO()
    maps = {f"{_MAP}{label}": values for label, values in explanation.maps.items()}
    np.savez(stream, allow_pickle=False, **{_TOLD: np.array(json.dumps(told)), **maps})
    return stream.getvalue()


def maps_from_bytes(content: bytes) -> Explanation:
    """Return the explanation in an npz file; raise StoreUnavailable if there is none in it."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            told = json.loads(str(stored[_TOLD]))
            maps = {name.removeprefix(_MAP): stored[name] for name in stored.files if name.startswith(_MAP)}
        top, left, bottom, right = told["extent"]
        return Explanation(told["method"], maps, (top, left, bottom, right), told["slice_index"])
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, KeyError) as error:
        raise StoreUnavailable("The heat maps of an image are damaged. Check the disk.") from error
