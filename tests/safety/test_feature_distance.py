"""How far a picture lies from training pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.safety.feature_distance import KEYS, FeatureReference, fit_reference, nearest_distances

CHANNELS = 40


def training_features(rng: np.random.Generator, count: int = 60) -> NDArray[np.float32]:
    """Return features that vary in the first ten channels only, as those of a network do that knows one kind."""
    features = np.zeros((count, CHANNELS), np.float32)
    features[:, :10] = rng.gamma(2.0, 1.0, (count, 10))
    return features


def test_a_training_picture_is_near_and_one_of_other_channels_far(rng: np.random.Generator) -> None:
    known = training_features(rng)
    reference = fit_reference(known, 10, limit=0.4)
    other = np.zeros((1, CHANNELS), np.float32)
    other[0, 10:] = 1.0
    assert reference.distances(known).max() < 0.4
    assert reference.distances(other)[0] == pytest.approx(1.0)
    assert not reference.is_unlike(known[0])
    assert reference.is_unlike(other[0])


def test_the_distance_is_one_minus_the_cosine_to_the_third_nearest(rng: np.random.Generator) -> None:
    known, asked = training_features(rng), training_features(rng, 5)
    cosines = (asked @ known.T) / np.outer(np.linalg.norm(asked, axis=1), np.linalg.norm(known, axis=1))
    expected = 1 - np.sort(cosines, axis=1)[:, -3]
    np.testing.assert_allclose(fit_reference(known, CHANNELS, 0.5).distances(asked), expected, atol=1e-5)


def test_what_lies_outside_of_the_components_counts_as_far(rng: np.random.Generator) -> None:
    known = training_features(rng)
    reference = fit_reference(known, 10, limit=0.4)
    half = known[:1].copy()
    half[0, 20] = np.linalg.norm(half)  # as much again in a channel that no training picture uses
    before = reference.distances(known[:1])[0]
    assert reference.distances(half)[0] == pytest.approx(1 - (1 - before) / np.sqrt(2), abs=1e-5)


def test_brightness_of_the_features_changes_nothing_and_none_at_all_is_far(rng: np.random.Generator) -> None:
    reference = fit_reference(training_features(rng), 10, limit=0.4)
    asked = training_features(rng, 3)
    np.testing.assert_allclose(reference.distances(asked * 7), reference.distances(asked), atol=1e-6)
    assert reference.is_unlike(np.zeros(CHANNELS, np.float32))


def test_stored_as_halves_it_says_the_same(rng: np.random.Generator) -> None:
    reference = fit_reference(training_features(rng), 10, limit=0.4)
    stored = reference.arrays()
    assert {str(stored[name].dtype) for name in KEYS[:2]} == {"float16"}
    read = FeatureReference.from_arrays(stored)
    assert read is not None
    asked = training_features(rng, 20)
    np.testing.assert_allclose(read.distances(asked), reference.distances(asked), atol=2e-3)
    assert read.limit == pytest.approx(0.4)


def test_a_bundle_without_it_has_none(rng: np.random.Generator) -> None:
    assert FeatureReference.from_arrays({"head_kernel": np.zeros((4, 2))}) is None
    stored = fit_reference(training_features(rng), 10, limit=0.4).arrays()
    assert FeatureReference.from_arrays({name: stored[name] for name in KEYS[:2]}) is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("distance_cases", np.zeros((60, 9)), r"training features of \(60, 9\) in components of \(10, 40\)"),
        ("distance_cases", np.zeros((2, 10)), r"training features of \(2, 10\)"),
        ("distance_limit", np.float64(0), "a limit of"),
        ("distance_limit", np.float64("nan"), "a limit of"),
        ("distance_limit", np.zeros(2), "a limit of"),
    ],
)
def test_arrays_that_do_not_fit_are_an_error(rng: np.random.Generator, name: str, value: Any, message: str) -> None:  # noqa: ANN401  an array
    stored = fit_reference(training_features(rng), 10, limit=0.4).arrays()
    with pytest.raises(ValueError, match=message):
        FeatureReference.from_arrays({**stored, name: value})


def test_the_third_nearest_of_three_is_the_furthest() -> None:
    cases = np.eye(3)
    assert nearest_distances(np.array([[1.0, 0.0, 0.0]]), cases).tolist() == [1.0]
    assert nearest_distances(np.array([[0.6, 0.6, 0.5]]), cases).tolist() == [0.5]
