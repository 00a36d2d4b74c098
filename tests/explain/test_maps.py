"""Activation maps, and how they lie over the slice."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from radiolens.explain.activation_map import class_activation_maps
from radiolens.explain.overlay import blended, display_slice, overlay, png
from radiolens.image import Image, Source, Unit
from radiolens.prediction import Explanation


def explanation(
    values: NDArray[np.float32], extent: tuple[float, float, float, float] = (0.0, 0.0, 80.0, 80.0)
) -> Explanation:
    return Explanation("class-activation-map", {"glioma": values.astype(np.float32)}, extent, 0)


def corner(value: float = 10.0) -> NDArray[np.float32]:
    values = np.zeros((4, 4), np.float32)
    values[0, 0] = value
    return values


def test_a_map_is_what_each_place_adds_to_the_logit_with_the_negative_cut(rng: np.random.Generator) -> None:
    features = rng.normal(size=(7, 7, 16)).astype(np.float32)
    kernel = rng.normal(size=(16, 3)).astype(np.float32)
    maps = class_activation_maps(features, kernel)
    assert maps.shape == (3, 7, 7)
    by_hand = sum(features[2, 5, channel] * kernel[channel, 1] for channel in range(16))
    assert maps[1, 2, 5] == pytest.approx(max(by_hand, 0.0), abs=1e-5)
    assert maps.min() == 0.0


def test_without_the_cut_the_mean_of_a_map_is_the_logit_less_its_bias(rng: np.random.Generator) -> None:
    features = np.abs(rng.normal(size=(7, 7, 16))).astype(np.float32)
    kernel = np.abs(rng.normal(size=(16, 2))).astype(np.float32)  # nothing negative, so nothing is cut
    logits = features.mean(axis=(0, 1)) @ kernel
    np.testing.assert_allclose(class_activation_maps(features, kernel).mean(axis=(1, 2)), logits, rtol=1e-5)


def test_the_overlay_is_strongest_where_the_map_is_and_clear_where_it_is_zero() -> None:
    colours = overlay(explanation(corner()), "glioma", (80, 80))
    assert (colours.shape, colours.dtype) == ((80, 80, 4), np.uint8)
    strength = colours[..., 3]
    assert strength[0, 0] == strength.max() == 200
    assert strength[40:, 40:].max() == 0


def test_a_weak_map_looks_weak_and_a_map_of_zeros_is_transparent() -> None:
    strong, weak, none = (overlay(explanation(corner(value)), "glioma", (80, 80))[..., 3] for value in (10, 0.1, 0))
    assert weak.max() <= 0.1 * strong.max() + 1
    assert none.max() == 0


def test_padding_that_the_network_saw_beyond_the_slice_is_cut_off() -> None:
    # A slice of 40 x 80 in the middle of a square: the first quarter of the map lies above it.
    values = np.zeros((4, 4), np.float32)
    values[0], values[3] = 10.0, 5.0
    above = overlay(explanation(values, (-20.0, 0.0, 60.0, 80.0)), "glioma", (40, 80))[..., 3]
    assert above.shape == (40, 80)
    assert above[20].max() == 0
    full = overlay(explanation(values, (0.0, 0.0, 80.0, 80.0)), "glioma", (80, 80))[..., 3]
    np.testing.assert_array_equal(above, full[20:60])


def test_the_place_outside_of_what_the_network_saw_is_clear() -> None:
    colours = overlay(explanation(np.full((4, 4), 9, np.float32), (10.0, 10.0, 30.0, 30.0)), "glioma", (40, 40))
    assert colours[15, 15, 3] == 200
    assert colours[:10, :, 3].max() == colours[30:, :, 3].max() == 0


def slice_of(pixels: NDArray[np.float32], unit: Unit) -> Image:
    return Image(pixels[None].astype(np.float32), unit, Source("dicom"), slice_indices=(7,), slice_count=9)


def test_a_film_is_shown_as_it_is_and_ct_in_the_brain_window() -> None:
    film = np.asarray([[0.0, 0.5], [1.0, 0.25]], np.float32)
    np.testing.assert_array_equal(display_slice(slice_of(film, Unit.UNIT_INTERVAL), 7), [[0, 128], [255, 64]])
    hounsfield = np.asarray([[-1000, 0], [40, 80]], np.float32)
    np.testing.assert_array_equal(display_slice(slice_of(hounsfield, Unit.HOUNSFIELD), 7), [[0, 0], [128, 255]])


def test_a_few_hot_pixels_do_not_darken_an_mr_slice_and_a_constant_one_is_black(rng: np.random.Generator) -> None:
    pixels = rng.uniform(100, 200, (100, 100)).astype(np.float32)
    pixels[0, 0] = 30_000
    shown = display_slice(slice_of(pixels, Unit.ARBITRARY), 7)
    assert shown[1:].mean() == pytest.approx(127, abs=6)
    assert display_slice(slice_of(np.full((4, 4), 9, np.float32), Unit.ARBITRARY), 7).max() == 0


def test_a_clear_overlay_leaves_the_slice_and_a_strong_one_colours_it() -> None:
    grey = np.full((80, 80), 100, np.uint8)
    untouched = blended(grey, overlay(explanation(corner(0)), "glioma", (80, 80)))
    assert (untouched == 100).all()
    coloured = blended(grey, overlay(explanation(corner()), "glioma", (80, 80)))
    red, _, blue = (int(value) for value in coloured[0, 0])
    assert red > 200 > blue


def test_a_large_picture_is_reduced_and_a_small_one_is_not() -> None:
    for size, expected in (((2000, 1000), (512, 1024)), ((30, 40), (40, 30))):
        with PIL.Image.open(io.BytesIO(png(np.zeros(size, np.uint8)))) as picture:
            assert picture.format == "PNG"
            assert picture.size == expected
