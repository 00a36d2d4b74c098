"""The three files of the first design, from Keras 2 to the words of `/upload/`, by the commands a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from starlette.testclient import TestClient

from tests.web.imported import FIRST_DESIGN, UPLOAD_BUNDLES
from tests.web.serving import film, local_client, png

pytestmark = pytest.mark.slow

TUMOURS = ("glioma", "meningioma", "no_tumour", "pituitary")
PICTURES = (film(0), film(1)[::-1], film(2).T, 255 - film(3))
"""Four that differ more than by their noise."""

SIZES = {"braintumor": (224, 224, 3), "Tuberculosis_model": (64, 64, 3), "pneumonia_model": (150, 150, 1)}

MAKE = """
import sys
import numpy as np
import tf_keras

def network(shape, outputs, activation):
    layers = [tf_keras.layers.Input(shape)]
    for filters in (8, 16):
        layers += [tf_keras.layers.Conv2D(filters, 3, activation="relu"), tf_keras.layers.MaxPooling2D(3)]
    layers += [tf_keras.layers.Flatten(), tf_keras.layers.Dense(16, activation="relu"), tf_keras.layers.Dropout(0.3)]
    return tf_keras.Sequential([*layers, tf_keras.layers.Dense(outputs, activation=activation)])

tf_keras.utils.set_random_seed(3)
for name, shape, outputs in (("braintumor", (224, 224, 3), 4), ("Tuberculosis_model", (64, 64, 3), 1),
                             ("pneumonia_model", (150, 150, 1), 1)):
    made = network(shape, outputs, "softmax" if outputs > 1 else "sigmoid")
    inputs = np.load(f"{name}.inputs.npy")
    before, last = tf_keras.Model(made.input, made.layers[-2].output).predict(inputs, verbose=0), made.layers[-1]
    logits = before @ last.get_weights()[0]
    kernel = last.get_weights()[0] / logits.std(axis=0)  # so that answers differ from image to image
    last.set_weights([kernel, -(before @ kernel).mean(axis=0)])
    made.save(f"{name}.h5")
    np.save(f"{name}.answers.npy", made.predict(inputs, verbose=0))
"""


def seen(pixels: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return what the first design showed its networks: resized, 0 to 1, in equal channels."""
    picture = PIL.Image.fromarray(pixels.astype(np.float32)).resize((shape[1], shape[0]), PIL.Image.Resampling.BILINEAR)
    stretched = np.asarray(picture) - np.asarray(picture).min()
    grey = np.rint(stretched / stretched.max() * 255) / 255
    return np.repeat(grey[..., None], shape[2], axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working folder with the three files, with what Keras answers, and the bundles that one command made."""
    place = tmp_path_factory.mktemp("first-design")
    for name, shape in SIZES.items():
        np.save(place / f"{name}.inputs.npy", np.stack([seen(pixels, shape) for pixels in PICTURES]))
    environment = {**os.environ, "RADIOLENS_HOME": str(place / "home"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    for command in ([sys.executable, "-c", MAKE], [sys.executable, "-m", "radiolens", "import-h5"]):
        run = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
    return place


@pytest.fixture(scope="module")
def answers(folder: Path) -> Mapping[str, np.ndarray]:
    return {name: np.load(folder / f"{name}.answers.npy") for name in SIZES}


@pytest.fixture(scope="module")
def app(folder: Path) -> Iterator[TestClient]:
    with local_client(home=folder / "home", upload_bundles=UPLOAD_BUNDLES) as found:
        yield found


def asked(app: TestClient, name: str, pixels: np.ndarray) -> dict[str, Any]:
    files = {"file": ("a.png", png(pixels))}
    found: dict[str, Any] = app.post("/api/v1/predictions", files=files, data={"bundle": name}).json()
    return found


@pytest.mark.parametrize("name", SIZES)
def test_the_served_network_gives_what_keras_gives(
    app: TestClient, answers: Mapping[str, np.ndarray], name: str
) -> None:
    for pixels, expected in zip(PICTURES, answers[name], strict=True):
        content = asked(app, name, pixels)
        found = [finding["probability"] for finding in content["findings"]]
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert content["bundle"]["calibrated"] is False
    assert np.ptp(answers[name], axis=0).max() > 0.2, "the answers must differ, or the comparison says nothing"


@pytest.mark.parametrize("choice", FIRST_DESIGN)
def test_an_old_client_gets_the_word_of_its_old_network(
    app: TestClient, answers: Mapping[str, np.ndarray], choice: str
) -> None:
    for pixels, answer in zip(PICTURES, answers[FIRST_DESIGN[choice]], strict=True):
        if choice == "1":
            expected = TUMOURS[int(answer.argmax())].replace("tumour", "tumor")
        else:
            word = {"2": "Tuberculosis", "3": "Pneumonia"}[choice]
            expected = word if answer[0] >= 0.5 else "Normal"
        posted = app.post("/upload/", files={"data": ("a.png", png(pixels))}, data={"choice": choice})
        assert (posted.status_code, posted.json()) == (200, expected)


def test_the_app_and_the_command_line_list_them_beside_the_released_ones(app: TestClient, folder: Path) -> None:
    named = {row["name"] for task in app.get("/api/v1/tasks").json() for row in task["bundles"]}
    page = app.get("/").text
    environment = {**os.environ, "RADIOLENS_HOME": str(folder / "home")}
    told = subprocess.run(
        [sys.executable, "-m", "radiolens", "tasks", "--json"], env=environment, capture_output=True, check=True
    )
    listed = {entry["name"] for line in told.stdout.splitlines() for entry in json.loads(line)["bundles"]}
    assert named == listed == {*SIZES, "chest-xray", "brain-mri", "brain-ct"}
    for name in SIZES:
        assert f'value="bundle:{name}"' in page
