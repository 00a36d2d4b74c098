"""The pointing game and the mass inside, on maps and masks of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.validation.explanations.localisation import (
    ANY_LABEL,
    CENTRE,
    MEAN_MASK,
    NEAR,
    Found,
    Marked,
    centre_map,
    find,
    localisations,
)
from radiolens.validation.plan import Plan

PLAN = Plan(resamples=200)
SIDE = 56


def square(row: int, column: int, half: int = 4) -> NDArray[np.bool_]:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[max(row - half, 0) : row + half, max(column - half, 0) : column + half] = True
    return mask


def one_cell(row: int, column: int) -> NDArray[np.float32]:
    values = np.zeros((7, 7), np.float32)
    values[row, column] = 3.0
    return values


def test_a_map_points_at_the_centre_of_its_strongest_cell() -> None:
    assert find(one_cell(1, 5), square(12, 44)).pointing  # the cell's centre is (12, 44)
    assert not find(one_cell(1, 5), square(44, 12)).pointing
    assert find(one_cell(0, 0), square(4, 4)).pointing
    assert not find(one_cell(0, 0), square(12, 12)).pointing


def test_the_mass_is_the_share_of_the_enlarged_map_inside() -> None:
    even = np.ones((7, 7), np.float32)
    mask = square(20, 20)
    assert find(even, mask).mass == pytest.approx(mask.mean())
    full = np.asarray(square(20, 20), np.float32)
    assert find(full, mask) == Found(pointing=True, near=True, mass=pytest.approx(1.0))
    assert find(one_cell(1, 5), np.ones((SIDE, SIDE), bool)).mass == pytest.approx(1.0)


def test_near_is_within_fifteen_pixels_of_224() -> None:
    tolerance = NEAR * SIDE  # 3.75 pixels here
    for gap, near in ((1, True), (3, True), (5, False)):
        mask = np.zeros((SIDE, SIDE), bool)
        mask[12, 44 + gap :] = True
        found = find(one_cell(1, 5), mask)
        assert (found.pointing, found.near) == (False, near), (gap, tolerance)
    assert find(one_cell(1, 5), square(12, 44)).near


def test_a_map_of_zeros_finds_nothing() -> None:
    assert find(np.zeros((7, 7), np.float32), np.ones((SIDE, SIDE), bool)) == Found(False, False, 0.0)


def test_the_centre_prior_is_strongest_in_the_middle_and_symmetric() -> None:
    values = centre_map(40, 60)
    np.testing.assert_allclose(values, values[::-1, ::-1], rtol=1e-5)
    assert find(values, np.pad(np.ones((4, 4), bool), ((18, 18), (28, 28)))).pointing
    inner = values[:, 15:45].sum() / values.sum()  # one standard deviation to either side, cut at two
    assert inner == pytest.approx(0.6827 / 0.9545, abs=0.01)


def marked(count: int, seed: int = 0) -> tuple[Marked, NDArray[np.float32]]:
    """Return lesions at random places with maps that are strongest in the cell of their middle."""
    random = np.random.default_rng(seed)
    places = random.integers(0, 7, (count, 2))
    masks = np.stack([square(8 * row + 4, 8 * column + 4, 6) for row, column in places])
    labels = tuple("glioma" if number % 2 else "pituitary" for number in range(count))
    return Marked(labels, np.arange(count), masks), np.stack([one_cell(*place) for place in places])


def test_a_map_that_knows_the_place_beats_both_priors() -> None:
    cases, maps = marked(60)
    mean_masks = {ANY_LABEL: cases.masks.mean(axis=0), "glioma": cases.masks[1::2].mean(axis=0)}
    every, glioma, pituitary = localisations("activation map", maps, cases, mean_masks, PLAN)
    assert [entry.label for entry in (every, glioma, pituitary)] == ["all", "glioma", "pituitary"]
    assert [entry.cases for entry in (every, glioma, pituitary)] == [60, 30, 30]
    assert every.pointing.estimate == 1.0
    assert every.area == pytest.approx(cases.masks.mean())
    assert [prior.name for prior in every.priors] == [CENTRE, MEAN_MASK]
    for prior in every.priors:
        assert prior.pointing_difference.low > 0.5
        assert prior.mass_difference.low > 0.2
        assert prior.pointing_difference.estimate == pytest.approx(1 - prior.pointing.estimate)


def test_a_prior_does_not_beat_itself() -> None:
    cases, _ = marked(40)
    (every, *_) = localisations("x", np.repeat(centre_map(SIDE, SIDE)[None], 40, axis=0), cases, {}, PLAN)
    (centre,) = every.priors  # without training masks there is no other prior
    difference = centre.pointing_difference
    assert (difference.estimate, difference.low, difference.high) == (0, 0, 0)
    assert centre.mass_difference.estimate == pytest.approx(0, abs=1e-9)


def test_slices_of_one_patient_count_once_for_the_interval() -> None:
    cases, maps = marked(60)
    maps[::2] = maps[::2, ::-1]  # half of the maps are upside down
    grouped = Marked(cases.labels, np.arange(60) // 10 % 2 + 2 * (np.arange(60) % 2), cases.masks)
    alone, together = (localisations("x", maps, each, {}, PLAN)[0] for each in (cases, grouped))
    assert (alone.patients, together.patients) == (60, 4)
    assert together.pointing.high - together.pointing.low > 2 * (alone.pointing.high - alone.pointing.low)
    assert together.mass.high - together.mass.low > alone.mass.high - alone.mass.low
    assert alone.pointing.estimate == pytest.approx(together.pointing.estimate)
