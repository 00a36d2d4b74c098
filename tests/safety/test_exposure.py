"""Exposures that leave nothing to see, and those that only look odd."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.image import Unit
from radiolens.quality import ProblemCode
from radiolens.safety.exposure import check_ct_window, check_exposure
from tests.phantoms import chest_film, head_slice

EIGHT_BITS, SIXTEEN_BITS = 255, 65535


def codes(pixels: NDArray[np.float64], unit: Unit = Unit.UNIT_INTERVAL, *, white_bone: bool = False) -> list[str]:
    return [problem.code.value for problem in check_exposure(pixels.astype(np.float32), unit, white_bone=white_bone)]


def stored(pixels: NDArray[np.floating], largest: int = EIGHT_BITS) -> NDArray[np.float64]:
    """Return what is read of a picture that was stored in this many grey levels."""
    return np.asarray(np.rint(np.clip(pixels, 0, 1) * largest) / largest, np.float64)


def windowed_head(low: float = -30.0, high: float = 110.0, height: float = 0.0) -> NDArray[np.float64]:
    """Return a CT slice as a picture in a brain window, in which the skull is white."""
    return stored((head_slice(256, 256, height).astype(np.float64) - low) / (high - low))


def test_a_film_is_neither_too_dark_nor_too_bright() -> None:
    assert codes(stored(chest_film(800, 700))) == []


@pytest.mark.parametrize("gain", [0.02, 0.1, 0.18])
def test_a_film_with_few_grey_levels_left_is_too_dark(gain: float) -> None:
    assert codes(stored(gain * chest_film().astype(np.float64) ** 1.5)) == ["too_dark"]


def test_a_dark_picture_with_all_its_grey_levels_is_answered_since_it_is_stretched() -> None:
    assert codes(stored(chest_film().astype(np.float64) / 16, SIXTEEN_BITS)) == []


@pytest.mark.parametrize("gain", [3.0, 4.0])
def test_a_film_whose_body_is_clipped_to_white_is_too_bright(gain: float) -> None:
    (problem,) = check_exposure(stored(gain * chest_film()).astype(np.float32), Unit.UNIT_INTERVAL)
    assert problem.code is ProblemCode.TOO_BRIGHT
    assert "of the body are clipped to white. Check the exposure" in problem.message


def test_a_skull_that_is_white_in_a_brain_window_is_no_clipping_but_a_white_brain_is() -> None:
    assert codes(windowed_head(), white_bone=True) == []
    assert codes(windowed_head(-30, 20), white_bone=True) == ["too_bright"]


def test_a_small_slice_of_bone_near_the_vertex_is_not_called_too_bright() -> None:
    bone = np.zeros((200, 200))
    bone[70:120, 60:120] = 1.0
    assert codes(bone, white_bone=True) == []
    assert codes(bone) == ["too_bright"]


@pytest.mark.parametrize(("level", "expected"), [(0.0, "too_dark"), (0.3, "too_dark"), (0.7, "too_bright")])
def test_a_picture_of_one_grey_is_refused(level: float, expected: str) -> None:
    assert codes(np.full((100, 120), level)) == [expected]


@pytest.mark.parametrize("unit", [Unit.HOUNSFIELD, Unit.ARBITRARY])
def test_values_without_a_full_scale_are_refused_only_if_all_are_the_same(unit: Unit) -> None:
    assert codes(head_slice().astype(np.float64), unit) == []
    assert codes(head_slice().astype(np.float64) * 1e-3, unit) == []
    assert codes(np.full((90, 80), -1000.0), unit) == ["too_dark"]


def test_letters_on_a_black_picture_do_not_make_it_bright_enough() -> None:
    dark = stored(0.1 * chest_film(400, 400))
    dark[5:15, 5:15] = 1.0
    assert codes(dark) == ["too_dark"]


def test_a_head_ct_needs_bone_that_is_white() -> None:
    def refused(pixels: NDArray[np.float64], unit: Unit = Unit.UNIT_INTERVAL) -> list[str]:
        return [problem.code.value for problem in check_ct_window(pixels.astype(np.float32), unit)]

    whole_range = (head_slice() + 1000.0) / 4000
    whole_range[40, 40] = 1.0  # a clip of metal
    assert refused(windowed_head()) == []
    assert refused(whole_range) == ["outside_intended_use"]
    assert refused(whole_range * 4000 - 1000, Unit.HOUNSFIELD) == []
    assert refused(np.zeros((90, 90))) == []
    above_the_vertex = np.zeros((90, 90))
    above_the_vertex[40:50, 40:50] = 0.3
    above_the_vertex[45, 45] = 1.0
    assert refused(above_the_vertex) == []
