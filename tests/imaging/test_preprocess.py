from __future__ import annotations

import numpy as np
import pytest

from radiolens.image import Unit
from radiolens.imaging.preprocess import Fit, Preprocessing, extent, grey_levels, network_input
from tests.phantoms import chest_film

SQUARE = Preprocessing(64, 64)


def test_min_max_uses_the_whole_range() -> None:
    grey = grey_levels(chest_film(), Unit.UNIT_INTERVAL, SQUARE)
    assert (grey.shape, grey.min(), grey.max()) == ((64, 64), 0, 255)


def test_brightness_of_an_export_does_not_matter() -> None:
    film = chest_film()
    dim = (film * 0.5 + 0.1).astype(np.float32)
    difference = np.abs(
        grey_levels(film, Unit.UNIT_INTERVAL, SQUARE).astype(int) - grey_levels(dim, Unit.UNIT_INTERVAL, SQUARE)
    )
    assert difference.max() <= 1


def test_ct_is_windowed_by_its_unit() -> None:
    slab = np.full((64, 64), 40.0, np.float32)
    assert np.unique(grey_levels(slab, Unit.HOUNSFIELD, SQUARE)).tolist() == [128]


def test_a_constant_slice_is_black() -> None:
    assert grey_levels(np.ones((9, 9), np.float32), Unit.ARBITRARY, SQUARE).max() == 0


def test_the_network_sees_normalised_channels() -> None:
    grey = np.array([[[127, 255]]], np.uint8)
    seen = network_input(grey, Preprocessing(1, 2, channels=3))
    assert seen.shape == (1, 1, 2, 3)
    assert seen[0, 0, :, 0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("shape", "expected"), [((100, 50), (0, -25, 100, 75)), ((50, 100), (-25, 0, 75, 100))])
def test_the_extent_of_a_padded_slice_reaches_beyond_it(shape: tuple[int, int], expected: tuple[float, ...]) -> None:
    assert extent(*shape, Preprocessing(64, 64, fit=Fit.PAD)) == expected


def test_padding_keeps_the_aspect_ratio() -> None:
    tall = np.tile(np.linspace(0, 1, 100, dtype=np.float32)[:, None], (1, 50))
    grey = grey_levels(tall, Unit.UNIT_INTERVAL, Preprocessing(64, 64, fit=Fit.PAD))
    assert grey[:, :15].max() == 0
    assert grey[60, 32] > 200
