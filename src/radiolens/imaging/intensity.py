"""Windows and look-up tables of DICOM, as pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "apply_lut", "apply_window", "min_max"]

Floats = NDArray[np.float32]


def apply_window(values: Floats, centre: float, width: float, function: str = "LINEAR") -> Floats:
    """Return values in 0 to 1 by a VOI window (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    `function` is LINEAR (width at least 1), LINEAR_EXACT or SIGMOID (width above 0). Raises ValueError if centre or
    width is no number, the width too small, or the function unknown.
    """
    least = 1.0 if function == "LINEAR" else np.finfo(np.float32).tiny
    if not (np.isfinite(centre) and np.isfinite(width) and width >= least):
        raise ValueError(f"a window of centre {centre} and width {width}")
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - centre) / width, -80.0, 80.0)  # exp stays finite in float32
        return np.asarray(1.0 / (1.0 + np.exp(exponent)), np.float32)
    if function == "LINEAR_EXACT":
        return np.asarray(np.clip((values - centre) / width + 0.5, 0.0, 1.0), np.float32)
    if function == "LINEAR":
        step = (values > centre - 0.5).astype(np.float32)  # a width of 1 is a step
        ramp = step if width == 1 else (values - (centre - 0.5)) / (width - 1) + 0.5
        return np.asarray(np.clip(ramp, 0.0, 1.0), np.float32)
    raise ValueError(f"a window function {function!r}")


def apply_lut(values: Floats, table: NDArray[np.integer], first_value: int, bits: int) -> Floats:
    """Return values in 0 to 1 by a VOI LUT (PS3.3 C.11.2.1.1): beyond its ends its first and last entry hold."""
    positions = np.clip(np.rint(values).astype(np.int64) - first_value, 0, len(table) - 1)
    return np.asarray(table[positions] / np.float32(2**bits - 1), np.float32)


def min_max(values: Floats, valid: NDArray[np.bool_] | None = None) -> Floats:
    """Return values stretched to 0 to 1 between the least and the greatest valid one; a constant becomes 0."""
    inside = values[valid] if valid is not None and valid.any() else values
    low, high = float(inside.min()), float(inside.max())
    if high <= low:
        return np.zeros_like(values)
    return np.asarray(np.clip((values - low) / np.float32(high - low), 0.0, 1.0), np.float32)
