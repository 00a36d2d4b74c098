"""Occlusion maps against scores of which it is known where they look."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.explain.occlusion import LARGEST_GRID, network_runs, occlusion_maps


def spots(*places: tuple[int, int], side: int = 70) -> NDArray[np.uint8]:
    """Return a dark picture with a bright spot of 7 pixels at each place."""
    grey = np.full((side, side), 40, np.uint8)
    for row, column in places:
        grey[row - 3 : row + 4, column - 3 : column + 4] = 240
    return grey


def brightest(*windows: tuple[slice, slice]):  # type: ignore[no-untyped-def]  # noqa: ANN201  a Score
    """Return a score with one label for each window: the brightest pixel in it."""
    return lambda grey: np.stack([grey[:, rows, columns].max(axis=(1, 2)) for rows, columns in windows], axis=1)


def test_each_label_falls_where_its_own_spot_is_hidden() -> None:
    grey = spots((14, 14), (56, 35))
    score = brightest((slice(0, 35), slice(None)), (slice(35, 70), slice(None)))
    maps = occlusion_maps(grey, score, patch_share=0.2, stride_share=1 / 7)
    assert (maps.shape, maps.dtype) == ((2, 7, 7), np.float32)
    first, second = (np.argwhere(values == values.max()).mean(axis=0) for values in maps)
    np.testing.assert_allclose((first + 0.5) * 10, (14, 14), atol=5)
    np.testing.assert_allclose((second + 0.5) * 10, (56, 35), atol=5)
    assert maps[0, 4:].max() == maps[1, :3].max() == 0


def test_what_raises_the_score_when_hidden_counts_as_nothing() -> None:
    maps = occlusion_maps(spots((35, 35)), lambda grey: -grey.max(axis=(1, 2))[:, np.newaxis].astype(float))
    assert maps.max() == 0


def test_an_even_picture_has_nothing_to_hide() -> None:
    maps = occlusion_maps(np.full((50, 30), 90, np.uint8), lambda grey: grey.reshape(len(grey), -1)[:, :1] * 1.0)
    assert maps.max() == 0


def test_each_pixel_is_hidden_at_least_once_and_the_network_runs_as_often_as_told(rng: np.random.Generator) -> None:
    for shape, stride in (((31, 47), 0.1), ((15, 13), 1 / 14), ((64, 64), 1.0)):
        grey = rng.integers(0, 2, shape, np.uint8) * 255
        seen: list[NDArray[np.uint8]] = []

        def score(pictures: NDArray[np.uint8], seen: list[NDArray[np.uint8]] = seen) -> NDArray[np.float64]:
            seen.extend(pictures)
            return np.zeros((len(pictures), 1))

        occlusion_maps(grey, score, patch_share=max(stride, 0.2), stride_share=stride)
        assert len(seen) == network_runs(stride)
        np.testing.assert_array_equal(seen[0], grey)
        changed = np.any([picture != grey for picture in seen[1:]], axis=0)
        assert changed.mean() > 0.98  # a blurred pixel may by chance be as it was


def test_the_cost_is_bounded_and_the_picture_left_as_it_is(rng: np.random.Generator) -> None:
    assert network_runs(0.001) == LARGEST_GRID**2 + 1 == 197
    assert network_runs() == 101
    grey = rng.integers(0, 256, (40, 40), np.uint8)
    before = grey.copy()
    batches: list[int] = []

    def score(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        batches.append(len(pictures))
        return pictures.mean(axis=(1, 2))[:, np.newaxis]

    first = occlusion_maps(grey, score)
    np.testing.assert_array_equal(grey, before)
    assert max(batches) <= 8
    np.testing.assert_array_equal(first, occlusion_maps(grey, score))


@pytest.mark.parametrize(
    ("shape", "shares", "message"),
    [
        ((3, 8, 8), (0.2, 0.1), r"found the shape \(3, 8, 8\)"),
        ((8, 8), (0.0, 0.1), "patch_share must be above 0"),
        ((8, 8), (0.2, 1.5), "stride_share must be above 0 and at most 1, found 1.5"),
    ],
)
def test_what_makes_no_map_is_told(shape: tuple[int, ...], shares: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        occlusion_maps(np.zeros(shape, np.uint8), lambda grey: np.zeros((len(grey), 1)), *shares)


def test_a_score_that_is_not_finite_is_told() -> None:
    with pytest.raises(ValueError, match="not finite"):
        occlusion_maps(np.zeros((8, 8), np.uint8), lambda grey: np.full((len(grey), 1), np.inf))
