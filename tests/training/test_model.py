"""Classifiers: a backbone by name, by keras.applications or of one's own, each fed what it was trained on."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing, network_input
from radiolens.training.model import backbone_model, build_classifier
from radiolens.training.onnx_export import with_features
from tests.training.tiny_experiment import EXPERIMENT, tiny_backbone

SIZE = Preprocessing(32, 32)

EXPECTED = {
    # What each application's documentation asks for, as a function of the grey level in each of its three channels.
    "MobileNetV2": lambda level: [level / 127.5 - 1] * 3,
    "ResNet50": lambda level: [level - 103.939, level - 116.779, level - 123.68],
    "DenseNet121": lambda level: [
        (level / 255 - mean) / deviation for mean, deviation in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
    ],
    "EfficientNetB0": lambda level: [level] * 3,
}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("scale", [SIZE, replace(SIZE, offset=0.0, scale=255.0)], ids=["ours", "unit interval"])
def test_an_application_gets_the_scale_it_was_trained_on(name: str, scale: Preprocessing) -> None:
    model = backbone_model(name, scale, pretrained=False)
    scaled = keras.Model(model.input, model.get_layer("expected_scale").output)
    for level in (0, 100, 255):
        seen = np.asarray(scaled(network_input(np.full((1, 32, 32), level, np.uint8), scale)))
        np.testing.assert_allclose(seen[0, 5, 5], EXPECTED[name](level), atol=2e-3)  # of values up to 255


def test_an_application_is_flat_so_that_its_batch_norms_are_frozen() -> None:
    model = build_classifier(replace(EXPERIMENT, backbone="MobileNetV2"), 2, pretrained=False)
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert len(norms) > 50
    assert not any(norm.trainable for norm in norms)
    assert model.output_shape == (None, 2)
    assert model.get_layer("features").output.shape == (None, 1, 1, 1280)


def test_only_what_follows_the_named_layer_is_trained() -> None:
    model = build_classifier(replace(EXPERIMENT, unfreeze_from="last", freeze_batch_norms=False), 2)
    trained = {layer.name for layer in model.layers if layer.trainable and layer.weights}
    assert trained == {"last", "head"}
    everything = build_classifier(replace(EXPERIMENT, freeze_batch_norms=False), 2)
    assert everything.get_layer("norm").trainable


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"backbone": "Nothing"},
            "Unknown backbone 'Nothing'. Known: efficientnet-lite0, efficientnet-lite2, Conv",
        ),
        ({"unfreeze_from": "x"}, "no layer 'x' in tiny_backbone"),
        ({"preprocessing": Preprocessing(32, 32, channels=3)}, "3 channels; networks are trained on 1"),
        (
            {"backbone": "efficientnet-lite0", "preprocessing": Preprocessing(32, 32, offset=127.5)},
            r"trained on \(grey level - 127\) / 128, but the preprocessing has offset 127.5 and scale 128",
        ),
        (
            {"backbone": lambda preprocessing: tiny_backbone(Preprocessing(16, 16))},
            r"from \(None, 16, 16, 1\) .* expected one from \(None, 32, 32, 1\)",
        ),
    ],
)
def test_a_network_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        build_classifier(replace(EXPERIMENT, **change), 2)  # type: ignore[arg-type]  # one field each


def test_the_maps_beside_the_logits_are_those_of_serving() -> None:
    model = build_classifier(replace(EXPERIMENT, map_weight=0.5), 2)
    image = np.random.default_rng(0).normal(size=(3, 32, 32, 1)).astype(np.float32)
    logits, maps = (np.asarray(found) for found in model.predict_on_batch(image))
    features = np.asarray(keras.Model(model.input, model.get_layer("features").output)(image))
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(maps, features @ kernel + bias, atol=1e-5)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), logits, atol=1e-5)
    exported = [np.asarray(found) for found in with_features(model)(image)]
    np.testing.assert_allclose(exported[0], logits, atol=1e-5)
    np.testing.assert_allclose(exported[1], features, atol=1e-5)
    assert len(build_classifier(EXPERIMENT, 2).outputs) == 1
