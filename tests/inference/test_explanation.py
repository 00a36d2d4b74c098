"""The map that goes with an answer: which kind, of what, and how fine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit, softmax

from radiolens.explain.activation_map import class_activation_maps
from radiolens.inference.engine import Engine
from radiolens.inference.explanation import log_odds, maps_of, windows_along_a_side
from tests.tiny_bundle import SIDE, make_bundle, make_imported


def test_log_odds_of_exclusive_labels_are_those_of_their_probabilities(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 3, (50, 4)).astype(np.float32)
    np.testing.assert_allclose(
        log_odds(logits, exclusive=True), logit(softmax(logits.astype(float), axis=1)), atol=1e-6
    )
    np.testing.assert_allclose(
        log_odds(logits + 7, exclusive=True), log_odds(logits, exclusive=True), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(log_odds(logits, exclusive=False), logits)


def test_log_odds_are_finite_however_sure_the_network_is() -> None:
    assert np.isfinite(log_odds(np.asarray([[500.0, -500.0, 0.0]], np.float32), exclusive=True)).all()


def test_a_head_gives_the_activation_map_with_or_without_known_features(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    engine = Engine.open(make_bundle(tmp_path))
    grey = rng.integers(0, 256, (SIDE, SIDE), np.uint8)
    features = engine.run(grey[None])[1][0]
    np.testing.assert_array_equal(maps_of(engine, grey), class_activation_maps(features, engine.head_kernel))
    np.testing.assert_array_equal(maps_of(engine, grey, features), maps_of(engine, grey))


@pytest.mark.parametrize("seed", range(4))
def test_without_a_head_the_map_shows_where_hiding_costs_the_label_its_score(tmp_path: Path, seed: int) -> None:
    engine = Engine.open(make_imported(tmp_path, "pneumonia", "chest-xray", ["pneumonia"], (40, 40, 1), seed=seed))
    engine.__dict__["seconds_per_image"] = 0.001  # a busy machine gets a coarser map
    grey = np.zeros((40, 40), np.uint8)
    grey[4:12, 24:36] = 255  # all that there is to hide lies in the upper right
    (found,) = maps_of(engine, grey)
    assert found.shape == (10, 10)
    assert found.max() > 0
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row < 5
    assert column > 4
    assert not found[6:].any()


@pytest.mark.parametrize(("seconds", "places"), [(0.0, 10), (0.005, 10), (0.03, 10), (0.05, 7), (0.1, 5), (1.0, 4)])
def test_a_slow_network_gets_a_coarser_map(seconds: float, places: int) -> None:
    assert windows_along_a_side(seconds) == places
