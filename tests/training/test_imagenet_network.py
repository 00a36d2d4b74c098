from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from radiolens.imaging.preprocess import Preprocessing
from radiolens.inference.session import open_session
from radiolens.training.imagenet_network import write_imagenet_network
from radiolens.training.model import backbone_model


def test_the_untouched_network_gives_the_pooled_features_of_keras(tmp_path: Path) -> None:
    file = tmp_path / "new" / "imagenet.onnx"
    write_imagenet_network(file)
    assert [entry.name for entry in file.parent.iterdir()] == ["imagenet.onnx"]
    image = np.random.default_rng(0).normal(0, 0.5, (2, 224, 224, 1)).astype(np.float32)
    pooled, features = open_session(file, threads=1).run(["logits", "features"], {"image": image})
    keras_features = keras.ops.convert_to_numpy(backbone_model("efficientnet-lite0", Preprocessing(224, 224))(image))
    assert features.shape == (2, 7, 7, 1280)
    # Both compute in float32, in different orders, over 50 layers.
    assert np.abs(pooled - keras_features.mean(axis=(1, 2))).max() < 1e-3
    assert np.ptp(pooled) > 0.5


def test_another_side_and_backbone_may_be_asked_for(tmp_path: Path) -> None:
    write_imagenet_network(tmp_path / "small.onnx", "efficientnet-lite2", 64)
    image = np.zeros((1, 64, 64, 1), np.float32)
    pooled, features = open_session(tmp_path / "small.onnx", threads=1).run(["logits", "features"], {"image": image})
    assert pooled.shape == (1, 1280)
    assert features.shape == (1, 2, 2, 1280)
