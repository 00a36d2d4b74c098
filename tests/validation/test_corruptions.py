"""Each corruption: what it does in its own unit, that it is stronger with more of it, and that it is repeatable."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.validation.corruptions import CORRUPTIONS, Corruption
from tests.phantoms import chest_film

BY_NAME = {change.name: change for change in CORRUPTIONS}


@pytest.fixture
def film() -> NDArray[np.uint8]:
    return np.rint(chest_film(224, 224) * 255).astype(np.uint8)


def changed(name: str, grey: NDArray[np.uint8], strength: float, seed: int = 0) -> NDArray[np.uint8]:
    return BY_NAME[name].change(grey, strength, np.random.default_rng(seed))


@pytest.mark.parametrize("change", CORRUPTIONS, ids=lambda change: change.name)
def test_a_stronger_change_moves_the_picture_further_and_leaves_the_original(
    change: Corruption, film: NDArray[np.uint8]
) -> None:
    before = film.copy()
    pictures = [change.change(film, strength, np.random.default_rng(3)) for strength in change.strengths]
    np.testing.assert_array_equal(film, before)
    moved = [float(np.abs(picture.astype(int) - film).mean()) for picture in pictures]
    assert moved[0] > 0
    assert moved == sorted(moved)
    assert {(picture.shape, picture.dtype) for picture in pictures} == {(film.shape, film.dtype)}
    again = change.change(film, change.strengths[-1], np.random.default_rng(3))
    np.testing.assert_array_equal(again, pictures[-1])


@pytest.mark.parametrize("change", CORRUPTIONS, ids=lambda change: change.name)
def test_strengths_go_away_from_where_nothing_changes(change: Corruption) -> None:
    distance = [abs(strength - change.unchanged) for strength in change.strengths]
    assert distance == sorted(distance)
    assert distance[0] > 0
    assert 4 <= len(change.strengths) <= 5


def test_noise_has_the_deviation_it_says() -> None:
    grey = np.full((200, 200), 128, np.uint8)
    noisy = changed("noise", grey, 10.0).astype(float)
    assert noisy.std() == pytest.approx(10.0, rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.2)


def test_a_blurred_point_spreads_by_the_percent_it_says() -> None:
    grey = np.zeros((200, 400), np.uint8)
    grey[90:110, 180:220] = 255  # a block of 10 % of each side
    blurred = changed("blur", grey, 2.0).astype(float)
    columns = blurred.sum(axis=0)
    places = np.arange(400) - np.average(np.arange(400), weights=columns)
    spread = math.sqrt(np.average(places**2, weights=columns))
    assert spread == pytest.approx(math.sqrt(40**2 / 12 + (0.02 * 400) ** 2), rel=0.02)


def test_gamma_bends_grey_and_keeps_black_and_white() -> None:
    grey = np.asarray([[0, 64, 128, 255]], np.uint8)
    assert changed("brighter", grey, 0.5).tolist() == [[0, 128, 181, 255]]
    assert changed("darker", grey, 2.0).tolist() == [[0, 16, 64, 255]]


def test_down_scaling_leaves_no_detail_finer_than_its_steps() -> None:
    stripes = np.tile(np.asarray([0, 255], np.uint8), (64, 32))
    assert np.ptp(changed("down-scaling", stripes, 50.0)) <= 2


def test_a_rotation_turns_by_its_degrees_to_either_side() -> None:
    grey = np.zeros((201, 201), np.uint8)
    grey[95:106, 160:171] = 255  # right of the middle: at 0 degrees
    angles = set()
    for seed in range(12):
        turned = changed("rotation", grey, 20.0, seed).astype(float)
        rows, columns = np.indices(turned.shape)
        row, column = np.average(rows, weights=turned) - 100, np.average(columns, weights=turned) - 100
        angles.add(round(math.degrees(math.atan2(-row, column))))
    assert angles == {20, -20}


def test_text_is_white_small_and_differs_from_picture_to_picture(film: NDArray[np.uint8]) -> None:
    black = np.zeros((224, 224), np.uint8)
    one, other = changed("burnt-in text", black, 2.0), changed("burnt-in text", black, 2.0, seed=1)
    assert one.max() >= 200
    assert 0.002 < (one > 100).mean() < 0.05
    assert (one != other).any()
    assert (changed("burnt-in text", film, 2.0) >= film - 5).mean() > 0.99  # nothing gets darker but the edges
