"""Occlusion maps: what a network loses when it does not see a place; for networks whose features cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_GRID", "Score", "network_runs", "occlusion_maps"]

Score = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""From grey levels (n, rows, columns) to logits or log-odds (n, labels), whatever channels the network has."""

LARGEST_GRID = 14
"""Places along a side: 197 runs of the network in all, about two seconds of one with 0.4 GFLOP. Finer maps show no
more, since the patch is larger than a place."""

_BATCH = 8
"""Pictures given to `score` at once: few, so that a large picture takes little memory."""

_BLUR_PATCHES = 2
"""The blur is that many patches wide: what a patch hides is averaged with as much of its surroundings."""


def occlusion_maps(
    grey: NDArray[np.uint8], score: Score, patch_share: float = 0.2, stride_share: float = 0.1
) -> NDArray[np.float32]:
    """Return how far each label's score falls when a place is hidden, negative values cut to 0: float32 (labels, h, w).

    `grey` is one picture (rows, columns). Each of h x w places is hidden in turn, by a window around its centre whose
    sides are `patch_share` (above 0, to 1) of the picture's and which is cut at its edges; h = w = 1 / `stride_share`,
    rounded, at most LARGEST_GRID. A window shows the blurred picture, which has neither the detail nor edges of its
    own. A place whose hiding raises the score counts as 0, as in activation maps. Costs `network_runs(stride_share)`.
    Nothing is random.

    Zeiler & Fergus 2014 (arXiv:1311.2901), section 4.2, with a grey square in the place of the blur. Raises ValueError
    for shares out of range, a picture of other dimensions, or a score that is not finite.
    """
    if grey.ndim != 2 or not grey.size:
        raise ValueError(f"one picture (rows, columns) is wanted, found the shape {grey.shape}")
    if not 0 < patch_share <= 1:
        raise ValueError(f"patch_share must be above 0 and at most 1, found {patch_share}")
    places = _places(stride_share)
    whole = _finite(score(grey[np.newaxis]))[0]
    hidden = list(_hidden(grey, places, patch_share))
    parts = [_finite(score(np.stack(hidden[start : start + _BATCH]))) for start in range(0, len(hidden), _BATCH)]
    drops = np.maximum(whole - np.concatenate(parts), 0.0)
    maps: NDArray[np.float32] = drops.T.reshape(-1, places, places).astype(np.float32)
    return maps


def network_runs(stride_share: float = 0.1) -> int:
    """Return how many pictures `occlusion_maps` gives to the network."""
    return _places(stride_share) ** 2 + 1


def _places(stride_share: float) -> int:
    if not 0 < stride_share <= 1:
        raise ValueError(f"stride_share must be above 0 and at most 1, found {stride_share}")
    return int(min(round(1 / stride_share), LARGEST_GRID))


def _hidden(grey: NDArray[np.uint8], places: int, patch_share: float) -> Iterator[NDArray[np.uint8]]:
    """Yield the picture with one place hidden after the other, row by row."""
    rows, columns = grey.shape
    blurred = _blurred(grey, (_BLUR_PATCHES * patch_share * rows, _BLUR_PATCHES * patch_share * columns))
    for row in range(places):
        for column in range(places):
            window = _window(row, places, rows, patch_share), _window(column, places, columns, patch_share)
            picture = grey.copy()
            picture[window] = blurred[window]
            yield picture


def _window(place: int, places: int, length: int, patch_share: float) -> slice:
    """Return the pixels of one side that are hidden around the centre of a place: at least one."""
    centre, reach = (place + 0.5) / places * length, max(patch_share * length, 1.0) / 2
    start = min(max(round(centre - reach), 0), length - 1)
    return slice(start, max(min(round(centre + reach), length), start + 1))


def _blurred(grey: NDArray[np.uint8], box: tuple[float, float]) -> NDArray[np.uint8]:
    """Return the mean of the box (rows, columns) around each pixel, of what lies inside the picture."""
    sums = np.pad(grey.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    (top, bottom), (left, right) = (_reach(length, side) for length, side in zip(grey.shape, box, strict=True))
    inside = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    blurred: NDArray[np.uint8] = np.rint(inside / np.outer(bottom - top, right - left)).astype(np.uint8)
    return blurred


def _reach(length: int, side: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return first and last pixel but one of the box around each of `length` pixels."""
    half = max(int(side / 2), 1)
    pixels = np.arange(length)
    return np.maximum(pixels - half, 0), np.minimum(pixels + half + 1, length)


def _finite(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    found = np.asarray(scores, np.float64)
    if not np.isfinite(found).all():
        raise ValueError("the network's score is not finite, so no place can be told from another")
    return found
