"""Masks come to the same frame as the pictures, and only where it is known what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources import LAYOUTS
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Fit, Preprocessing, extent
from radiolens.tasks import get_task
from radiolens.training.lesion_masks import in_frame, present_label, read_grey_and_mask, read_mask
from tests.phantoms import bright_lesion
from tests.shared_data import SHARED, needs_shared_data
from tests.validation.lesion_cases import write_case

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")


def manifest_of(folder: Path, *cases: Case) -> Manifest:
    return Manifest(folder / "manifest.csv", CHEST, cases)


@pytest.mark.parametrize("fit", list(Fit))
@pytest.mark.parametrize("shape", [(120, 60), (60, 120), (90, 90), (300, 260)])
def test_the_mask_lies_where_the_lesion_lies_in_what_the_network_sees(
    fit: Fit, shape: tuple[int, int], tmp_path: Path
) -> None:
    preprocessing = Preprocessing(64, 64, fit=fit)
    centre = 0.3 * shape[0], 0.65 * shape[1]
    grey, mask = bright_lesion(*shape, centre, 0.15 * min(shape))
    case = write_case(tmp_path, "0", grey, mask)
    seen, inside = read_grey_and_mask(manifest_of(tmp_path, case), case, preprocessing)
    assert inside is not None
    assert (inside.shape, inside.dtype) == ((64, 64), bool)
    bright = seen > 150
    assert (inside & bright).sum() / (inside | bright).sum() > 0.9
    # The place is also what `extent` says, by which the page lays maps over the slice.
    top, left, bottom, right = extent(*shape, preprocessing)
    expected = (centre[0] - top) / (bottom - top) * 64, (centre[1] - left) / (right - left) * 64
    np.testing.assert_allclose(np.argwhere(inside).mean(axis=0) + 0.5, expected, atol=1.0)


def test_padding_is_outside_and_a_tiny_lesion_is_not_lost() -> None:
    mask = np.zeros((512, 256), bool)
    mask[100:102, 200:202] = True
    framed = in_frame(mask, Preprocessing(64, 64, fit=Fit.PAD))
    assert framed.any()
    assert framed.sum() <= 4
    whole = in_frame(np.arange(512 * 256).reshape(512, 256) > 0, Preprocessing(64, 64, fit=Fit.PAD))
    assert not whole[:, :16].any()
    assert not whole[:, 48:].any()
    assert not in_frame(np.zeros((20, 20), bool), Preprocessing(64, 64)).any()


def test_the_percentiles_and_the_window_of_a_bundle_do_not_touch_a_mask() -> None:
    _, mask = bright_lesion(64, 64, (30, 30), 3)
    plain = in_frame(mask > 0, Preprocessing(32, 32))
    other = in_frame(mask > 0, Preprocessing(32, 32, percentiles=(1.0, 99.0), window_hu=(400.0, 1.0)))
    np.testing.assert_array_equal(plain, other)


def test_a_case_without_a_mask_has_none(tmp_path: Path) -> None:
    case = write_case(tmp_path, "0", bright_lesion(40, 40, (20, 20), 5)[0], None)
    grey, mask = read_grey_and_mask(manifest_of(tmp_path, case), case, Preprocessing(32, 32))
    assert grey.shape == (32, 32)
    assert mask is None


def test_a_mask_of_another_size_or_none_at_its_place_is_told(tmp_path: Path) -> None:
    grey, _ = bright_lesion(40, 40, (20, 20), 5)
    case = write_case(tmp_path, "0", grey, bright_lesion(40, 30, (20, 20), 5)[1])
    with pytest.raises(DatasetError, match=r"0-mask\.png: the mask has 40 x 30 pixels, its image 40 x 40\. Make"):
        read_grey_and_mask(manifest_of(tmp_path, case), case, Preprocessing(32, 32))
    with pytest.raises(DatasetError, match="the mask has 40 x 30 pixels"):
        read_mask(manifest_of(tmp_path, case), case, Preprocessing(32, 32))
    gone = replace(case, mask="gone.png")
    with pytest.raises(DatasetError, match=r"gone\.png: .*Correct the manifest"):
        read_mask(manifest_of(tmp_path, gone), gone, Preprocessing(32, 32))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"pneumonia": 1, "tuberculosis": None}, "pneumonia"),
        ({"pneumonia": 0, "tuberculosis": 1}, "tuberculosis"),
        ({"pneumonia": 1, "tuberculosis": 1}, None),
        ({"pneumonia": 0, "tuberculosis": None}, None),
    ],
)
def test_only_one_known_finding_is_what_a_mask_shows(labels: dict[str, int | None], expected: str | None) -> None:
    assert present_label(CHEST, CHEST.label_names, Case("a.png", labels=labels)) == expected
    assert present_label(CHEST, ("neither",), Case("a.png", labels=labels)) is None


def test_of_exclusive_labels_one_known_and_abnormal_counts() -> None:
    told = {"glioma": "glioma", "glioma|meningioma": None, "no_tumour": None, "": None}
    for names, expected in told.items():
        case = Case("a.png", possible=frozenset(names.split("|")) - {""})
        assert present_label(MRI, MRI.label_names, case) == expected


def contrasts(name: str, *, turned: bool) -> list[float]:
    """Return of every 60th mask how much brighter it is than the soft tissue of its slice, in grey levels."""
    manifest = LAYOUTS[name](SHARED / name)
    found = []
    for case in [case for case in manifest.cases if case.mask][::60]:
        grey, mask = read_grey_and_mask(manifest, case, Preprocessing(224, 224))
        assert mask is not None
        place = mask[::-1, ::-1] if turned else mask
        found.append(float(grey[place].mean() - np.median(grey[(grey > 40) & (grey < 200)])))
    return found


@needs_shared_data
def test_the_masks_of_figshare_lie_on_tumours_which_take_up_contrast() -> None:
    assert np.mean(contrasts("brain-mri", turned=False)) > np.mean(contrasts("brain-mri", turned=True)) + 10


@needs_shared_data
def test_the_masks_of_sich_mark_the_dark_oedema_around_the_blood_and_not_the_blood() -> None:
    assert np.percentile(contrasts("brain-ct", turned=False), 90) < 0
    assert np.percentile(contrasts("brain-ct", turned=True), 90) > 0  # elsewhere is skull, too
