"""Public data sets in the layouts they come in, one file per set, each giving a manifest with fixed splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from radiolens.data.manifest import Manifest
from radiolens.data.sources import brain_ct, brain_mri, chest_xray

__all__ = ["LAYOUTS"]

LAYOUTS: Mapping[str, Callable[[Path], Manifest]] = {
    "chest-xray": chest_xray.load,
    "brain-mri": brain_mri.load,
    "brain-ct": brain_ct.load,
}
"""Loaders by task: each turns the folder of a collection into a manifest."""
