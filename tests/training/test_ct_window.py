"""A slice of a scanner, windowed for the network, has the grey levels of the pictures that the network learnt from."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from radiolens.data.sources.brain_ct import load
from radiolens.image import Unit
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.imaging.read import decode
from radiolens.imaging.selection import MIDDLE
from radiolens.training.configs.brain_ct import EXPERIMENT
from tests.project.documents import text_of
from tests.shared_data import SHARED, needs_shared_data

SIDE = 256
Levels = tuple[float, float]


def levels(grey: NDArray[np.uint8]) -> Levels:
    """Return the grey level that brain has most often, and that of the darkest hundredth inside: fluid."""
    head = ndimage.binary_fill_holes(grey > 20)
    parts, _ = ndimage.label(ndimage.binary_opening(head, iterations=3))
    inside = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    inner = ndimage.binary_erosion(inside, iterations=SIDE // 14)
    smooth = ndimage.gaussian_filter(grey.astype(float), 1.5)[inner]
    counts = np.bincount(np.rint(smooth).astype(int), minlength=256)
    return float(counts[40:200].argmax() + 40), float(np.percentile(smooth, 1))


def median(found: list[Levels]) -> NDArray[np.float64]:
    return np.median(np.array(found), axis=0)


@pytest.fixture(scope="module")
def learnt() -> NDArray[np.float64]:
    """Return the levels of training slices without haemorrhage from the middle of the head."""
    manifest = load(SHARED / "brain-ct")
    cases = [
        case
        for case in manifest.cases
        if case.source == "sich" and case.split == "train" and case.labels["haemorrhage"] == 0
        if case.slice_index is not None and 12 <= case.slice_index <= 20
    ]
    found = []
    for case in cases[::6]:
        image = decode([manifest.path(case).read_bytes()])
        found.append(levels(grey_levels(image.pixels[0], image.unit, Preprocessing(SIDE, SIDE))))
    assert len(found) > 20
    return median(found)


def scanned(window_hu: tuple[float, float]) -> NDArray[np.float64]:
    """Return the levels of the middle slices of a real series in Hounsfield units."""
    files = [file.read_bytes() for file in sorted((SHARED / "dicom" / "ct-head-ge").glob("*.dcm"))]
    image = decode(files, MIDDLE)
    assert image.unit is Unit.HOUNSFIELD
    preprocessing = Preprocessing(SIDE, SIDE, window_hu=window_hu)
    return median([levels(grey_levels(pixels, image.unit, preprocessing)) for pixels in image.pixels[4:]])


@needs_shared_data
def test_the_window_gives_brain_and_fluid_the_levels_of_the_training_pictures(learnt: NDArray[np.float64]) -> None:
    assert np.abs(scanned(EXPERIMENT.preprocessing.window_hu) - learnt).max() < 15


@needs_shared_data
def test_the_usual_narrow_window_would_show_fluid_far_darker(learnt: NDArray[np.float64]) -> None:
    assert learnt[1] - scanned((40.0, 80.0))[1] > 25


@needs_shared_data
def test_a_mean_over_the_selected_slices_hides_what_docs_brain_ct_says_it_does() -> None:
    patients: dict[str, dict[int, int]] = defaultdict(dict)
    for case in load(SHARED / "brain-ct").cases:
        if case.source == "sich" and case.split != "test" and case.slice_index is not None:
            patients[case.patient_id][case.slice_index] = int(case.labels["haemorrhage"] or 0)
    ill = [[slices[index] for index in sorted(slices)] for slices in patients.values()]
    seen = [[labels[place] for place in MIDDLE.indices(len(labels))] for labels in ill]
    shares = [float(np.mean(labels)) for labels in seen]
    within = sum(map(sum, seen)) / sum(map(sum, ill))
    text = text_of("docs/brain-ct.md")
    assert all(any(labels) for labels in seen)
    assert f"Of the {len(ill)} patients" in text
    assert f"{within:.0%}".replace("%", " %") in text
    assert f"at least {np.median(shares):.0%}".replace("%", " %") in text
    assert f"it is {min(shares):.0%}".replace("%", " %") in text.replace("\n", " ")
