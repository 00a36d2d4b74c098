"""Changed pictures: another picture of the same kind, the same for the same seed, the original untouched."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.errors import DatasetError
from radiolens.training.augment import augment, augment_with_mask, mix_styles
from radiolens.training.config import UNCHANGED, Augmentation
from tests.phantoms import chest_film


def film(seed: int = 0) -> NDArray[np.uint8]:
    return np.rint(chest_film(64, 64, seed) * 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_picture_is_another_picture_of_the_same_kind(seed: int) -> None:
    grey = film()
    copy = grey.copy()
    first, again = (augment(grey, Augmentation(), np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(grey, copy)
    assert (first.shape, first.dtype) == (grey.shape, grey.dtype)
    assert not np.array_equal(first, grey)


def test_no_change_is_asked_for_and_none_is_made() -> None:
    np.testing.assert_array_equal(augment(film(), UNCHANGED, np.random.default_rng(0)), film())


def test_mirroring_mirrors() -> None:
    mirrored = augment(film(3), replace(UNCHANGED, flip_probability=1.0), np.random.default_rng(0))
    np.testing.assert_array_equal(mirrored, film(3)[:, ::-1])


@pytest.mark.parametrize(
    "change",
    [
        {"smallest_crop": 0.5},
        {"rotation_degrees": 20.0},
        {"gamma": 1.0},
        {"median": (0.1, 0.2)},
        {"contrast": (0.3, 0.4)},
        {"brightness": 0.5},
        {"border": 0.3, "border_probability": 1.0},
        {"noise": 0.2},
        {"box_probability": 1.0},
        {"blur_probability": 1.0},
        {"jpeg_probability": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_change_does_something_of_its_own(change: dict[str, object]) -> None:
    changed = [
        augment(film(), replace(UNCHANGED, **change), np.random.default_rng(seed))  # type: ignore[arg-type]  # one field each
        for seed in range(4)
    ]
    assert all(picture.shape == (64, 64) for picture in changed)
    assert any(np.abs(picture.astype(float) - film()).mean() > 0.5 for picture in changed)
    assert set(change) <= {entry.name for entry in fields(Augmentation)}


def test_where_the_median_is_drawn_brightness_tells_nothing() -> None:
    config = replace(UNCHANGED, median=(0.4, 0.7))
    dark, bright = film() // 2, 255 - (255 - film()) // 2
    assert np.median(bright) - np.median(dark) > 100

    def medians(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray([np.median(augment(grey, config, np.random.default_rng(seed))) for seed in range(50)])

    np.testing.assert_allclose(medians(dark), medians(bright), atol=4)  # of 255: both are rounded to grey levels
    assert 0.35 * 255 < medians(dark).min() < 0.5 * 255 < 0.6 * 255 < medians(dark).max() < 0.75 * 255


@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_an_empty_picture_has_a_median_that_bends_to_nothing_strange(level: int) -> None:
    empty = np.full((8, 8), level, np.uint8)
    changed = augment(empty, replace(UNCHANGED, median=(0.3, 0.7)), np.random.default_rng(0))
    assert len(np.unique(changed)) == 1


@pytest.mark.parametrize("median", [(0.0, 0.5), (0.8, 0.2), (64, 200)])
def test_a_median_that_no_picture_can_have_is_refused(median: tuple[float, float]) -> None:
    with pytest.raises(DatasetError, match="expected a lower and an upper end between 0"):
        Augmentation(median=median)


def test_a_gaussian_takes_detail_that_a_coarser_resolution_leaves() -> None:
    def detail(blur: float) -> float:
        config = replace(UNCHANGED, blur_probability=1.0, blur=blur)
        changed = [augment(film(), config, np.random.default_rng(seed)).astype(int) for seed in range(20)]
        return float(np.mean([np.abs(np.diff(picture)).mean() for picture in changed]))

    assert detail(blur=0.05) < detail(blur=0.01) < detail(blur=0.0)
    assert detail(blur=0.05) < 0.95 * detail(blur=0.0)


def test_a_blacked_out_border_is_black_and_the_middle_stays() -> None:
    config = replace(UNCHANGED, border=0.2, border_probability=1.0)
    bright = np.full((100, 100), 200, np.uint8)
    changed = augment(bright, config, np.random.default_rng(1))
    assert set(np.unique(changed)) == {0, 200}
    assert (changed[25:75, 25:75] == 200).all()
    assert 0 < (changed == 0).mean() < 1 - 0.6**2


@pytest.mark.parametrize("seed", range(10))
def test_a_mask_goes_where_its_picture_goes(seed: int) -> None:
    config = replace(UNCHANGED, smallest_crop=0.7, rotation_degrees=30.0, flip_probability=0.5)
    picture = np.zeros((64, 64), np.uint8)
    picture[20:30, 36:50] = 255
    changed, mask = augment_with_mask(picture, picture, config, np.random.default_rng(seed))
    np.testing.assert_array_equal(mask, changed)
    assert not np.array_equal(mask, picture)


def test_a_picture_with_a_mask_changes_as_one_without() -> None:
    plain = augment(film(), Augmentation(), np.random.default_rng(5))
    with_mask, _ = augment_with_mask(film(), film(), Augmentation(), np.random.default_rng(5))
    np.testing.assert_array_equal(with_mask, plain)


def test_a_style_lends_broad_light_and_leaves_shapes() -> None:
    dark, bright = (film(seed) // 3 + level for seed, level in ((0, 10), (1, 150)))
    config, light, shapes = replace(UNCHANGED, style_probability=1.0), [], []
    for seed in range(20):
        mixed, _ = mix_styles([dark, bright], config, np.random.default_rng(seed))
        light.append(mixed.mean())
        shapes.append(np.corrcoef(detail(mixed), detail(dark))[0, 1])
    assert dark.mean() - 1 <= min(light) < max(light) <= bright.mean() + 1
    assert max(light) - min(light) > 0.5 * (bright.mean() - dark.mean())
    assert min(shapes) > 0.95


def test_a_picture_that_lends_itself_its_style_stays_as_it_is() -> None:
    config = replace(UNCHANGED, style_probability=1.0)
    (mixed,) = mix_styles([film()], config, np.random.default_rng(0))
    assert np.abs(mixed.astype(int) - film()).max() <= 1


@pytest.mark.parametrize(("probability", "low", "high"), [(0.0, 0.0, 0.0), (0.3, 0.15, 0.4)])
def test_so_many_pictures_of_a_batch_get_a_style_as_asked(probability: float, low: float, high: float) -> None:
    pictures = [film(seed) // 3 + seed for seed in range(100)]
    mixed = mix_styles(pictures, replace(UNCHANGED, style_probability=probability), np.random.default_rng(0))
    changed = [not np.array_equal(one, other) for one, other in zip(mixed, pictures, strict=True)]
    assert low <= np.mean(changed) <= high


def detail(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.diff(picture.astype(np.float64), axis=1).ravel()


def test_quarter_turns_lay_a_picture_on_each_side_as_often() -> None:
    config = replace(UNCHANGED, quarter_turns=True)
    sides = [np.rot90(film(3), turns) for turns in range(4)]

    def nearest(seed: int) -> int:
        turned = augment(film(3), config, np.random.default_rng(seed))
        (found,) = (number for number, side in enumerate(sides) if np.array_equal(turned, side))
        return found

    counts = np.bincount([nearest(seed) for seed in range(200)], minlength=4)
    assert counts.min() > 30
