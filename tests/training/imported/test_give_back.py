"""A network that was trained here goes out as a file of Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from radiolens.training.imported.give_back import FileFormat, give_back
from tests.training.conftest import Run


def test_a_run_is_given_back_as_h5_and_as_an_archive(finished: Run, tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((2, 32, 32, 1), np.float32)
    expected = keras.saving.load_model(finished.network).predict(image, verbose=0)
    for file_format in (FileFormat.H5, FileFormat.KERAS):
        file = give_back(finished.folder, file_format, tmp_path / f"back.{file_format}")
        np.testing.assert_allclose(keras.saving.load_model(file).predict(image, verbose=0), expected, atol=1e-5)
