"""Random changes of training pictures, so that a network cannot live on exposure, borders, markers or resolution."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from radiolens.training.config import Augmentation

__all__ = ["Picture", "augment", "augment_with_mask", "mix_styles"]

Picture = NDArray[np.float32]


def augment(grey: NDArray[np.uint8], config: Augmentation, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a randomly changed copy of one picture of grey levels (rows, columns)."""
    return _after_move(_moved(grey, _move(grey.shape, config, random)), config, random)


def augment_with_mask(
    grey: NDArray[np.uint8], mask: NDArray[np.uint8], config: Augmentation, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what `augment` does, and a mask (rows, columns) cropped, turned and mirrored with the picture."""
    move = _move(grey.shape, config, random)
    return _after_move(_moved(grey, move), config, random), _moved(mask, move)


def mix_styles(
    pictures: Sequence[NDArray[np.uint8]], config: Augmentation, random: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """Return the pictures (rows, columns) of a batch, some with the broad light and shade of another one's.

    The amplitudes of the lowest spatial frequencies, up to 0.005 to 0.05 cycles per pixel, become a mean of both
    pictures'; the phases, in which the shapes are, stay. So what film, machine and export give a picture tells less of
    what it shows (Yang and Soatto 2020, "FDA", CVPR; Xu et al. 2021, "A Fourier-based framework for domain
    generalization", CVPR).
    """
    if not config.style_probability:
        return list(pictures)
    partners = random.permutation(len(pictures))
    return [
        _mixed(picture, pictures[other], random) if random.random() < config.style_probability else picture
        for picture, other in zip(pictures, partners, strict=True)
    ]


def _mixed(picture: NDArray[np.uint8], other: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    own, its = np.fft.rfft2(picture / 255.0), np.fft.rfft2(other / 255.0)
    share, reach = random.uniform(0, 1), random.uniform(0.01, 0.1)
    rows, columns = picture.shape
    down, across = np.abs(np.fft.fftfreq(rows))[:, None], np.fft.rfftfreq(columns)[None]
    amplitude = np.abs(own)
    mean = (1 - share) * amplitude + share * np.abs(its)
    amplitude = np.where(np.maximum(down, across) <= reach / 2, mean, amplitude)
    mixed = np.fft.irfft2(amplitude * np.exp(1j * np.angle(own)), s=picture.shape)
    return np.rint(np.clip(mixed, 0.0, 1.0) * 255).astype(np.uint8)


def _after_move(grey: NDArray[np.uint8], config: Augmentation, random: np.random.Generator) -> NDArray[np.uint8]:
    picture = grey.astype(np.float32) / np.float32(255)
    picture = _intensity(picture, config, random)
    picture = _resolution(picture, config, random)
    picture = _blur(picture, config, random)
    picture = _boxes(picture, config, random)
    picture = _border(picture, config, random)
    picture += random.normal(0.0, random.uniform(0, config.noise), picture.shape).astype(np.float32)
    levels = np.rint(np.clip(picture, 0.0, 1.0) * 255).astype(np.uint8)
    return _jpeg(levels, random) if random.random() < config.jpeg_probability else levels


def _move(shape: tuple[int, ...], config: Augmentation, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the matrix (2, 3) that crops, turns and mirrors, from the new picture's coordinates to the old ones."""
    rows, columns = shape
    keep_y, keep_x = random.uniform(config.smallest_crop, 1.0, 2)
    degrees = random.uniform(-config.rotation_degrees, config.rotation_degrees)
    if config.quarter_turns:
        degrees += 90 * random.integers(4)
    angle = np.deg2rad(degrees)
    mirror = -1.0 if random.random() < config.flip_probability else 1.0
    middle = np.array([columns - 1, rows - 1]) / 2  # of pixel centres, which is where OpenCV counts from
    away = np.array([columns, rows]) * random.uniform(-0.5, 0.5, 2) * [1 - keep_x, 1 - keep_y]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * keep_x, keep_y])
    shift = middle + away - linear @ middle
    return np.column_stack([linear, shift])


def _moved(grey: NDArray[np.uint8], move: NDArray[np.float64]) -> NDArray[np.uint8]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(grey, move, grey.shape[::-1], flags=flags), np.uint8)


def _intensity(picture: Picture, config: Augmentation, random: np.random.Generator) -> Picture:
    power = np.exp(random.uniform(-config.gamma, config.gamma))
    if config.median is not None:
        power *= _power_to_median(picture, random.uniform(*config.median))
    bent = np.power(picture, np.float32(power))
    contrast = np.float32(random.uniform(*config.contrast))
    brightness = np.float32(random.uniform(-config.brightness, config.brightness))
    middle = np.float32(0.5)
    changed: Picture = np.clip((bent - middle) * contrast + middle + brightness, 0.0, 1.0)
    return changed


def _power_to_median(picture: Picture, wanted: float) -> float:
    now = float(np.clip(np.median(picture), 0.01, 0.99))  # a frame may fill half of a picture; log(0) bends nothing
    return float(np.clip(np.log(wanted) / np.log(now), 0.25, 4.0))


def _resolution(picture: Picture, config: Augmentation, random: np.random.Generator) -> Picture:
    if random.random() >= config.blur_probability:
        return picture
    rows, columns = picture.shape
    share = random.uniform(0.4, 0.9)  # below 0.4 small infiltrates are lost to the eye, too
    small = cv2.resize(picture, (round(columns * share), round(rows * share)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def _blur(picture: Picture, config: Augmentation, random: np.random.Generator) -> Picture:
    if not config.blur or random.random() >= config.blur_probability:
        return picture
    deviation = random.uniform(0, config.blur) * min(picture.shape)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(deviation, 0.1)), np.float32)  # 0 would let OpenCV choose


def _boxes(picture: Picture, config: Augmentation, random: np.random.Generator) -> Picture:
    changed = picture.copy()
    rows, columns = picture.shape
    if random.random() < config.box_probability:
        for _ in range(random.integers(1, 4)):
            height, width = (int(side * random.uniform(0.02, 0.15)) + 1 for side in (rows, columns))
            top, left = random.integers(0, rows - height), random.integers(0, columns - width)
            changed[top : top + height, left : left + width] = random.choice([0.0, 1.0, random.random()])
    return changed


def _border(picture: Picture, config: Augmentation, random: np.random.Generator) -> Picture:
    changed = picture.copy()
    if random.random() < config.border_probability:
        rows, columns = picture.shape
        top, bottom = (int(rows * random.uniform(0, config.border)) for _ in range(2))
        left, right = (int(columns * random.uniform(0, config.border)) for _ in range(2))
        changed[:top], changed[rows - bottom :] = 0.0, 0.0
        changed[:, :left], changed[:, columns - right :] = 0.0, 0.0
    return changed


def _jpeg(levels: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    quality = int(random.integers(30, 90))
    _, encoded = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
