"""The script that asks gates about validation pictures: what it counts, and what the released gate says."""

from __future__ import annotations

import numpy as np

from benchmarks.gate_left_out import Row
from benchmarks.gate_on_validation import refused_by, rows, turned_by, turned_rows
from radiolens.bundle import RELEASED
from radiolens.safety.sight import Kind
from radiolens.training.gate.samples import DEFECT_NAMES, Sample

GREY = np.zeros((128, 128), np.uint8)


def sample(source: str, family: str) -> Sample:
    return Sample(GREY, Kind.BRAIN_MR, {}, source, "a.png", family)


def test_shares_are_of_the_pictures_with_the_defect_and_of_genuine_ones_by_source() -> None:
    samples = [sample("web", "rotated"), sample("web", "rotated"), sample("sich", "rotated"), sample("web", "genuine")]
    refused = np.zeros((4, len(DEFECT_NAMES)), bool)
    refused[[0, 2], DEFECT_NAMES.index("rotated")] = True
    refused[1, DEFECT_NAMES.index("cropped")] = True  # for another reason
    samples += [sample("web", name) for name in DEFECT_NAMES if name != "rotated"]
    found = list(rows(samples, np.vstack([refused, np.zeros((len(samples) - 4, len(DEFECT_NAMES)), bool)])))
    as_rotated = [row for row in found if "refused as rotated" in row.shares]
    assert as_rotated == [
        Row("rotated, sich", 1, {"refused as rotated": 1.0}),
        Row("rotated, web", 2, {"refused as rotated": 0.5}),
        Row("rotated, all", 3, {"refused as rotated": 2 / 3}),
        Row("genuine, web", 1, {"refused as rotated": 0.0}),
        Row("genuine, all", 1, {"refused as rotated": 0.0}),
    ]


def test_a_bundle_is_asked_about_every_sample() -> None:
    (folder,) = (RELEASED / "gate").glob("*")
    assert refused_by(folder, [sample("web", "genuine")] * 3).shape == (3, len(DEFECT_NAMES))


def test_genuine_films_and_brain_mr_are_turned_and_counted_by_source() -> None:
    corner = np.zeros((128, 128), np.uint8)
    corner[0, 0] = 255
    head_ct = Sample(corner, Kind.BRAIN_CT, {}, "sich", "a.png", "genuine")
    samples = [Sample(corner, Kind.BRAIN_MR, {}, "web", "a.png", family) for family in ("genuine", "rotated")]
    turned = turned_by(1, [head_ct, *samples])
    assert [(one.source, one.family) for one in turned] == [("web", "genuine")]
    assert turned[0].seen[-1, 0] == 255  # counter-clockwise
    refused = np.zeros((2, len(DEFECT_NAMES)), bool)
    refused[0, DEFECT_NAMES.index("rotated")] = True
    refused[1, DEFECT_NAMES.index("cropped")] = True  # for another reason
    found = list(turned_rows(90, turned * 2, refused))
    assert found == [
        Row("turned by 90 degrees, web", 2, {"refused as rotated": 0.5}),
        Row("turned by 90 degrees, all", 2, {"refused as rotated": 0.5}),
    ]
