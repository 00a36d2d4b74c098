"""The script that photographs films from a screen: what its photographs show, and whom it asks."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.photographed import COLUMNS, ROOMS, ROWS, photographed
from radiolens.safety.surroundings import margin_around
from tests.phantoms import chest_film

DARK = ROOMS["dark"]
FILM = np.rint(chest_film(480, 400) * 255).astype(np.uint8)


def test_the_film_takes_the_asked_share_of_the_height() -> None:
    for filled in (0.6, 0.8):
        shown = photographed(FILM, filled, DARK, np.random.default_rng(1))
        assert shown.shape == (ROWS, COLUMNS)
        bright = np.flatnonzero((shown[:, COLUMNS // 3 : 2 * COLUMNS // 3] > 120).any(axis=1))
        assert abs((bright[-1] - bright[0]) / ROWS - filled) < 0.1


@pytest.mark.parametrize("room", ROOMS.values())
def test_a_photograph_from_afar_has_a_room_around_the_film_and_the_film_alone_has_none(
    room: tuple[float, float],
) -> None:
    shown = photographed(FILM, 0.7, room, np.random.default_rng(2))
    assert margin_around(shown.astype(np.float32) / 255) > 0.08
    assert margin_around(FILM.astype(np.float32) / 255) < 0.04


def test_one_seed_gives_one_photograph() -> None:
    first, again, other = (photographed(FILM, 0.7, DARK, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()
