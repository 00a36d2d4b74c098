"""How much two small pictures are the same picture, once one is laid over the other."""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Flip", "flipped", "similarity"]

_HALF = 64
"""Pixels of the first, coarse alignment: a crop of 5 % moves the border by two of them, which the search bridges."""

_BLURRED_AWAY = 0.90
"""Correlation after the coarse alignment under which two pictures are not the same. Of 1,500 copies (see
benchmarks/audit_duplicates.py) none fell under 0.97; pictures of other patients mostly do."""

_ALIGNMENT_DETAIL = 4.0  # pixels: detail finer than a gyrus or a rib, so that the fit is to anatomy, not to exposure
_DETAIL = 1.5  # pixels: what JPEG at quality 60 and resizing leave, and where neighbouring slices differ
_MARGIN = 3  # pixels at the border of the overlap, where interpolation and blur mix in what is not there
_LEAST_OVERLAP = 0.5  # share of the picture: a smaller part in common is not a slightly cropped copy
_LARGEST_CHANGE = 0.25  # of scale or shear; a crop to 80 % is still covered


class Flip(StrEnum):
    """How a copy was turned over."""

    NONE = "none"
    LEFT_RIGHT = "left-right"
    UP_DOWN = "up-down"
    HALF_TURN = "half-turn"


def flipped(picture: NDArray[np.uint8], flip: Flip) -> NDArray[np.uint8]:
    """Return a picture (..., rows, columns) turned over; each flip is its own inverse."""
    rows = slice(None, None, -1 if flip in (Flip.UP_DOWN, Flip.HALF_TURN) else 1)
    columns = slice(None, None, -1 if flip in (Flip.LEFT_RIGHT, Flip.HALF_TURN) else 1)
    return np.ascontiguousarray(picture[..., rows, columns])


def similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the correlation, -1 to 1, of the fine detail of two grey pictures (128, 128) where they overlap.

    The second is laid over the first by an affine map that maximises the enhanced correlation coefficient (Evangelidis
    & Psarakis 2008, doi:10.1109/TPAMI.2008.113), coarse and then fine. Fine detail, because whole pictures of the same
    organ correlate beyond 0.95 whoever they are of. Brightness, contrast and slight crops do not change it. 0 where no
    alignment is found.
    """
    a, b = first.astype(np.float32), second.astype(np.float32)
    coarse = _aligned(_half(a), _half(b), np.eye(2, 3, dtype=np.float32), iterations=40, blur=5)
    if coarse is None or coarse[0] < _BLURRED_AWAY:
        return 0.0
    fine = _aligned(_detail(a, _ALIGNMENT_DETAIL), _detail(b, _ALIGNMENT_DETAIL), _doubled(coarse[1]), 25, blur=3)
    return 0.0 if fine is None else _correlation(a, b, fine[1])


def _aligned(
    first: NDArray[np.float32], second: NDArray[np.float32], start: NDArray[np.float32], iterations: int, blur: int
) -> tuple[float, NDArray[np.float32]] | None:
    """Return the correlation and the map (2, 3) from pixels of the first to the second; None if there is none."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-5)
    everywhere = np.ones(second.shape, np.uint8)
    try:
        found, warp = cv2.findTransformECC(first, second, start.copy(), cv2.MOTION_AFFINE, criteria, everywhere, blur)
    except cv2.error:  # it does not converge, or a picture is flat
        return None
    if not np.isfinite(warp).all() or np.abs(warp[:, :2] - np.eye(2)).max() > _LARGEST_CHANGE:
        return None
    return float(found), np.asarray(warp, np.float32)


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32], warp: NDArray[np.float32]) -> float:
    size = first.shape[1], first.shape[0]
    laid_over = cv2.warpAffine(second, warp, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    covered = cv2.warpAffine(
        np.ones(second.shape, np.uint8), warp, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    inner = cv2.erode(covered, np.ones((2 * _MARGIN + 1,) * 2), borderValue=0) > 0
    if inner.mean() < _LEAST_OVERLAP:
        return 0.0
    a, b = _detail(first, _DETAIL)[inner], _detail(np.asarray(laid_over, np.float32), _DETAIL)[inner]
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm > 0 else 0.0


def _half(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (_HALF, _HALF), interpolation=cv2.INTER_AREA), np.float32)


def _detail(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return picture - np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _doubled(warp: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a map of half-size pixels for full-size ones: centres lie at 2 x + 0.5."""
    doubled = warp.copy()
    doubled[:, 2] = 2 * warp[:, 2] + 0.5 - 0.5 * warp[:, :2].sum(axis=1)
    return doubled
