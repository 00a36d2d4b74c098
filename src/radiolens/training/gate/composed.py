"""Pictures that no task is for, made of genuine ones: collages, shuffled pieces, screens.

They lie near the genuine pictures and are none, which teaches more than noise does. Each function takes a random
generator and a function that gives a genuine picture; grey levels are (rows, columns), uint8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from radiolens.training.gate.drawn import DRAWN, Grey, Random

__all__ = ["COMPOSED", "Draw"]

Draw = Callable[[], Grey]

_SIDE = 256


def _square(grey: Grey, side: int = _SIDE) -> Grey:
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _collage(random: Random, genuine: Draw) -> Grey:
    """Return several pictures beside and below one another, as of a figure or a light box."""
    down, across = random.choice([(1, 2), (2, 1), (2, 2), (2, 3), (3, 3), (1, 3), (4, 4)])
    gap, shade = int(random.integers(0, 8)), int(random.choice([0, 255, 128]))
    side = 384 // max(down, across)
    whole = np.full((down * (side + gap) + gap, across * (side + gap) + gap), shade, np.uint8)
    same = genuine()
    for row in range(down):
        for column in range(across):
            top, left = gap + row * (side + gap), gap + column * (side + gap)
            picture = same if random.random() < 0.3 else genuine()
            whole[top : top + side, left : left + side] = _square(picture, side)
    return whole


def _shuffled(random: Random, genuine: Draw) -> Grey:
    """Return a picture cut into pieces in another order."""
    grid = int(random.integers(2, 6))
    side = _SIDE // grid
    picture = _square(genuine(), side * grid)
    pieces = picture.reshape(grid, side, grid, side).swapaxes(1, 2).reshape(-1, side, side)
    mixed = pieces[random.permutation(len(pieces))]
    return np.ascontiguousarray(mixed.reshape(grid, grid, side, side).swapaxes(1, 2).reshape(side * grid, -1))


def _warped(random: Random, genuine: Draw) -> Grey:
    """Return a picture bent until no organ is left of it."""
    picture = _square(genuine())
    field = random.normal(size=(2, 8, 8)).astype(np.float32)
    shift = [cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) for part in field]
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32)
    strength = random.uniform(30, 80)
    moved = cv2.remap(
        picture, x + strength * shift[0], y + strength * shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, np.uint8)


def _on_screen(random: Random, genuine: Draw) -> Grey:
    """Return a picture in the window of a program, with the program around it."""
    names = list(DRAWN)
    around = _square(DRAWN[names[random.integers(len(names))]](random), 320) if random.random() < 0.5 else None
    screen = np.full((320, 320), int(random.integers(0, 256)), np.uint8) if around is None else around
    if around is None:
        for row in range(8, 320, int(random.integers(12, 30))):
            cv2.putText(screen, f"{random.integers(0, 10**9)}", (4, row), cv2.FONT_HERSHEY_PLAIN, 0.8, 230, 1)
    height, width = (int(320 * share) for share in random.uniform(0.3, 0.65, 2))
    top, left = int(random.integers(0, 320 - height)), int(random.integers(0, 320 - width))
    screen[top : top + height, left : left + width] = cv2.resize(genuine(), (width, height))
    return screen


def _photographed(random: Random, genuine: Draw) -> Grey:
    """Return a picture as photographed from a screen or a light box: askew, small, before something else, striped."""
    picture = _square(genuine())
    names = ("screen", "gradient", "noise", "pattern", "drawing")
    behind = _square(DRAWN[names[random.integers(len(names))]](random), 320)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    size, place = random.uniform(0.35, 0.65), random.uniform(0.05, 0.3, 2)
    target = 320 * (place + size * corners + random.uniform(-0.08, 0.08, (4, 2)))
    matrix = cv2.getPerspectiveTransform(corners * _SIDE, target.astype(np.float32))
    striped = picture.astype(np.float32) * (1 + 0.12 * np.sin(np.arange(_SIDE) * random.uniform(0.3, 2.5)))
    frame = cv2.copyMakeBorder(np.clip(striped, 0, 255).astype(np.uint8), 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=20)
    warped = cv2.warpPerspective(_square(frame), matrix, (320, 320))
    covered = cv2.warpPerspective(np.ones((_SIDE, _SIDE), np.uint8), matrix, (320, 320)) > 0
    return np.where(covered, warped, behind).astype(np.uint8)


def _magnified(random: Random, genuine: Draw) -> Grey:
    """Return a small piece of a picture, as of a zoomed view."""
    picture = _square(genuine(), 320)
    side = int(320 * random.uniform(0.1, 0.25))
    top, left = random.integers(60, 260 - side // 2, 2)
    return _square(np.ascontiguousarray(picture[top : top + side, left : left + side]))


COMPOSED: Mapping[str, Callable[[Random, Draw], Grey]] = MappingProxyType(
    {
        "collage": _collage,
        "shuffled": _shuffled,
        "warped": _warped,
        "on_screen": _on_screen,
        "photographed": _photographed,
        "magnified": _magnified,
    }
)
"""The generators by what they make."""
