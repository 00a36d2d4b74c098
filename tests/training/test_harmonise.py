from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.training.harmonise import (
    Harmonisation,
    body_cropped,
    clahe,
    edges_cut,
    equalised,
    standardised,
    without_dark_borders,
    without_white_boxes,
)
from tests.phantoms import chest_film

EACH = (body_cropped, clahe, edges_cut, equalised, standardised, without_dark_borders, without_white_boxes)
SAME_SIZE = (clahe, equalised, standardised, without_white_boxes)


def film(seed: int = 0) -> NDArray[np.uint8]:
    """Return a film whose whitest level is 220, so that white boxes are boxes."""
    return np.rint(chest_film(240, 200, seed) * 220).astype(np.uint8)


@pytest.mark.parametrize("step", EACH)
def test_a_step_returns_new_grey_levels_and_leaves_its_argument_alone(step: Harmonisation) -> None:
    grey = film()
    before = grey.copy()
    found = step(grey)
    assert found.dtype == np.uint8
    assert found.ndim == 2
    assert not np.shares_memory(found, grey)
    np.testing.assert_array_equal(grey, before)
    assert (found.shape == grey.shape) is (step in SAME_SIZE) or step in {without_dark_borders, body_cropped}


@pytest.mark.parametrize("step", EACH)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_constant_picture_stays_a_picture_of_one_grey(step: Harmonisation, level: int) -> None:
    found = step(np.full((60, 50), level, np.uint8))
    assert found.size > 0
    assert np.ptp(found) == 0


@pytest.mark.parametrize("step", [standardised, equalised])
def test_contrast_and_brightness_of_a_film_no_longer_show(step: Harmonisation) -> None:
    grey = film()
    darker = np.rint(grey * 0.5 + 20).astype(np.uint8)
    assert np.abs(grey.astype(float) - darker).mean() > 30
    # Half as many levels are left of the darker film, which is what keeps the two from being equal.
    assert np.abs(step(grey).astype(float) - step(darker)).mean() < 3


def test_clahe_raises_the_contrast_of_a_flat_exposure_more_than_that_of_a_good_one() -> None:
    grey = film()
    flat = np.rint(grey * 0.3 + 60).astype(np.uint8)
    assert clahe(flat).std() / flat.std() > 1.2 * clahe(grey).std() / grey.std()


def test_a_dark_frame_is_cut_and_the_film_inside_is_untouched() -> None:
    inner = np.clip(film(), 30, 255)
    framed = np.full((300, 260), 3, np.uint8)
    framed[20:260, 40:240] = inner
    np.testing.assert_array_equal(without_dark_borders(framed), inner)
    np.testing.assert_array_equal(without_dark_borders(inner), inner)


def test_a_frame_that_would_take_more_than_half_is_no_frame() -> None:
    mostly_dark = np.zeros((200, 200), np.uint8)
    mostly_dark[80:120, 80:120] = film()[100:140, 60:100]
    assert without_dark_borders(mostly_dark).shape == (200, 200)


def test_edges_lose_eight_percent_at_each_side() -> None:
    np.testing.assert_array_equal(edges_cut(film()), film()[19:221, 16:184])


def test_white_boxes_and_letters_are_painted_over_from_their_surroundings() -> None:
    grey = film()
    marked = grey.copy()
    marked[100:130, 40:90] = 255
    marked[5:9, 150:190] = 255
    found = without_white_boxes(marked)
    assert found.max() < 250
    changed = np.abs(found.astype(int) - grey)
    assert changed.mean() < 2
    assert changed[150:].max() == 0  # away from the boxes nothing is touched


def test_white_bone_and_a_white_exposure_are_left() -> None:
    grey = film()
    bone = grey.copy()
    cv2.circle(bone, (100, 120), 40, 255, 2)  # a ring fills little of its bounding box
    np.testing.assert_array_equal(without_white_boxes(bone), bone)
    exposed = grey.copy()
    exposed[:, :60] = 255
    np.testing.assert_array_equal(without_white_boxes(exposed), exposed)


def test_a_body_on_a_dark_ground_is_cropped_to() -> None:
    ground = np.zeros((240, 240), np.uint8)
    cv2.ellipse(ground, (120, 130), (70, 90), 0, 0, 360, 180, -1)
    rows, columns = body_cropped(ground).shape
    # A blur and Otsu's threshold find the edge within a few pixels.
    assert abs(rows - 181) < 10
    assert abs(columns - 141) < 10


def test_a_crop_to_less_than_half_is_not_made() -> None:
    ground = np.zeros((240, 240), np.uint8)
    cv2.circle(ground, (60, 60), 30, 180, -1)
    assert body_cropped(ground).shape == (240, 240)
