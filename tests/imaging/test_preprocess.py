from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from radiolens.image import Unit
from radiolens.imaging.preprocess import Fit, Preprocessing, extent, grey_levels, network_input
from radiolens.imaging.resample import Slice, resize
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


@pytest.mark.parametrize("shape", [(224, 224, 3), (64, 64, 3), (150, 150, 1), (33, 20, 3), (20, 33, 1)])
def test_an_imported_network_sees_each_grey_level_as_a_share_of_white_in_equal_channels(
    shape: tuple[int, int, int],
) -> None:
    preprocessing = Preprocessing(*shape, offset=0.0, scale=255.0)
    film = chest_film(190, 230)
    grey = grey_levels(film, Unit.UNIT_INTERVAL, preprocessing)
    picture = np.asarray(PIL.Image.fromarray(film).resize((shape[1], shape[0]), PIL.Image.Resampling.BILINEAR))
    stretched = (picture - picture.min()) / (picture.max() - picture.min())
    seen = network_input(grey[None], preprocessing)
    assert (seen.shape, seen.dtype) == ((1, *shape), np.float32)
    assert (seen.min(), seen.max()) == (0.0, 1.0)
    for channel in range(shape[2]):
        np.testing.assert_allclose(seen[0, ..., channel], stretched, atol=0.5 / 255 + 1e-6)  # rounded to a grey level
        np.testing.assert_array_equal(seen[0, ..., channel], grey / np.float32(255))


@pytest.mark.parametrize(("shape", "expected"), [((100, 50), (0, -25, 100, 75)), ((50, 100), (-25, 0, 75, 100))])
def test_the_extent_of_a_padded_slice_reaches_beyond_it(shape: tuple[int, int], expected: tuple[float, ...]) -> None:
    assert extent(*shape, Preprocessing(64, 64, fit=Fit.PAD)) == expected


def test_padding_keeps_the_aspect_ratio() -> None:
    tall = np.tile(np.linspace(0, 1, 100, dtype=np.float32)[:, None], (1, 50))
    grey = grey_levels(tall, Unit.UNIT_INTERVAL, Preprocessing(64, 64, fit=Fit.PAD))
    assert grey[:, :15].max() == 0
    assert grey[60, 32] > 200


def in_one_step(pixels: np.ndarray, rows: int, columns: int, percentiles: tuple[float, float]) -> np.ndarray:
    """Return what the released networks were trained on: resized at once, between percentiles found by sorting."""
    picture = PIL.Image.fromarray(pixels).resize((columns, rows), PIL.Image.Resampling.BILINEAR)
    fitted = np.asarray(picture)
    low, high = (float(value) for value in np.percentile(fitted, percentiles))
    unit_interval = np.clip((fitted - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return np.rint(unit_interval * np.float32(255.0)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(225, 224), (256, 256), (384, 311), (97, 512), (512, 512)])
@pytest.mark.parametrize("percentiles", [(0.0, 100.0), (0.5, 99.5)])
@pytest.mark.parametrize("side", [64, 224])
def test_images_up_to_512_pixels_keep_every_bit_that_the_networks_were_trained_on(
    shape: tuple[int, int], percentiles: tuple[float, float], side: int
) -> None:
    film = chest_film(*shape)
    found = grey_levels(film, Unit.UNIT_INTERVAL, Preprocessing(side, side, percentiles=percentiles))
    np.testing.assert_array_equal(found, in_one_step(film, side, side, percentiles))


@pytest.mark.parametrize("shape", [(3072, 3072), (2991, 2430), (2000, 700), (1024, 1024), (513, 1999)])
@pytest.mark.parametrize("side", [128, 224])
def test_a_large_film_is_resized_in_two_steps_within_two_grey_levels(shape: tuple[int, int], side: int) -> None:
    film = chest_film(*shape)
    found = grey_levels(film, Unit.UNIT_INTERVAL, Preprocessing(side, side))
    difference = np.abs(found.astype(int) - in_one_step(film, side, side, (0.0, 100.0)))
    assert difference.max() <= 2
    assert difference.mean() < 0.35


def test_a_slice_gives_every_size_as_the_pixels_alone_do() -> None:
    film = chest_film(1800, 1500)
    whole = Slice(film)
    for size in (Preprocessing(128, 128, fit=Fit.PAD, percentiles=(0.5, 99.5)), Preprocessing(224, 224)):
        expected = grey_levels(film, Unit.UNIT_INTERVAL, size)
        np.testing.assert_array_equal(grey_levels(whole, Unit.UNIT_INTERVAL, size), expected)


def test_a_slice_that_is_not_averaged_is_not_kept_twice() -> None:
    whole = Slice(chest_film(512, 512))
    for size in (SQUARE, Preprocessing(224, 224)):
        grey_levels(whole, Unit.ARBITRARY, size)
    assert whole._averages == {}


@pytest.mark.parametrize("shape", [(2991, 2430), (1345, 1346)])
def test_a_slope_stays_where_it_is_when_sides_cannot_be_divided(shape: tuple[int, int]) -> None:
    slope = np.add.outer(np.linspace(0, 1, shape[0]), np.linspace(0, 2, shape[1])).astype(np.float32)
    expected = np.asarray(PIL.Image.fromarray(slope).resize((224, 224), PIL.Image.Resampling.BILINEAR))
    # The last average is of fewer pixels and stands for as many as the others: less than one of 224 steps.
    np.testing.assert_allclose(resize(slope, 224, 224), expected, atol=2 / 224)


def test_resizing_changes_nothing_but_the_copy() -> None:
    film = chest_film(1500, 1400)
    before = film.copy()
    film.flags.writeable = False
    resize(film, 224, 224)
    np.testing.assert_array_equal(film, before)
    assert resize(film, 1500, 1400) is not film


def test_a_padded_film_is_filled_with_its_least_value() -> None:
    film = chest_film(1600, 700) + np.float32(0.25)
    grey = grey_levels(film, Unit.UNIT_INTERVAL, Preprocessing(64, 64, fit=Fit.PAD))
    assert grey[:, :10].max() == 0
    assert grey[:, 20:40].max() == 255


@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("unit", [Unit.UNIT_INTERVAL, Unit.ARBITRARY])
def test_the_inverse_is_that_of_the_whole_film(unit: Unit, fit: Fit) -> None:
    film = chest_film(190, 230)
    preprocessing = Preprocessing(64, 48, fit=fit)
    np.testing.assert_array_equal(
        grey_levels(film, unit, preprocessing, inverse=True), grey_levels(-film, unit, preprocessing)
    )


@pytest.mark.parametrize("fit", Fit)
def test_the_inverse_of_a_ct_is_about_the_middle_of_its_window(fit: Fit) -> None:
    slab = np.random.default_rng(0).uniform(-200, 200, (60, 90)).astype(np.float32)
    preprocessing = Preprocessing(32, 32, fit=fit)
    found = grey_levels(slab, Unit.HOUNSFIELD, preprocessing, inverse=True)
    wanted = grey_levels(2 * np.float32(40) - slab, Unit.HOUNSFIELD, preprocessing)
    assert np.abs(found.astype(int) - wanted).max() <= 1  # a level may be rounded the other way
    assert fit is Fit.STRETCH or not found[0].any()  # filled
