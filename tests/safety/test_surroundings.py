"""Films with a room around them, and those that only have black around them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.image import Unit
from radiolens.safety.surroundings import check_surroundings, margin_around
from tests.phantoms import chest_film

Pixels = NDArray[np.float32]


def around(film: Pixels, share: float, *, sides: str = "tblr", level: float = 0.1, noise: float = 0.01) -> Pixels:
    """Return a film (rows, columns) with a margin of this share of the new picture at each of the sides."""
    rows, columns = (round(side * share / (1 - 2 * share)) for side in film.shape)
    margins = ((rows * ("t" in sides), rows * ("b" in sides)), (columns * ("l" in sides), columns * ("r" in sides)))
    wide = np.pad(film, margins, constant_values=np.nan)
    room = level + np.random.default_rng(0).normal(0, noise, wide.shape)
    return np.where(np.isnan(wide), np.clip(room, 0, 1), wide).astype(np.float32)


def codes(pixels: Pixels, unit: Unit = Unit.UNIT_INTERVAL) -> list[str]:
    return [problem.code.value for problem in check_surroundings(pixels, unit)]


@pytest.mark.parametrize("size", [(240, 200), (90, 80), (1500, 1200)])
@pytest.mark.parametrize("level", [0.1, 0.9])
def test_a_film_in_a_room_is_refused_and_the_message_says_how_much_of_it_is_room(
    size: tuple[int, int], level: float
) -> None:
    (problem,) = check_surroundings(around(chest_film(*size), 0.15, level=level), Unit.UNIT_INTERVAL)
    assert problem.code.value == "unlike_training_data"
    assert problem.message.startswith("What lies around the film takes 15% or more of each side")
    assert problem.message.endswith("Cut away what lies around the film, or send the film itself as DICOM.")


@pytest.mark.parametrize("sides", ["", "t", "lr", "tlr", "blr"])
@pytest.mark.parametrize("level", [0.1, 0.9])
def test_a_film_that_reaches_an_edge_is_not(sides: str, level: float) -> None:
    assert codes(around(chest_film(), 0.15, sides=sides, level=level)) == []


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3])
def test_even_black_around_a_film_is_not_since_the_network_knows_it(share: float) -> None:
    assert codes(around(chest_film(), share, level=0.02, noise=0.002)) == []


def test_a_room_around_which_black_bars_were_set_is_refused() -> None:
    assert codes(around(around(chest_film(), 0.1), 0.2, level=0.0, noise=0.0)) == ["unlike_training_data"]


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_a_picture_of_one_value_has_no_surroundings(value: float) -> None:
    assert margin_around(np.full((70, 90), value, np.float32)) == 0


@pytest.mark.parametrize("unit", [Unit.HOUNSFIELD, Unit.ARBITRARY])
def test_air_around_a_slice_is_no_room(unit: Unit) -> None:
    assert codes(around(chest_film(), 0.15), unit) == []
