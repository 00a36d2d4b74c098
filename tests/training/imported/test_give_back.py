"""A network that was trained here goes out as a file of Keras."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import onnx

from radiolens.training.imported.give_back import FileFormat, give_back
from tests.tiny_bundle import make_bundle
from tests.training.conftest import Run


def test_a_run_is_given_back_as_h5_and_as_an_archive(finished: Run, tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    expected = keras.saving.load_model(finished.network).predict(image, verbose=0)
    for file_format in (FileFormat.H5, FileFormat.KERAS):
        file = give_back(finished.folder, file_format, tmp_path / f"back.{file_format}")
        np.testing.assert_allclose(keras.saving.load_model(file).predict(image, verbose=0), expected, atol=1e-5)


def test_a_bundle_given_back_as_onnx_tells_how_its_logits_become_probabilities(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path, bias={"pneumonia": 0.5, "tuberculosis": -1.0})
    file = give_back(folder, FileFormat.ONNX, tmp_path / "back.onnx")
    told = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    assert json.loads(told["temperature"]) == {"pneumonia": 1.5, "tuberculosis": 1.5}
    assert json.loads(told["bias"]) == {"pneumonia": 0.5, "tuberculosis": -1.0}
    assert told["link"] == "sigmoid"
