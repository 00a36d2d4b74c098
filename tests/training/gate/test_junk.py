import numpy as np
import pytest

from radiolens.training.gate.composed import COMPOSED
from radiolens.training.gate.drawn import DRAWN


def film() -> np.ndarray:
    y, x = np.mgrid[-1:1:200j, -1:1:180j]
    return np.rint(127 + 120 * np.sin(4 * x) * np.cos(3 * y)).astype(np.uint8)


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_picture_is_grey_and_follows_from_its_seed(name: str) -> None:
    first, again, other = (DRAWN[name](np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.uint8
    assert first.ndim == 2
    assert min(first.shape) >= 100
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("name", COMPOSED)
def test_a_composed_picture_is_made_of_genuine_ones(name: str) -> None:
    asked = []

    def genuine() -> np.ndarray:
        asked.append(1)
        return film()

    made = COMPOSED[name](np.random.default_rng(1), genuine)
    assert asked
    assert made.dtype == np.uint8
    assert made.ndim == 2
    assert not np.array_equal(made, film())


def test_shuffled_pieces_keep_their_grey_levels() -> None:
    made = COMPOSED["shuffled"](np.random.default_rng(0), film)
    assert made.mean() == pytest.approx(film().mean(), abs=3)


def test_a_collage_holds_several_pictures() -> None:
    white = np.full((50, 50), 255, np.uint8)
    black = np.zeros((50, 50), np.uint8)
    pictures = iter([white, black] * 30)
    levels = [COMPOSED["collage"](np.random.default_rng(seed), lambda: next(pictures)) for seed in range(3)]
    assert all({0, 255} <= set(np.unique(picture).tolist()) for picture in levels)


def test_no_two_families_share_a_name() -> None:
    assert not DRAWN.keys() & COMPOSED.keys()
