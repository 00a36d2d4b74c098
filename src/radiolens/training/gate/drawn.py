"""Drawn pictures that no task is for: pages, tables, charts, screens, ECGs, drawings, ultrasound, limbs, torsos, noise.

Each function takes a random generator and returns grey levels (rows, columns), uint8. They are rough: the network is to
learn that there are many pictures that are neither film nor slice, not what an ECG looks like.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["DRAWN", "Grey", "Random"]

Grey = NDArray[np.uint8]
Random = np.random.Generator

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
_LETTERS = np.array(list(string.ascii_letters + string.digits + "....,,:;-%/()"))


def _canvas(random: Random, level: int) -> Grey:
    rows, columns = random.integers(160, 320, 2)
    return np.full((rows, columns), level, np.uint8)


def _levels(picture: NDArray[np.floating]) -> Grey:
    """Return grey levels of a picture whose white is 1; what lies outside of 0 to 1 is clipped."""
    return np.asarray(np.rint(np.clip(picture, 0, 1) * 255), np.uint8)


def _shades(random: Random) -> tuple[int, int]:
    """Return paper and ink: dark on light in three of four."""
    light, dark = int(random.integers(190, 256)), int(random.integers(0, 90))
    return (light, dark) if random.random() < 0.75 else (dark, light)


def _word(random: Random) -> str:
    return "".join(random.choice(_LETTERS, random.integers(2, 11)))


def _write(picture: Grey, place: tuple[int, int], text: str, ink: int, scale: float, random: Random) -> None:
    font = _FONTS[random.integers(len(_FONTS))]
    cv2.putText(picture, text, place, font, scale, ink, 2 if scale > 1 else 1, cv2.LINE_AA)


def _page(random: Random) -> Grey:
    """Return lines of words, as of a letter or a report."""
    paper, ink = _shades(random)
    page = _canvas(random, paper)
    scale = random.uniform(0.2, 0.7)
    step = max(5, int(scale * random.uniform(22, 34)))
    left = int(random.integers(2, 30))
    for row in range(int(random.integers(10, 40)), page.shape[0], step):
        if random.random() < 0.85:
            words = " ".join(_word(random) for _ in range(int(random.integers(1, 14))))
            _write(page, (left, row), words, ink, scale, random)
    return page


def _table(random: Random) -> Grey:
    paper, ink = _shades(random)
    table = _canvas(random, paper)
    rows, columns = table.shape
    down, across = int(random.integers(10, 40)), int(random.integers(25, 90))
    for row in range(0, rows, down):
        cv2.line(table, (0, row), (columns, row), ink, 1)
        for column in range(0, columns, across):
            _write(table, (column + 2, row + down - 3), _word(random), ink, random.uniform(0.2, 0.45), random)
    for column in range(0, columns, across):
        cv2.line(table, (column, 0), (column, rows), ink, 1)
    return table


def _chart(random: Random) -> Grey:
    """Return axes with curves, bars or points."""
    paper, ink = _shades(random)
    chart = _canvas(random, paper)
    rows, columns = chart.shape
    left, bottom = int(columns * random.uniform(0.05, 0.2)), int(rows * random.uniform(0.8, 0.95))
    cv2.line(chart, (left, 5), (left, bottom), ink, 1)
    cv2.line(chart, (left, bottom), (columns - 5, bottom), ink, 1)
    kind = random.integers(3)
    for _ in range(int(random.integers(1, 5))):
        shade = int(random.integers(0, 256))
        count = int(random.integers(5, 40))
        x = np.linspace(left + 3, columns - 8, count)
        y = np.clip(bottom - np.abs(np.cumsum(random.normal(0, rows / 8, count))), 5, bottom)
        if kind == 0:
            points = np.stack([x, y], axis=1).astype(np.int32)
            cv2.polylines(chart, [points], False, shade, int(random.integers(1, 4)), cv2.LINE_AA)
        for a, b in zip(x.astype(int).tolist(), y.astype(int).tolist(), strict=True):
            if kind == 1:
                cv2.rectangle(chart, (a, b), (a + int((columns - left) / count * 0.7), bottom), shade, -1)
            elif kind == 2:
                cv2.circle(chart, (a, b), int(random.integers(1, 5)), shade, -1)
    _write(chart, (left, 14), f"{_word(random)} {_word(random)}", ink, 0.4, random)
    return chart


def _ecg(random: Random) -> Grey:
    """Return a grid with traces of heart beats."""
    paper, ink = int(random.integers(200, 256)), int(random.integers(0, 80))
    sheet = _canvas(random, paper)
    rows, columns = sheet.shape
    step = int(random.integers(4, 14))
    sheet[::step], sheet[:, ::step] = paper - 40, paper - 40
    leads = int(random.integers(1, 9))
    t = np.arange(columns)
    for lead in range(leads):
        phase = (t + random.integers(0, 60)) % random.integers(25, 80)
        height = rows / (leads + 1) * random.uniform(0.3, 1.0)
        beat = height * (np.exp(-(((phase - 12) / 1.5) ** 2)) + 0.2 * np.exp(-(((phase - 20) / 4.0) ** 2)))
        y = rows * (lead + 1) / (leads + 1) - beat * random.choice([1, 1, -1]) + random.normal(0, 0.5, columns)
        cv2.polylines(sheet, [np.stack([t, y], axis=1).astype(np.int32)], False, ink, 1, cv2.LINE_AA)
    return sheet


def _screen(random: Random) -> Grey:
    """Return windows, buttons and texts, as of a program."""
    screen = _canvas(random, int(random.integers(0, 256)))
    rows, columns = screen.shape
    for _ in range(int(random.integers(4, 25))):
        top, left = int(random.integers(0, rows - 10)), int(random.integers(0, columns - 10))
        corner = left + int(random.integers(8, columns)), top + int(random.integers(6, rows // 2))
        shade = int(random.integers(0, 256))
        cv2.rectangle(screen, (left, top), corner, shade, -1)
        cv2.rectangle(screen, (left, top), corner, int(random.integers(0, 256)), 1)
        for line in range(int(random.integers(0, 5))):
            place = left + 3, top + 10 + 11 * line
            _write(screen, place, _word(random), 255 if shade < 128 else 0, random.uniform(0.25, 0.4), random)
    return screen


def _drawing(random: Random) -> Grey:
    """Return strokes and shapes, as of a sketch or a logo."""
    paper, ink = _shades(random)
    drawing = _canvas(random, paper)
    rows, columns = drawing.shape
    for _ in range(int(random.integers(1, 20))):
        points = (random.random((int(random.integers(2, 9)), 2)) * (columns, rows)).astype(np.int32)
        shade = ink if random.random() < 0.6 else int(random.integers(0, 256))
        width = int(random.integers(1, 8))
        shape = random.integers(4)
        if shape == 0:
            cv2.polylines(drawing, [points], bool(random.random() < 0.4), shade, width, cv2.LINE_AA)
        elif shape == 1:
            cv2.fillPoly(drawing, [points], shade, cv2.LINE_AA)
        elif shape == 2:
            axes = int(random.integers(4, columns // 2)), int(random.integers(4, rows // 2))
            fill = -1 if random.random() < 0.4 else width
            centre = int(points[0, 0]), int(points[0, 1])
            cv2.ellipse(drawing, centre, axes, random.uniform(0, 180), 0, random.uniform(90, 360), shade, fill)
        else:
            cv2.rectangle(drawing, points[0].tolist(), points[1].tolist(), shade, width)
    return drawing


def _ultrasound(random: Random) -> Grey:
    """Return a sector of speckle with dark and bright blobs on black."""
    picture = _canvas(random, 0)
    rows, columns = picture.shape
    speckle = _clouds(random, rows, columns, random.uniform(0.3, 1.0)) * random.rayleigh(0.6, (rows, columns))
    for _ in range(int(random.integers(1, 6))):
        blob = np.zeros((rows, columns), np.float32)
        centre = int(random.integers(columns // 4, columns * 3 // 4)), int(random.integers(rows // 4, rows))
        axes = int(random.integers(8, columns // 4)), int(random.integers(8, rows // 4))
        cv2.ellipse(blob, centre, axes, random.uniform(0, 180), 0, 360, 1.0, -1)
        speckle *= 1 + cv2.GaussianBlur(blob, (0, 0), 3) * random.uniform(-1, 1.5)
    y, x = np.mgrid[0:rows, 0:columns]
    apex = -rows * random.uniform(0, 0.5)
    distance, angle = np.hypot(x - columns / 2, y - apex), np.abs(np.arctan2(x - columns / 2, y - apex))
    inside = (angle < random.uniform(0.4, 0.8)) & (distance > -apex + 4) & (distance < rows * 0.97 - apex)
    smooth = cv2.GaussianBlur(speckle.astype(np.float32), (0, 0), random.uniform(0.6, 1.6))
    return _levels(smooth / (smooth.max() + 1e-6) * inside * random.uniform(1, 2))


def _limbs(random: Random) -> Grey:
    """Return bones in soft tissue: dense tubes with dark marrow, one to ten of them, as fingers or a forearm are."""
    rows, columns = (int(side) for side in random.integers(180, 320, 2))
    film = np.zeros((rows, columns), np.float32)
    count = int(random.choice([1, 2, 2, 3, 4, 5, 5]))
    tilt = random.uniform(-0.3, 0.3)
    for number in range(count):
        x = columns * (number + 0.5 + random.uniform(-0.15, 0.15)) / count
        width = columns / count * random.uniform(0.12, 0.3)
        y = rows * random.uniform(-0.1, 0.15)
        while y < rows:  # bone by bone
            length = rows * random.uniform(0.15, 0.8)
            ends = [(int(x + tilt * y), int(y)), (int(x + tilt * (y + length)), int(y + length))]
            _bone(film, ends, width, random)
            y += length + width * random.uniform(0.3, 0.8)
    smooth = cv2.GaussianBlur(film, (0, 0), random.uniform(0.8, 2.0)) * (
        1 + 0.15 * (_clouds(random, rows, columns, 1.0) - 0.5)
    )
    whole = smooth.T if random.random() < 0.3 else smooth
    return _levels(whole / (whole.max() + 1e-6) + random.normal(0, 0.016, whole.shape))


def _bone(film: NDArray[np.float32], ends: list[tuple[int, int]], width: float, random: Random) -> None:
    flesh, cortex, marrow = (np.zeros_like(film) for _ in range(3))
    cv2.line(flesh, ends[0], ends[1], 1.0, max(3, int(width * random.uniform(1.8, 3.0))))
    cv2.line(cortex, ends[0], ends[1], 1.0, max(3, int(width)))
    cv2.line(marrow, ends[0], ends[1], 1.0, max(1, int(width * random.uniform(0.4, 0.7))))
    for end in ends:  # the joints are wider
        cv2.circle(cortex, end, max(2, int(width * random.uniform(0.55, 0.8))), 1.0, -1)
    np.maximum(film, 0.35 * flesh + 0.5 * cortex - 0.2 * marrow * cortex, out=film)


def _torso(random: Random) -> Grey:
    """Return a slice through a chest or a belly: a wide body with spine and ribs, lungs or organs in it."""
    rows, columns = (int(side) for side in random.integers(180, 300, 2))
    middle, half = (columns / 2, rows / 2), (columns * random.uniform(0.36, 0.5), rows * random.uniform(0.33, 0.48))
    lung_window = random.random() < 0.5
    flesh = random.uniform(0.8, 1.0) if lung_window else random.uniform(0.35, 0.6)
    film = np.zeros((rows, columns), np.float32)
    _blob(film, middle, half, flesh * random.uniform(0.5, 0.9))  # fat
    _blob(film, middle, (half[0] * 0.92, half[1] * 0.9), flesh)
    for angle in np.linspace(0, 2 * np.pi, int(random.integers(8, 20))):  # ribs
        place = middle[0] + 0.85 * half[0] * np.cos(angle), middle[1] + 0.82 * half[1] * np.sin(angle)
        _blob(film, place, (half[0] * 0.09, half[1] * 0.04), 1.0, np.degrees(angle) + 90)
    if random.random() < 0.7:
        for side in (-1, 1):
            _lung(film, (middle[0] + side * half[0] * 0.45, middle[1] - 0.05 * half[1]), half, lung_window, random)
        _blob(film, middle, (half[0] * random.uniform(0.1, 0.3), half[1] * 0.45), flesh)  # heart and vessels
    else:
        for _ in range(int(random.integers(3, 12))):
            place = middle[0] + half[0] * random.uniform(-0.6, 0.6), middle[1] + half[1] * random.uniform(-0.6, 0.6)
            size = half[0] * random.uniform(0.06, 0.4), half[1] * random.uniform(0.06, 0.35)
            _blob(film, place, size, flesh * random.uniform(0.5, 1.4), random.uniform(0, 180))
    _blob(film, (middle[0], middle[1] + half[1] * 0.6), (half[0] * 0.12, half[1] * 0.14), 1.0)  # spine
    smooth = cv2.GaussianBlur(film, (0, 0), random.uniform(0.7, 1.8))
    return _levels(smooth + random.normal(0, random.uniform(0.01, 0.05), film.shape))


def _lung(
    film: NDArray[np.float32], place: tuple[float, float], half: tuple[float, float], bright: bool, random: Random
) -> None:
    air = random.uniform(0.1, 0.4) if bright else random.uniform(0.0, 0.05)
    size = half[0] * random.uniform(0.28, 0.4), half[1] * random.uniform(0.5, 0.72)
    _blob(film, place, size, air, random.uniform(-12, 12))
    for _ in range(int(random.integers(5, 70)) if bright else 0):  # vessels, and patches of consolidation
        radius, angle = np.sqrt(random.random()) * 0.9, random.uniform(0, 2 * np.pi)
        at = place[0] + size[0] * radius * np.cos(angle), place[1] + size[1] * radius * np.sin(angle)
        width = random.exponential(0.03) * half[0]
        _blob(film, at, (width, width * random.uniform(0.5, 2)), random.uniform(air, 1.0), random.uniform(0, 180))


def _blob(
    film: NDArray[np.float32],
    place: tuple[float, float],
    size: tuple[float, float],
    level: float,
    degrees: float = 0.0,
) -> None:
    """Fill an ellipse about `place` (x, y) with one grey level, in place."""
    centre, axes = (round(place[0]), round(place[1])), (max(1, round(size[0])), max(1, round(size[1])))
    cv2.ellipse(film, centre, axes, degrees, 0, 360, float(level), -1, cv2.LINE_AA)


def _noise(random: Random) -> Grey:
    """Return noise, white or coarser."""
    rows, columns = (int(side) for side in random.integers(120, 320, 2))
    field = _clouds(random, rows, columns, random.uniform(0.0, 2.2))
    return _levels((field - 0.5) * random.uniform(0.5, 3) + random.uniform(0.2, 0.8))


def _static(random: Random) -> Grey:
    """Return noise of single pixels, or of small blocks: what an image without its content is, or a broken one."""
    side = int(random.integers(32, 257))
    kind = random.integers(3)
    if kind == 0:
        noise = random.random((side, side))
    elif kind == 1:
        noise = 0.5 + random.uniform(0.1, 0.5) * random.normal(size=(side, side))
    else:
        noise = (random.random((side, side)) < random.uniform(0.05, 0.95)).astype(np.float64)
    block = int(random.integers(1, 5))
    return _levels(np.kron(noise, np.ones((block, block))))


def _clouds(random: Random, rows: int, columns: int, slope: float) -> NDArray[np.float64]:
    """Return noise whose amplitude falls as frequency ** -slope, from 0 to 1 (rows, columns)."""
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(random.normal(size=(rows, columns))) / frequency**slope
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (rows, columns))
    return np.asarray((field - field.min()) / (field.max() - field.min() + 1e-9))


def _gradient(random: Random) -> Grey:
    """Return a smooth change of brightness, or a blank with little noise."""
    picture = _canvas(random, 0)
    rows, columns = picture.shape
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    a, b, c = random.normal(0, 150, 3)
    field = random.uniform(0, 255) + (a * x + b * y + c * x * y) * (random.random() < 0.7)
    return _levels((field + random.normal(0, random.uniform(0, 6), picture.shape)) / 255)


def _pattern(random: Random) -> Grey:
    """Return stripes, checks or rings, as of a test image or a fabric."""
    rows, columns = (int(side) for side in random.integers(120, 320, 2))
    y, x = np.mgrid[0:rows, 0:columns]
    period, angle = random.uniform(4, 60), random.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    waves = (
        np.sin(2 * np.pi * along / period),
        np.sin(2 * np.pi * along / period) * np.sin(2 * np.pi * across / period),
        np.sin(2 * np.pi * np.hypot(x - columns * random.random(), y - rows * random.random()) / period),
    )
    wave = waves[random.integers(len(waves))]
    wave = np.sign(wave) if random.random() < 0.5 else wave
    return _levels(0.5 + 0.5 * wave * random.uniform(0.2, 1))


DRAWN: Mapping[str, Callable[[Random], Grey]] = MappingProxyType(
    {
        "page": _page,
        "table": _table,
        "chart": _chart,
        "ecg": _ecg,
        "screen": _screen,
        "drawing": _drawing,
        "ultrasound": _ultrasound,
        "limbs": _limbs,
        "torso": _torso,
        "noise": _noise,
        "static": _static,
        "gradient": _gradient,
        "pattern": _pattern,
    }
)
"""The generators by what they draw."""
