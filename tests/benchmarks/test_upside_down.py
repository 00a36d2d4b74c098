"""The script that finds what hangs upside down: what it finds, and whose share it gives, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.gate_left_out import Row
from benchmarks.upside_down import found_upside_down, gate_rows, label_rows, looks_at, network_rows
from radiolens.bundle import RELEASED
from radiolens.data.case import Case
from radiolens.data.sources import LAYOUTS
from radiolens.safety.sight import Kind
from radiolens.training.gate.feature_set import NOT_TOLD, FeatureSet
from radiolens.training.gate.samples import Picture
from tests.shared_data import SHARED, needs_shared_data


def looks(turned: NDArray[np.bool_]) -> FeatureSet:
    """Return two looks of each picture, as it came and turned by half: what hangs upright is brighter above."""
    random, count = np.random.default_rng(0), 2 * len(turned)
    middle = random.normal(size=(count, 8, 8, 112)).astype(np.float16)
    below = np.stack([turned, ~turned], 1).ravel()
    middle[~below, :4, :, 0] += np.float16(6)
    middle[below, 4:, :, 0] += np.float16(6)
    words = np.full(count, "web")
    pooled = random.normal(size=(count, 1280)).astype(np.float32)
    kinds, defects = np.zeros(count, np.int64), np.full((count, 3), NOT_TOLD, np.int8)
    return FeatureSet(middle, pooled, kinds, defects, words, words, words)


@pytest.mark.slow
def test_what_hangs_otherwise_than_most_is_found_and_only_where_it_is_asked_about() -> None:
    folds, asked = np.arange(300) % 3, np.arange(300) < 200
    turned = (np.arange(300) % 4 == 0) & asked
    steps: list[tuple[str, int, int]] = []
    found = found_upside_down(looks(turned), folds, asked, lambda *step: steps.append(step))
    assert (found == turned).all()
    assert steps[-1] == ("finding what hangs upside down", 4, 4)


def test_looks_are_as_it_came_and_then_turned_by_half_each_first_as_it_is() -> None:
    grey = np.zeros((40, 40), np.uint8)
    grey[:20] = 200
    planned = looks_at([Picture(grey, Kind.BRAIN_MR, "web", "a.png")])
    seen = list(planned.samples)
    assert len(seen) == planned.count
    assert [sample.family for sample in seen].count("plain") == 2
    first, second = (seen[place].seen for place in (0, len(seen) // 2))
    assert (first == second[::-1]).all()
    assert first[:50].mean() > 150 > first[-50:].mean()


def test_labels_get_the_share_of_their_own_cases() -> None:
    cases = [Case("a.png", "web", possible=frozenset({label})) for label in ("glioma", "glioma", "no_tumour")]
    assert list(label_rows(cases, np.array([True, False, False]))) == [
        Row("web:glioma", 2, {"hang upside down": 0.5}),
        Row("web:no_tumour", 1, {"hang upside down": 0.0}),
        Row("all", 3, {"hang upside down": 1 / 3}),
    ]


@needs_shared_data
def test_gate_and_network_are_asked_about_the_same_cases_each_way_up() -> None:
    manifest = LAYOUTS["brain-mri"](SHARED / "brain-mri")
    web = [case for case in manifest.cases if case.source == "web" and case.split == "validation"]
    cases = [case for case in web if case.possible == {"no_tumour"}][:3] + [
        case for case in web if "no_tumour" not in case.possible
    ][:3]
    down = np.arange(6) % 2 == 0
    rows = list(gate_rows(next((RELEASED / "gate").iterdir()), manifest, cases, down))
    assert [(row.group.rsplit(", ", 1)[1], row.count) for row in rows] == [
        *[("as they came", 3)] * 2,
        *[("turned by half", 3)] * 2,
    ]
    told = network_rows(next((RELEASED / "brain-mri").iterdir()), manifest, cases, down)
    assert told["by how they hang alone"].estimate == pytest.approx(1 / 3)  # one of three against two of three
    assert all(0 <= found.estimate <= 1 for found in told.values())
