import numpy as np
import pytest

from radiolens.quality import ProblemCode
from radiolens.training.gate.defects import (
    DEFECTS,
    cropped,
    head_turned,
    inverted,
    rotated,
    tilted,
    too_bright,
    too_dark,
    trimmed,
    turned,
)

SIDES = (120, 90)


def head(rows: int = 120, columns: int = 90) -> np.ndarray:
    """Return a bright ellipse on black with a brighter spot at its upper end, the face."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    picture = np.where((x / 0.6) ** 2 + (y / 0.8) ** 2 < 1, 120, 0)
    picture[np.hypot(x, y + 0.65) < 0.12] = 255
    return picture.astype(np.uint8)


def face(picture: np.ndarray) -> str:
    """Return where the brightest spot lies from the middle of the body."""
    spot = np.argwhere(picture > 230).mean(axis=0)
    body = np.argwhere(picture > 60).mean(axis=0)
    down, right = spot - body
    if abs(down) > 3 * abs(right):
        return "up" if down < 0 else "down"
    if abs(right) > 3 * abs(down):
        return "left" if right < 0 else "right"
    return "oblique"


def draws(count: int = 40) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_every_defect_has_the_code_that_is_right_for_it() -> None:
    assert set(DEFECTS) <= {code.value for code in ProblemCode}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_changes_a_copy_and_is_drawn_anew_from_the_same_seed(name: str) -> None:
    picture = head()
    kept = picture.copy()
    first, second = (DEFECTS[name](picture, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(picture, kept)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.uint8
    assert first.shape != kept.shape or not np.array_equal(first, kept)


def test_inverting_twice_gives_the_picture_back() -> None:
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(inverted(inverted(head(), random), random), head())


def test_a_rotated_picture_is_never_upright() -> None:
    found = [face(rotated(head(), random)) for random in draws()]
    assert "up" not in found
    assert {"down", "left", "right", "oblique"} <= set(found)


def test_a_tilt_leaves_the_picture_upright() -> None:
    assert {face(tilted(head(), random)) for random in draws()} <= {"up"}


@pytest.mark.parametrize(("degrees", "expected"), [(90, "left"), (180, "down"), (270, "right"), (0, "up")])
@pytest.mark.parametrize("whole", [True, False])
def test_turning_is_counter_clockwise(degrees: float, expected: str, whole: bool) -> None:
    assert face(turned(head(), degrees, whole=whole)) == expected


def test_a_whole_turn_loses_nothing_of_the_picture() -> None:
    full = np.full(SIDES, 200, np.uint8)
    whole, cut = (turned(full, 45, whole=whole) for whole in (True, False))
    assert int(whole.sum()) == pytest.approx(int(full.sum()), rel=0.03)
    assert int(cut.sum()) < 0.9 * int(full.sum())


@pytest.mark.parametrize(("degrees", "start"), [(0.0, 0), (90.0, 1)])
def test_a_turned_head_looks_down_or_between_the_quarters_wherever_it_looked_before(degrees: float, start: int) -> None:
    picture = np.ascontiguousarray(np.rot90(head(), start))
    found = [face(head_turned(picture, random, degrees)) for random in draws(60)]
    assert set(found) <= {"down", "oblique"}
    assert found.count("down") > 20


def test_a_cropped_picture_lacks_a_large_part_of_the_body() -> None:
    whole = (head() > 60).sum()
    for random in draws():
        part = cropped(head(), random)
        if part.shape != SIDES:  # a part that is stretched to the old size has other pixels
            assert (part > 60).sum() < 0.72 * whole
            assert part.size


def test_a_crop_of_a_full_picture_keeps_at_most_two_thirds() -> None:
    film = np.random.default_rng(0).integers(60, 255, (100, 100)).astype(np.uint8)
    sizes = [part.size for random in draws() if (part := cropped(film, random)).shape != film.shape]
    assert max(sizes) < 6600
    assert min(sizes) > 900


def test_a_trim_keeps_nine_tenths_of_each_side() -> None:
    for random in draws():
        rows, columns = trimmed(head(), random).shape
        assert rows >= 0.9 * SIDES[0]
        assert columns >= 0.9 * SIDES[1]


def test_exposures_leave_little_to_see() -> None:
    film = np.tile(np.linspace(0, 255, 128), (64, 1)).astype(np.uint8)
    for random in draws():
        assert too_dark(film, random).max() < 60
        bright = too_bright(film, random)
        assert (bright == 255).mean() > 0.7


def test_even_a_black_picture_can_have_every_defect() -> None:
    black = np.zeros((20, 20), np.uint8)
    for name, change in DEFECTS.items():
        assert change(black, np.random.default_rng(0)).ndim == 2, name
