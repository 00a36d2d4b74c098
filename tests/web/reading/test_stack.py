"""The viewer gets whole numbers that mean what the image means, and the letters of its sides."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.explain.overlay import display_slice
from radiolens.image import Image, Source, Unit
from radiolens.web.reading.stack import Stack, edges, make_stack
from tests.phantoms import chest_film, head_slice

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
TILTED = (1.0, 0.0, 0.0, 0.0, 0.906, -0.423)  # by 25 degrees, as a gantry is for a head


def values(stack: Stack) -> NDArray[np.float64]:
    """Return what the pixels of a stack mean."""
    return stack.pixels.astype(float) * stack.showing.slope + stack.showing.intercept


def shown(stack: Stack, place: int = 0) -> NDArray[np.float64]:
    """Return the grey levels that the first window makes of a slice."""
    low = stack.showing.window.centre - stack.showing.window.width / 2
    return np.clip((values(stack)[place] - low) / stack.showing.window.width, 0, 1) * 255


def test_a_film_is_shown_as_it_was_decoded() -> None:
    film = Image(chest_film()[None], Unit.UNIT_INTERVAL, Source("png"))
    stack = make_stack(film)
    assert np.abs(values(stack) / 100 - film.pixels).max() < 1e-5
    assert np.abs(shown(stack) - display_slice(film, 0)).max() <= 0.51
    assert (stack.showing.unit, stack.showing.presets, stack.showing.spacing_mm) == ("unit_interval", (), None)


def test_hounsfield_units_stay_hounsfield_units() -> None:
    head = Image(
        np.stack([head_slice(), head_slice(height=0.5)]).astype(np.float32),
        Unit.HOUNSFIELD,
        Source("dicom"),
        modality="CT",
        slice_indices=(4, 5),
        slice_count=9,
    )
    stack = make_stack(head)
    assert stack.pixels.dtype == np.dtype("<i2")
    assert np.abs(values(stack) - head.pixels).max() <= 0.5
    assert np.abs(shown(stack, 1) - display_slice(head, 5)).max() <= 2.5  # half a unit of a window of 80
    assert [preset.name for preset in stack.showing.presets] == ["brain", "blood", "stroke", "bone"]
    assert (stack.showing.indices, stack.showing.count, stack.showing.modality) == ((4, 5), 9, "CT")


@pytest.mark.parametrize(("low", "high"), [(0.0, 4095.0), (-3.0, 2.5), (1e5, 3e6)])
def test_values_without_a_unit_keep_their_meaning_over_any_range(
    rng: np.random.Generator, low: float, high: float
) -> None:
    slices = Image(
        rng.uniform(low, high, (2, 40, 30)).astype(np.float32),
        Unit.ARBITRARY,
        Source("dicom"),
        slice_indices=(0, 1),
        slice_count=2,
    )
    stack = make_stack(slices)
    assert np.abs(values(stack) - slices.pixels).max() < (high - low) / 60_000
    assert stack.showing.window.width == pytest.approx(high - low, rel=0.05)


def test_an_empty_slice_can_be_shown() -> None:
    stack = make_stack(Image(np.zeros((1, 8, 8), np.float32), Unit.ARBITRARY, Source("dicom")))
    assert stack.showing.window.width > 0
    assert not stack.pixels.any()


def test_pixels_are_given_row_by_row() -> None:
    film = Image(np.linspace(0, 1, 6, dtype=np.float32).reshape(1, 2, 3), Unit.UNIT_INTERVAL, Source("png"))
    assert np.frombuffer(make_stack(film).slice(0), "<u2").tolist() == [0, 13107, 26214, 39321, 52428, 65535]
    with pytest.raises(IndexError, match="1"):
        make_stack(film).slice(1)
    with pytest.raises(IndexError, match="-1"):
        make_stack(film).slice(-1)


def test_the_sides_are_those_of_the_patient() -> None:
    assert edges(AXIAL) == edges(TILTED).__class__("R", "L", "A", "P")
    assert edges(SAGITTAL) == edges(AXIAL).__class__("A", "P", "H", "F")
    assert (edges(TILTED).top, edges(TILTED).bottom) == ("AH", "PF")


def test_a_film_has_the_sides_that_its_header_names() -> None:
    kind = edges(None).__class__
    assert edges(None, ("L", "F")) == kind("R", "L", "H", "F")
    assert edges(None, ("R", "F")) == kind("L", "R", "H", "F")
    assert edges(None, ("P", "F")) == kind("A", "P", "H", "F")
    assert edges(None, ("L", "PF")) == kind("R", "L", "AH", "PF")
    assert edges(AXIAL, ("R", "F")) == edges(AXIAL), "what was measured goes first"
    film = Image(chest_film()[None], Unit.UNIT_INTERVAL, Source("dicom"), patient_orientation=("L", "F"))
    assert make_stack(film).showing.edges == kind("R", "L", "H", "F")


def test_a_file_that_does_not_say_how_it_lies_gets_no_letters() -> None:
    assert set(vars(edges(None)).values()) == {""}
