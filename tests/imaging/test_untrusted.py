"""The parent's side of reading: it believes nothing that a child says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source, Unit
from radiolens.imaging import untrusted
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import EVERY
from radiolens.imaging.untrusted import read_untrusted
from radiolens.imaging.wire import Payload
from radiolens.quality import ProblemCode
from tests.hostile_files import dicom, film_png, nifti

PIXELS = np.zeros((2, 3, 4), np.float32)
FACTS: Mapping[str, Any] = {
    "unit": "hounsfield",
    "source": {**asdict(Source("dicom", (3, 4))), "sop_instance_uids": ["1.2"], "warnings": ["odd"]},
    "spacing_mm": [0.5, 0.75],
    "modality": "CT",
    "view": None,
    "orientation": [1, 0, 0, 0, 1, 0],
    "patient_orientation": ["L", "F"],
    "slice_indices": [3, 5],
    "slice_count": 9,
}


class ToldSandbox:
    """Stands where the sandbox does and gives a made-up payload: what a child that was taken over might send."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload

    def run(self, function: str, files: object, arguments: object, limits: Limits) -> Payload:
        return self.payload


def told(monkeypatch: pytest.MonkeyPatch, facts: Mapping[str, Any], *arrays: np.ndarray) -> Image:
    monkeypatch.setattr(untrusted, "readers_sandbox", lambda: ToldSandbox(Payload(facts, arrays)))
    return read_untrusted([b"file"])


def test_an_honest_payload_is_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    image = told(monkeypatch, FACTS, PIXELS)
    assert (image.unit, image.spacing_mm, image.modality, image.view) == (Unit.HOUNSFIELD, (0.5, 0.75), "CT", None)
    assert (image.slice_indices, image.slice_count) == ((3, 5), 9)
    assert (image.orientation, image.patient_orientation) == ((1, 0, 0, 0, 1, 0), ("L", "F"))
    assert image.source == Source("dicom", (3, 4), sop_instance_uids=("1.2",), warnings=("odd",))
    assert not image.pixels.flags.writeable


LIES: dict[str, Any] = {
    "unit": ["parsec", None, 5, ["hounsfield"]],
    "spacing_mm": [[1], [1, 2, 3], [1, "2"], [1, None], [0, 1], [-1, 1], [1, math.nan], [1, math.inf], [1, 10**400], 7],
    "modality": [5, ["CT"], {"CT": 1}, True],
    "view": [5, [None]],
    "orientation": [[1, 2], [1] * 7, [math.nan] * 6, 5, ["1"] * 6, [10**400] * 6],
    "patient_orientation": [
        ["L"],
        ["L", "F", "A"],
        ["L", "R"],
        ["", "F"],
        [1, 2],
        "LF?",
        5,
        ["<b>", "F"],
    ],
    "slice_indices": [[0], [0, 1, 2], [5, 3], [3, 3], [3, 9], [-1, 0], [0.5, 1], ["0", "1"], None, 5],
    "slice_count": [-1, "9", None, 2.5, 1],
    "source": [
        None,
        [],
        {},
        {**FACTS["source"], "size": [1]},
        {**FACTS["source"], "size": [-1, 4]},
        {**FACTS["source"], "format": 5},
        {**FACTS["source"], "patient_age_years": 10**400},
        {**FACTS["source"], "colour_fraction": None},
        {**FACTS["source"], "contrast_given": 1},
        {**FACTS["source"], "warnings": [1]},
        {**FACTS["source"], "warnings": None},
    ],
}


@pytest.mark.parametrize(("key", "lie"), [(key, lie) for key, lies in LIES.items() for lie in lies])
def test_a_fact_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, key: str, lie: object) -> None:
    with pytest.raises(UnreadableImage, match="could not be decoded"):
        told(monkeypatch, {**FACTS, key: lie}, PIXELS)


@pytest.mark.parametrize("key", FACTS)
def test_a_missing_fact_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with pytest.raises(UnreadableImage, match="could not be decoded"):
        told(monkeypatch, {name: value for name, value in FACTS.items() if name != key}, PIXELS)


@pytest.mark.parametrize(
    "arrays",
    [
        (),
        (PIXELS, PIXELS),
        (PIXELS[0],),
        (PIXELS[:, :0],),
        (PIXELS.astype(np.float64),),
        (PIXELS.astype(np.uint8),),
        (np.full_like(PIXELS, np.nan),),
        (np.where(np.arange(4) == 2, np.float32(np.inf), PIXELS),),
    ],
)
def test_pixels_of_another_kind_are_refused(monkeypatch: pytest.MonkeyPatch, arrays: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(UnreadableImage, match="could not be decoded"):
        told(monkeypatch, FACTS, *arrays)


def test_the_greatest_finite_pixels_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = np.full_like(PIXELS, np.finfo(np.float32).max)
    assert told(monkeypatch, FACTS, largest).pixels.max() == np.finfo(np.float32).max


def test_facts_that_nobody_asked_for_are_dropped_and_long_ones_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    source = {**FACTS["source"], "manufacturer": "m" * 5000, "patient_name": "Doe^Jane"}
    image = told(monkeypatch, {**FACTS, "source": source, "patient_name": "Doe^Jane"}, PIXELS)
    assert image.source.manufacturer == "m" * 1024
    assert "Doe" not in repr(image)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(sorted(FACTS)), ANYTHING, min_size=1))
def test_any_facts_are_an_image_or_unreadable(lies: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        try:
            image = told(patch, {**FACTS, **lies}, PIXELS)
        except UnreadableImage:
            return
    assert len(image.slice_indices) == 2
    assert image.slice_count > max(image.slice_indices)


@pytest.mark.parametrize(
    "data", [film_png(), dicom(), nifti((9, 8, 7), bytes(range(252)) * 2)], ids=["png", "dicom", "nifti"]
)
def test_the_sandbox_gives_what_decoding_here_gives(data: bytes) -> None:
    there, here = read_untrusted([data], EVERY), decode([data], EVERY)
    np.testing.assert_array_equal(there.pixels, here.pixels)
    assert replace(there, pixels=here.pixels).source == here.source
    assert (there.unit, there.spacing_mm, there.slice_indices) == (here.unit, here.spacing_mm, here.slice_indices)


def test_nothing_that_names_the_patient_leaves_the_child() -> None:
    image = read_untrusted([dicom()])
    assert "Doe" not in repr(image)
    assert "ID4711" not in repr(image)


def test_limits_are_those_of_the_caller() -> None:
    with pytest.raises(UnreadableImage, match="At most 0 million pixels are read"):
        read_untrusted([film_png()], limits=Limits(pixels=1000))


def test_a_series_of_more_files_than_frames_is_not_read() -> None:
    with pytest.raises(UnreadableImage, match="has 3 files; at most 2 are read") as caught:
        read_untrusted([b""] * 3, limits=Limits(frames=2))
    assert caught.value.code is ProblemCode.TOO_LARGE


def test_starting_early_is_only_faster() -> None:
    untrusted.start()
    assert read_untrusted([film_png()]).slice_count == 1
