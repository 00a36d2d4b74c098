"""NIfTI volumes of any orientation are seen as a radiologist looks at them."""

from __future__ import annotations

import gzip
import itertools
import logging

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform
from numpy.typing import NDArray

from radiolens.errors import UnreadableImage
from radiolens.image import Unit
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import EVERY, SliceSelection
from radiolens.quality import ProblemCode
from tests.phantoms import head_slice, nifti
from tests.shared_data import SHARED, needs_shared_data

SIDES_MM = 2.0, 3.0, 4.0
RAS = np.diag([*SIDES_MM, 1.0])
# Every voxel tells where it is: hundreds to the right, tens to the front, ones to the head.
VOXELS = np.add.outer(np.add.outer(np.arange(4) * 100, np.arange(5) * 10), np.arange(6)).astype(np.int16)
AXIAL = VOXELS[::-1, ::-1].transpose(2, 1, 0)  # foot to head; front to back; right to left

ORIENTATIONS = [
    "".join(letters) for order in itertools.permutations(("LR", "PA", "IS")) for letters in itertools.product(*order)
]


def stored_as(orientation: str, voxels: NDArray[np.int16] = VOXELS) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Return the volume with its axes running as `orientation` says, and the affine that says so."""
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(orientation))
    turned = nibabel.apply_orientation(voxels, turn)
    return turned, RAS @ inv_ornt_aff(turn, voxels.shape)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_is_seen_in_the_radiological_one(orientation: str) -> None:
    image = decode([nifti(*stored_as(orientation))], EVERY)
    np.testing.assert_array_equal(image.pixels, AXIAL)
    assert image.spacing_mm == (3.0, 2.0)
    assert (image.unit, image.source.format, image.slice_count) == (Unit.ARBITRARY, "nifti", 6)


def test_a_ct_is_known_by_its_air_and_mr_by_having_none() -> None:
    slices = np.stack([head_slice(height=height) for height in (0, 0.3)], axis=-1)
    assert decode([nifti(slices, RAS)], EVERY).unit is Unit.HOUNSFIELD
    assert decode([nifti(slices + 1024, RAS)], EVERY).unit is Unit.ARBITRARY  # stored without its rescale
    phases = np.random.default_rng(0).integers(-4096, 4096, (40, 30, 2)).astype(np.int16)
    assert decode([nifti(phases, RAS)], EVERY).unit is Unit.ARBITRARY


def test_an_oblique_volume_is_seen_in_the_nearest_orientation() -> None:
    turn = np.radians(20)
    oblique = np.eye(4)
    oblique[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    np.testing.assert_array_equal(decode([nifti(VOXELS, oblique @ RAS)], EVERY).pixels, AXIAL)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_both_versions_are_read_packed_or_not(version: int, packed: bool) -> None:
    content = nifti(VOXELS, RAS, version)
    image = decode([gzip.compress(content) if packed else content], EVERY)
    np.testing.assert_array_equal(image.pixels, AXIAL)


def test_big_endian_files_are_read() -> None:
    header = nibabel.Nifti1Header(endianness=">")
    content = nibabel.Nifti1Image(VOXELS.astype(">i2"), RAS, header).to_bytes()
    assert content[:4] == (348).to_bytes(4, "big")
    np.testing.assert_array_equal(decode([content], EVERY).pixels, AXIAL)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (0, VOXELS[1, ::-1, ::-1].T),  # sagittal: head to foot, front to back
        (1, VOXELS[::-1, 1, ::-1].T),  # coronal: head to foot, right to left
        (2, VOXELS[::-1, ::-1, 1].T),  # axial: front to back, right to left
    ],
)
@pytest.mark.parametrize("orientation", ["RAS", "LPS", "SAR", "PIL"])
def test_a_single_slice_along_any_axis_is_one_image(axis: int, expected: NDArray[np.int16], orientation: str) -> None:
    single = np.take(VOXELS, [1], axis)
    image = decode([nifti(*stored_as(orientation, single))])
    assert image.slice_count == 1
    np.testing.assert_array_equal(image.pixels[0], expected)


def test_a_file_of_two_dimensions_is_one_slice() -> None:
    np.testing.assert_array_equal(decode([nifti(VOXELS[:, :, 2], RAS)]).pixels[0], VOXELS[::-1, ::-1, 2].T)


def test_thick_coronal_slices_are_shown_as_they_were_made() -> None:
    affine = np.array([[2.0, 0, 0, 0], [0, 0, 9.0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])  # right, head, front
    image = decode([nifti(VOXELS, affine)], EVERY)
    assert (image.slice_count, image.spacing_mm) == (6, (2.0, 2.0))
    np.testing.assert_array_equal(image.pixels[3], VOXELS[::-1, ::-1, 3].T)


def test_only_the_selected_slices_are_read() -> None:
    image = decode([nifti(VOXELS, RAS)], SliceSelection(0.5, 0.9, 2))
    assert (image.slice_indices, image.slice_count) == ((3, 5), 6)
    np.testing.assert_array_equal(image.pixels, AXIAL[[3, 5]])


def test_of_several_volumes_the_first_is_read_and_the_rest_is_told() -> None:
    image = decode([nifti(np.stack([VOXELS, VOXELS + 1], axis=-1), RAS)], EVERY)
    np.testing.assert_array_equal(image.pixels, AXIAL)
    assert image.source.warnings == ("Of 2 volumes the first was read.",)


def test_slope_and_intercept_are_applied() -> None:
    volume = nibabel.Nifti1Image(VOXELS, RAS)
    volume.header.set_slope_inter(2, -5)
    np.testing.assert_array_equal(decode([volume.to_bytes()], EVERY).pixels, AXIAL * 2 - 5)


def test_voxels_that_are_no_numbers_become_the_lowest_and_are_told() -> None:
    voxels = VOXELS.astype(np.float32) + 7
    voxels[0, 0, 0], voxels[1, 1, 1] = np.nan, np.inf
    image = decode([nifti(voxels, RAS)], EVERY)
    assert image.pixels.min() == 8  # at (0, 0, 1), beside the lowest, which became NaN
    assert image.source.warnings == ("Voxels that are no numbers were set to the lowest value.",)


def test_what_is_mended_in_a_header_is_told_and_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    content = bytearray(nifti(VOXELS, RAS))
    content[80:84] = np.float32(-2).tobytes()  # pixdim[1]
    with caplog.at_level(logging.DEBUG):
        image = decode([bytes(content)], EVERY)
    assert any("pixdim" in remark for remark in image.source.warnings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (nifti(VOXELS, RAS)[:-2], "its header declares 240 bytes of voxels, the file has 238"),
        (nifti(VOXELS, RAS)[:340], "no known image"),
        (gzip.compress(nifti(VOXELS, RAS), mtime=0)[:-20], "compressed file is incomplete"),
        (nifti(VOXELS, RAS).replace(b"n+1\x00", b"ni1\x00"), "two-file NIfTI.*Convert the pair"),
        (nifti(VOXELS.astype(np.complex64), RAS), "values of type complex64; expected numbers"),
        (nifti(np.zeros((4, 5, 6, 1, 3), np.int16), RAS), "the shape .* expected a volume of slices"),
        (nifti(VOXELS[:, :1, :1], RAS), "too small to be images"),
        (nifti(np.full((4, 5, 6), np.nan, np.float32), RAS), "holds no numbers"),
        (nifti(VOXELS, RAS)[:280] + bytes(48) + nifti(VOXELS, RAS)[328:], "does not say how the patient lay"),
    ],
)
def test_what_cannot_be_shown_says_why(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableImage, match=message):
        decode([content], EVERY)


def test_a_volume_over_a_limit_is_refused_before_it_is_read() -> None:
    for limits in (Limits(frames=5), Limits(pixels=29), Limits(inflated_bytes=479)):
        with pytest.raises(UnreadableImage, match=r"too large|too many") as caught:
            decode([nifti(VOXELS, RAS)], EVERY, limits)
        assert caught.value.code is ProblemCode.TOO_LARGE


def test_what_a_gzipped_volume_becomes_is_bounded() -> None:
    content = gzip.compress(nifti(np.zeros((100, 100, 100), np.int16), RAS))
    with pytest.raises(UnreadableImage, match="becomes larger than 1 MB"):
        decode([content], limits=Limits(inflated_bytes=1_000_000))


@needs_shared_data
@pytest.mark.parametrize("case", ["ge/anatomical/001", "ge/anatomical/001_single_slice", "generic/anatomical/001"])
def test_a_real_series_is_ordered_as_its_conversion_to_nifti(case: str) -> None:
    folder = SHARED / "dicom" / "mr" / case
    series = [path.read_bytes() for path in sorted(folder.iterdir(), reverse=True)]
    converted = nibabel.load(f"{folder}_ground_truth.nii.gz")
    to_the_right = nibabel.aff2axcodes(converted.affine) == ("P", "I", "R")
    expected = np.asarray(converted.dataobj).transpose(2, 1, 0)[:: 1 if to_the_right else -1]
    # The normal of sagittal slices (rows to the back, columns down) points to the right.
    np.testing.assert_array_equal(decode(series, EVERY).pixels, expected)


@needs_shared_data
def test_a_real_enhanced_file_holds_the_values_of_its_conversion_to_nifti() -> None:
    folder = SHARED / "dicom" / "mr" / "philips_enhanced" / "anatomical"
    image = decode([next((folder / "001").iterdir()).read_bytes()], EVERY)
    converted = nibabel.load(str(folder / "001_ground_truth.nii.gz"))
    np.testing.assert_allclose(image.pixels, np.asarray(converted.dataobj)[..., 0].transpose(2, 1, 0), rtol=1e-6)


@needs_shared_data
def test_a_slab_of_a_few_slices_is_cut_as_it_was_made() -> None:
    content = (SHARED / "dicom" / "mr" / "ge" / "anatomical" / "001_ground_truth.nii.gz").read_bytes()
    assert decode([content], EVERY).pixels.shape == (4, 256, 256)
