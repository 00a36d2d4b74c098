"""Which side of the patient is where on the slices of a NIfTI volume: as its header says, and never guessed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.imaging.selection import EVERY
from radiolens.imaging.untrusted import read_untrusted
from radiolens.web.reading.stack import Edges, make_stack
from tests.imaging.test_nifti import ORIENTATIONS, RAS, VOXELS, stored_as

Affine = NDArray[np.float64]

CONTRADICTION = "The NIfTI file says in two ways how the patient lay, and they differ; the sides are not shown."
FLIPS = [np.diag([*signs, 1.0]) for signs in itertools.product((1.0, -1.0), repeat=3)]
ENDS: Mapping[int, tuple[str, str]] = {100: ("L", "R"), 10: ("P", "A"), 1: ("F", "H")}
"""By what VOXELS add for one step along an axis of the patient: the letters of its beginning and its end."""


def file_of(
    voxels: NDArray[np.int16], *, sform: Affine | None = None, qform: Affine | None = None, code: int = 1
) -> bytes:
    """Return a file with these of the two affines; one that is not given has the code 0."""
    volume = nibabel.Nifti1Image(voxels, None)
    volume.set_sform(sform, code if sform is not None else 0)
    volume.set_qform(qform, code if qform is not None else 0)
    header = nibabel.Nifti1Image.from_bytes(volume.to_bytes()).header
    assert (header["sform_code"] > 0, header["qform_code"] > 0) == (sform is not None, qform is not None)
    return volume.to_bytes()


def letters(content: bytes) -> Edges:
    """Return the letters that the viewer shows at the edges of the slices."""
    return make_stack(read_untrusted([content], EVERY)).showing.edges


def told_by_the_voxels(content: bytes) -> Edges:
    """Return the letters that belong to the edges, by voxels that count where in the patient they are."""
    first = read_untrusted([content], EVERY).pixels[0]
    columns, rows = int(first[0, 1] - first[0, 0]), int(first[1, 0] - first[0, 0])
    left, right = ENDS[abs(columns)][:: 1 if columns > 0 else -1]
    top, bottom = ENDS[abs(rows)][:: 1 if rows > 0 else -1]
    return Edges(left, right, top, bottom)


@pytest.mark.parametrize("by", ["sform", "qform"])
@pytest.mark.parametrize("orientation", [*ORIENTATIONS[::3], "RAS", "LPS"])
def test_the_letters_stand_where_the_voxels_are(orientation: str, by: str) -> None:
    voxels, affine = stored_as(orientation)
    content = file_of(voxels, sform=affine if by == "sform" else None, qform=affine if by == "qform" else None)
    assert letters(content) == told_by_the_voxels(content) == Edges("R", "L", "A", "P")


@pytest.mark.parametrize("flip", FLIPS, ids=lambda flip: "".join("+-"[int(sign < 0)] for sign in np.diag(flip)[:3]))
@pytest.mark.parametrize(
    ("axis", "expected"),
    [(0, Edges("A", "P", "H", "F")), (1, Edges("R", "L", "H", "F")), (2, Edges("R", "L", "A", "P"))],
)
def test_all_eight_flips_of_the_axes_give_the_letters_of_the_cut(flip: Affine, axis: int, expected: Edges) -> None:
    turned = VOXELS[tuple(slice(None, None, int(sign)) for sign in np.diag(flip)[:3])]
    content = file_of(np.take(turned, [2], axis), sform=flip @ RAS)
    assert letters(content) == told_by_the_voxels(content) == expected


def test_an_oblique_volume_has_two_letters_where_its_slices_lean() -> None:
    turn = np.radians(30)
    nodded = np.eye(4)  # about the axis from right to left: the front goes up
    nodded[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    for flip in FLIPS:
        content = file_of(VOXELS, sform=nodded @ flip @ RAS)
        assert letters(content) == Edges("R", "L", "AH", "PF")
    found = read_untrusted([file_of(VOXELS, qform=nodded @ RAS)], EVERY).orientation
    assert found == pytest.approx((1, 0, 0, 0, np.cos(turn), -np.sin(turn)), abs=1e-6)


@pytest.mark.parametrize("voxels", [VOXELS, VOXELS[:, :, 2]], ids=["volume", "slice"])
def test_a_file_that_knows_no_patient_gets_no_letters(voxels: NDArray[np.int16]) -> None:
    content = file_of(voxels)
    image = read_untrusted([content], EVERY)
    assert image.orientation is None
    assert not letters(content).known
    assert letters(file_of(voxels, sform=RAS)).known


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_every_space_that_the_format_knows_tells_the_sides(code: int) -> None:
    assert letters(file_of(VOXELS, sform=RAS, code=code)).right == "L"


def test_a_code_that_the_format_does_not_know_tells_nothing() -> None:
    content = bytearray(file_of(VOXELS, sform=RAS))
    content[254:256] = np.int16(77).tobytes()  # sform_code
    image = read_untrusted([bytes(content)], EVERY)
    assert image.orientation is None
    assert image.source.warnings == ("sform_code 77 not valid; setting to 0",)


def test_of_two_places_that_differ_neither_is_believed() -> None:
    mirrored = np.diag([-1.0, 1, 1, 1]) @ RAS
    image = read_untrusted([file_of(VOXELS, sform=RAS, qform=mirrored)], EVERY)
    assert (image.orientation, image.source.warnings) == (None, (CONTRADICTION,))


def test_two_places_that_differ_by_a_tilt_agree_on_the_sides() -> None:
    """As of a brain that was turned into the space of a template, beside that of the scanner."""
    turn = np.radians(8)
    tilted = np.eye(4)
    tilted[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    image = read_untrusted([file_of(VOXELS, sform=RAS, qform=tilted @ RAS)], EVERY)
    assert image.orientation == pytest.approx((1, 0, 0, 0, 1, 0))
    assert image.source.warnings == ()


@pytest.mark.parametrize("quaternion", [3.0, np.nan])
def test_a_place_that_makes_no_sense_contradicts_the_other(quaternion: float) -> None:
    content = bytearray(file_of(VOXELS, sform=RAS, qform=RAS))
    content[256:260] = np.float32(quaternion).tobytes()  # quatern_b
    image = read_untrusted([bytes(content)], EVERY)
    assert (image.orientation, image.source.warnings) == (None, (CONTRADICTION,))


@pytest.mark.parametrize("step", [5e-324, 1e-200, 1e-3, 1e100])
def test_steps_of_any_size_have_a_direction(step: float) -> None:
    """NIfTI-2 has them as doubles, whose squares may be 0."""
    volume = nibabel.Nifti2Image(VOXELS, None)
    volume.header["sform_code"] = 1
    for axis, row in enumerate(("srow_x", "srow_y", "srow_z")):
        volume.header[row] = np.eye(4)[axis] * step
    assert read_untrusted([volume.to_bytes()], EVERY).orientation == (1, 0, 0, 0, 1, 0)
