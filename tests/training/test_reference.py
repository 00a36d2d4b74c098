"""What a bundle keeps of its training pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.training.reference import feature_reference


def features(rng: np.random.Generator, count: int, first: int = 0) -> NDArray[np.float32]:
    """Return features of pictures that vary in ten of 200 channels, beginning with `first`."""
    found = rng.gamma(0.2, 1.0, (count, 200))
    found[:, first : first + 10] += rng.gamma(2.0, 20.0, (count, 10))
    return found.astype(np.float32)


def test_new_pictures_of_the_same_kind_pass_and_others_do_not(rng: np.random.Generator) -> None:
    reference = feature_reference(features(rng, 400), ["one"] * 400, seed=0)
    assert reference is not None
    assert (reference.distances(features(rng, 400)) < reference.limit).mean() > 0.99
    assert (reference.distances(features(rng, 50, first=100)) >= reference.limit).all()


def test_the_limit_leaves_a_margin_beyond_what_training_pictures_need(rng: np.random.Generator) -> None:
    known = features(rng, 400)
    reference = feature_reference(known, ["one"] * 400, seed=0)
    assert reference is not None
    assert reference.limit > 1.2 * np.quantile(reference.distances(known), 0.995)


def test_a_small_group_weighs_as_much_as_a_large_one(rng: np.random.Generator) -> None:
    """The small group lies further from one another: a limit for the large one alone would refuse much of it."""
    near, wide = features(rng, 500), features(rng, 40, first=50)
    wide[:, :50] += rng.gamma(1.0, 15.0, (40, 50)).astype(np.float32)
    known, groups = np.concatenate([near, wide]), ["near"] * 500 + ["wide"] * 40
    apart, together = feature_reference(known, groups, seed=0), feature_reference(known, ["all"] * 540, seed=0)
    assert apart is not None
    assert together is not None
    assert apart.limit > together.limit


def test_the_same_seed_gives_the_same_limit_and_too_few_pictures_none(rng: np.random.Generator) -> None:
    known = features(rng, 100)
    first, second = (feature_reference(known, ["one"] * 100, seed=3) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.limit == pytest.approx(second.limit)
    assert feature_reference(known[:19], ["one"] * 19, seed=3) is None


def test_it_is_small_enough_to_travel_with_a_bundle(rng: np.random.Generator) -> None:
    reference = feature_reference(features(rng, 300), ["one"] * 300, seed=0)
    assert reference is not None
    assert reference.components.shape == (64, 200)
    assert sum(array.nbytes for array in reference.arrays().values()) < 2 * (300 * 64 + 64 * 200) + 100
