"""Whether letters look burnt into an image; how often that is right on real ones, benchmarks/burnt_in_text.py tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
from numpy.typing import NDArray

import radiolens
from radiolens.safety.burnt_in import looks_burnt_in
from tests.phantoms import chest_film, head_slice

FONT = Path(radiolens.__file__).parent / "fonts" / "RadiolensSans-Regular.ttf"


def lettered(plane: NDArray[np.float32], words: str, height: int, level: float) -> NDArray[np.float32]:
    """Return the plane with words in its upper left corner, at a level of its range (0 to 1)."""
    mask = PIL.Image.new("L", plane.shape[::-1])
    PIL.ImageDraw.Draw(mask).text((6, 6), words, fill=255, font=PIL.ImageFont.truetype(FONT, height))
    part = np.asarray(mask, np.float32) / 255
    shade = plane.min() + level * (plane.max() - plane.min())
    return np.asarray(plane * (1 - part) + shade * part, np.float32)


def head() -> NDArray[np.float32]:
    return np.stack([head_slice(256, 256, height, seed) for seed, height in enumerate((0, 0.1, 0.2, 0.3))]).astype("f4")


@pytest.mark.parametrize("words", ["DOE JANE", "Martinez Luis", "12.03.1961", "ID 4711-0815"])
@pytest.mark.parametrize("height", [9, 14, 30])
def test_a_name_a_date_and_a_number_are_found_in_a_film(words: str, height: int) -> None:
    assert looks_burnt_in(lettered(chest_film(480, 400), words, height, 1.0)[np.newaxis])


def test_dark_letters_on_a_light_ground_are_found() -> None:
    film = chest_film(480, 400)
    film[:40, :200] = 0.9
    assert looks_burnt_in(lettered(film, "DOE JANE", 16, 0.0)[np.newaxis])


def test_letters_of_a_large_film_are_found_in_what_it_is_reduced_to() -> None:
    assert looks_burnt_in(lettered(chest_film(2600, 2100), "DOE JANE", 40, 1.0)[np.newaxis])


@pytest.mark.parametrize("unit", [(1.0, 0.0), (1000.0, -300.0)])  # of pixels, for instance Hounsfield units
def test_text_on_the_slices_of_a_volume_is_found_in_any_unit(unit: tuple[float, float]) -> None:
    volume = head() * unit[0] + unit[1]
    assert not looks_burnt_in(volume)
    assert looks_burnt_in(np.stack([lettered(plane, "DOE JANE", 14, 1.0) for plane in volume]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mark", ["", "L", "R"])
def test_anatomy_and_the_mark_of_a_side_are_no_text(seed: int, mark: str) -> None:
    film = chest_film(seed=seed)
    assert not looks_burnt_in((lettered(film, mark, 24, 1.0) if mark else film)[np.newaxis])


@pytest.mark.parametrize("shape", [(2, 2), (64, 3), (1500, 2)])
def test_a_picture_of_one_value_or_of_hardly_any_pixels_has_no_text(shape: tuple[int, int]) -> None:
    assert not looks_burnt_in(np.zeros((1, *shape), np.float32))
    assert not looks_burnt_in(np.random.default_rng(0).random((1, *shape)).astype(np.float32))
