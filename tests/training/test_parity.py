"""Keras, ONNX and the stored network agree on real films: the figures of benchmarks/parity.py within their limits."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks.parity import IMAGES, measure, spread
from radiolens.data.manifest import Manifest
from radiolens.data.sources import LAYOUTS
from radiolens.imaging.preprocess import network_input
from radiolens.training.configs import load_experiment
from radiolens.training.losses import targets
from radiolens.training.model import build_classifier
from radiolens.training.pipeline import read_grey_levels
from tests.shared_data import SHARED, needs_shared_data

CHEST = load_experiment("chest_xray")


def fitted(manifest: Manifest) -> keras.Model:
    """Return the network of the chest experiment with a head fitted to films of the validation split."""
    model = build_classifier(CHEST, len(manifest.task.labels))
    trunk = keras.Model(model.input, model.get_layer("pooled").output)
    cases = spread(manifest, "validation", 120)
    grey = np.stack([read_grey_levels(manifest.path(case), CHEST.preprocessing) for case in cases])
    images = network_input(grey, CHEST.preprocessing)
    pooled = np.concatenate([np.asarray(trunk(images[at : at + 20])) for at in range(0, len(images), 20)])
    wanted = targets(cases, manifest.task)
    heads = [
        LogisticRegression(C=0.01, max_iter=500).fit(pooled[told], column[told])
        for column, told in ((column, column >= 0) for column in wanted.T)
    ]
    model.get_layer("head").set_weights(
        [np.stack([head.coef_[0] for head in heads], axis=1), np.asarray([head.intercept_[0] for head in heads])]
    )
    return model


@pytest.mark.slow
@needs_shared_data
def test_every_way_from_image_to_answer_agrees() -> None:
    manifest = CHEST.part(LAYOUTS["chest-xray"](SHARED / "chest-xray"))
    found = measure(fitted(manifest), manifest, CHEST.preprocessing)
    assert found.images == IMAGES == 200
    assert found.keras_to_single <= 1e-4
    assert found.single_to_stored <= 1e-2
    assert found.changed_decisions == 0
    assert (found.arrays_compared, found.different_arrays) == (50, 0)
    assert found.maps_compared > 200
    assert found.lowest_map_correlation >= 0.999
