"""Whether a picture shows more than the film: a photograph of a screen or a light box, and the room around it.

The network sees such a film small and narrow in a dark room, and takes many without tuberculosis for ill. Even black
around a film, as a viewer or a mask leaves it, is none of that: it is in the training data and does no harm. The limits
lie between the films of all collections and generated photographs; `benchmarks/photographed.py` prints both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from radiolens.image import Unit
from radiolens.quality import Problem, ProblemCode

__all__ = ["check_surroundings", "margin_around"]

_TRIMMED_SIDE, _MEASURED_SIDE = 512, 128  # pixels of the shorter side, or up to twice as many
_EVEN, _BLACK = 8 / 255, 40 / 255  # the range and the brightest value of a line that is nothing but frame
_LEAST_LEFT = 8  # lines
_DARK, _BRIGHT = 0.4, 0.6  # up to, and from: of the range between the darkest and the brightest hundredth
_MOST_OF_LINE = 0.9
_REFUSED_FROM = 0.04  # of each side; of the 8,715 films for training and validation one has as much
_ALONE = "Cut away what lies around the film, or send the film itself as DICOM."

_Pixels = NDArray[np.float32]


def check_surroundings(pixels: _Pixels, unit: Unit) -> Iterator[Problem]:
    """Yield `unlike_training_data` for a film (rows, columns) with a dark or bright room on all its four sides."""
    if unit is Unit.UNIT_INTERVAL and (margin := margin_around(pixels)) >= _REFUSED_FROM:
        found = (
            f"What lies around the film takes {margin:.0%} or more of each side, as in a photograph of a screen or of "
            "a light box."
        )
        yield Problem.found(ProblemCode.UNLIKE_TRAINING_DATA, found, _ALONE)


def margin_around(pixels: _Pixels) -> float:
    """Return the least of the margins at the four sides of a picture (rows, columns), as a share of that side.

    Lines of which nine tenths are dark are a margin, and those of which nine tenths are bright; all four sides have to
    have one of the same kind. Even black lines around the picture are cut away first.
    """
    step = max(1, min(pixels.shape) // _TRIMMED_SIDE)
    seen = _block_means(_without_frame(pixels[::step, ::step]))
    low, high = np.quantile(seen, (0.01, 0.99))
    if low == high:
        return 0.0
    dark, bright = seen <= low + _DARK * (high - low), seen >= low + _BRIGHT * (high - low)
    return max(_least_margin(dark), _least_margin(bright))


def _least_margin(room: NDArray[np.bool_]) -> float:
    sides = (room, room[::-1], room.T, room.T[::-1])
    return min(_run(lines.mean(axis=1) >= _MOST_OF_LINE) / len(lines) for lines in sides)


def _run(lines: NDArray[np.bool_]) -> int:
    """Return how many lines are true before the first that is not; 0 if all are."""
    return 0 if lines.all() else int(np.argmin(lines))


def _without_frame(pixels: _Pixels) -> _Pixels:
    """Return a picture without the even black lines around it, but for the last few."""
    before = None
    while pixels.shape != before:
        before = pixels.shape
        for _ in range(4):
            most = max(0, len(pixels) - _LEAST_LEFT)
            pixels = np.rot90(pixels[next((place for place in range(most) if not _is_frame(pixels[place])), most) :])
    return np.ascontiguousarray(pixels)


def _is_frame(line: _Pixels) -> bool:
    brightest = line.max()
    return bool(brightest < _BLACK and brightest - line.min() <= _EVEN)


def _block_means(pixels: _Pixels) -> NDArray[np.float64]:
    step = max(1, min(pixels.shape) // _MEASURED_SIDE)
    rows, columns = (side // step for side in pixels.shape)
    blocks = pixels[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return np.asarray(blocks.mean(axis=3).mean(axis=1), np.float64)
