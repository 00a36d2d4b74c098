"""What two sources' normal films differ by leaves the head, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from radiolens.data.manifest import Case
from radiolens.errors import DatasetError
from radiolens.training.config import SourceErasure
from radiolens.training.erasure import erased_weights, normal_cases


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_means_come_closer_by_the_share_around_their_middle(share: float, rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(40, 6)).astype(np.float32), rng.normal(1, 2, (30, 6)).astype(np.float32)
    weights, bias = rng.normal(size=6).astype(np.float32), 0.3
    changed, shifted = erased_weights(weights, bias, first, second, share)
    before = [float(group.mean(axis=0) @ weights + bias) for group in (first, second)]
    after = [float(group.mean(axis=0) @ changed + shifted) for group in (first, second)]
    assert after[0] - after[1] == pytest.approx((1 - share) * (before[0] - before[1]), abs=1e-4)
    assert sum(after) == pytest.approx(sum(before), abs=1e-4)
    difference = first.mean(axis=0) - second.mean(axis=0)
    across = rng.normal(size=6)
    across -= across @ difference / (difference @ difference) * difference
    assert across @ changed == pytest.approx(across @ weights, abs=1e-4)


def test_sources_that_do_not_differ_leave_the_weights_as_they_are() -> None:
    features, weights = np.ones((3, 2), np.float32), np.asarray([1.0, -2.0], np.float32)
    changed, bias = erased_weights(weights, 0.5, features, features, 1.0)
    assert changed.tolist() == [1.0, -2.0]
    assert bias == 0.5


def test_normal_is_what_is_annotated_and_shows_nothing() -> None:
    labels = ({"a": 0, "b": None}, {"a": 0, "b": 1}, {"a": None, "b": None}, {"a": 0, "b": 0}, {"a": 0, "b": 0})
    cases = [
        Case(f"{source}-{number}", source=source, labels=own, split="train" if number < 4 else "validation")
        for source in ("clinic", "practice", "other")
        for number, own in enumerate(labels)
    ]
    found = normal_cases([SourceErasure("a", ("clinic", "practice"))], cases)
    assert {source: [case.path for case in own] for source, own in found.items()} == {
        "clinic": ["clinic-0", "clinic-3"],
        "practice": ["practice-0", "practice-3"],
    }
    with pytest.raises(DatasetError, match="no normal case of elsewhere among 12 training cases"):
        normal_cases([SourceErasure("a", ("clinic", "elsewhere"))], cases)
