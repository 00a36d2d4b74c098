"""Windows, look-up tables and grey values as pure functions; none of them changes its arguments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "apply_lut", "apply_window", "least_width", "saturation", "stretch"]

Floats = NDArray[np.float32]

_LEAST_WIDTH = 1e-12  # 4 / width, the slope of a sigmoid, is finite in float32
_LARGEST_EXPONENT = np.float32(80)  # exp(80) is finite in float32, and 1 / (1 + exp(80)) is 0 for any film


def least_width(function: str) -> float:
    """Return the least width of a window: the standard's 1 for LINEAR, else (above 0) what float32 calculates with."""
    return 1.0 if function == "LINEAR" else _LEAST_WIDTH


def apply_window(values: Floats, centre: float, width: float, function: str = "LINEAR") -> Floats:
    """Return values in 0 to 1 by a VOI window.

    `function` is LINEAR (PS3.3 C.11.2.1.2.1, width at least 1), SIGMOID (C.11.2.1.3.1) or LINEAR_EXACT
    (C.11.2.1.3.2), both of a width above 0. Raises ValueError if centre or width is no number, the width too small, or
    the function unknown.
    """
    if not (np.isfinite(centre) and np.isfinite(width) and width >= least_width(function)):
        raise ValueError(f"a window of centre {centre} and width {width}")
    if function == "SIGMOID":
        exponent = np.clip(
            (values - np.float32(centre)) * np.float32(-4 / width), -_LARGEST_EXPONENT, _LARGEST_EXPONENT
        )
        return np.asarray(1 / (1 + np.exp(exponent)), np.float32)
    if function == "LINEAR_EXACT":
        return _ramp(values, centre - width / 2, centre + width / 2)
    if function == "LINEAR":
        return _ramp(values, centre - width / 2, centre + width / 2 - 1)
    raise ValueError(f"a window function {function!r}")


def _ramp(values: Floats, low: float, high: float) -> Floats:
    """Return 0 up to `low`, 1 above `high` and a straight line between them; without a between, a step."""
    if high <= low:
        return (values > low).astype(np.float32)
    return np.asarray(np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1), np.float32)


def apply_lut(values: Floats, table: NDArray[np.float32], first_value: int) -> Floats:
    """Return the entries of a table whose first one belongs to `first_value`.

    Beyond its ends its first and its last entry hold (PS3.3 C.11.1.1.1 and C.11.2.1.1).
    """
    positions = np.clip(np.rint(values) - first_value, 0, len(table) - 1).astype(np.int32)
    return np.asarray(table[positions], np.float32)


def stretch(values: Floats, low: float, high: float) -> Floats:
    """Return values in 0 to 1, linear from `low` to `high`; where these are equal, all are 0."""
    if high - low > np.finfo(np.float32).max:  # the difference of two float32 values may not be one
        values, low, high = values * np.float32(0.5), low / 2, high / 2
    return _ramp(values, low, high) if high > low else np.zeros_like(values)


def saturation(colours: NDArray[np.uint8]) -> float:
    """Return how colourful 8-bit RGB pixels (..., 3) are: the mean of (largest - least) / 255, from 0 to 1."""
    spread = colours.max(axis=-1).astype(np.float32) - colours.min(axis=-1)
    return float(spread.mean() / 255)
