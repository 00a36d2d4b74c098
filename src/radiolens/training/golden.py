"""The golden pair of a bundle: generated pictures, and what the stored network answers for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import Bundle, write_bundle
from radiolens.inference.engine import Engine

__all__ = ["golden_pictures", "write_golden", "write_provisional"]


def golden_pictures(rows: int, columns: int) -> NDArray[np.uint8]:
    """Return two generated pictures (2, rows, columns): smooth shapes, and noise."""
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    smooth = np.rint(127.5 + 127.5 * np.sin(9 * x) * np.cos(7 * y)).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (rows, columns), np.uint8)
    return np.stack([smooth, noise])


def write_provisional(bundle: Bundle, folder: Path, largest_bytes: int) -> None:
    """Write a bundle whose golden pair is of no image, which any network reproduces."""
    none = np.zeros((0, bundle.preprocessing.rows, bundle.preprocessing.columns), np.uint8)
    np.savez_compressed(folder / "golden.npz", grey=none, probabilities=np.zeros((0, len(bundle.labels))))
    write_bundle(bundle, folder, largest_bytes)


def write_golden(bundle: Bundle, folder: Path, largest_bytes: int) -> None:
    """Store the generated pictures with the answers of the stored network; bundle.json must be written afterwards."""
    write_provisional(bundle, folder, largest_bytes)
    grey = golden_pictures(bundle.preprocessing.rows, bundle.preprocessing.columns)
    engine = Engine.open(folder)
    np.savez_compressed(folder / "golden.npz", grey=grey, probabilities=engine.probabilities(engine.logits(grey)))
