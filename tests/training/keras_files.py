"""Networks as other people save them: the three of the first design, trained for a moment, and transfer learning.

`python -m tests.training.keras_files FOLDER` writes them and, as <name>.npz, what their own Keras answers for some
grey levels. In a process of its own, since Keras 2 (tf-keras) and Keras 3 warn about one another. Trained on real
images where those of ../shared/data are, else on phantoms.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tf_keras
from numpy.typing import NDArray

from radiolens.image import Unit
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.imaging.read import decode
from tests.phantoms import chest_film
from tests.shared_data import SHARED

COUNT = 24


def films(
    collection: str, wanted: Callable[[dict[str, str]], int | None], side: int
) -> tuple[NDArray[np.uint8], list[int]]:
    """Return grey levels and classes of some training images, equally many of each class."""
    if not SHARED.is_dir():
        grey = [
            grey_levels(chest_film(side, side, n), Unit.UNIT_INTERVAL, Preprocessing(side, side)) for n in range(COUNT)
        ]
        return np.stack(grey), [n % 4 for n in range(COUNT)]
    grey, classes = [], []
    with (SHARED / collection / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kind = wanted(row) if row["split"] == "train" else None
            if kind is not None and classes.count(kind) < COUNT // 4:
                image = decode([(SHARED / collection / row["path"]).read_bytes()])
                grey.append(grey_levels(image.pixels[0], image.unit, Preprocessing(side, side)))
                classes.append(kind)
    return np.stack(grey), classes


def batch(grey: NDArray[np.uint8], channels: int) -> NDArray[np.float32]:
    return np.repeat(grey[..., np.newaxis].astype(np.float32) / np.float32(255), channels, axis=-1)


def save(model: object, grey: NDArray[np.uint8], file: Path) -> None:
    """Save a network, and grey levels with its answers."""
    model.save(file)  # type: ignore[attr-defined]  of Keras 2 or 3
    answers = model.predict(batch(grey[:6], model.input_shape[-1]), verbose=0)  # type: ignore[attr-defined]  as above
    np.savez(f"{file}.npz", grey=grey[:6], answers=answers)


def tumours(row: dict[str, str]) -> int | None:
    names = ("glioma", "meningioma", "no_tumour", "pituitary")
    return names.index(row["label"]) if row["label"] in names else None


def finding(name: str) -> Callable[[dict[str, str]], int | None]:
    return lambda row: int(row[name]) if row[name] else None


def first_design(folder: Path) -> None:
    """Write the three files of the first design, trained for a moment, as Keras 2 saves them."""
    layers = tf_keras.layers
    grey, classes = films("brain-mri", tumours, 224)
    model = tf_keras.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(224, 224, 3)),
            layers.MaxPooling2D(4),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(4),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(4, activation="softmax"),
        ]
    )
    trained(model, batch(grey, 3), tf_keras.utils.to_categorical(classes, 4), "categorical_crossentropy")
    save(model, grey, folder / "braintumor.h5")
    grey, classes = films("chest-xray", finding("tuberculosis"), 64)
    model = tf_keras.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(64, 64, 3)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    trained(model, batch(grey, 3), np.minimum(classes, 1), "binary_crossentropy")
    save(model, grey, folder / "Tuberculosis_model.h5")
    grey, classes = films("chest-xray", finding("pneumonia"), 150)
    model = tf_keras.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(150, 150, 1)),
            layers.MaxPooling2D(3),
            layers.SeparableConv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    trained(model, batch(grey, 1), np.minimum(classes, 1), "binary_crossentropy")
    save(model, grey, folder / "pneumonia_model.h5")


def trained(model: object, images: NDArray[np.float32], wanted: NDArray[np.float32], loss: str) -> None:
    tf_keras.utils.set_random_seed(0)
    model.compile("adam", loss)  # type: ignore[attr-defined]  of Keras 2
    model.fit(images, wanted, epochs=2, batch_size=8, verbose=0)  # type: ignore[attr-defined]  as above


def transfer(folder: Path) -> None:
    """Write a pretrained kind of network in a network, as Keras 2 saves it, with augmentation and scaling inside."""
    grey, _ = films("brain-mri", tumours, 96)
    inner = tf_keras.applications.MobileNetV2(alpha=0.35, weights=None, include_top=False, input_shape=(96, 96, 3))
    inner.trainable = False
    image = tf_keras.Input((96, 96, 3))
    x = tf_keras.layers.RandomFlip("horizontal")(image)
    x = inner(tf_keras.applications.mobilenet_v2.preprocess_input(x * 255.0), training=False)
    x = tf_keras.layers.Dropout(0.2)(tf_keras.layers.GlobalAveragePooling2D()(x))
    save(tf_keras.Model(image, tf_keras.layers.Dense(4, activation="softmax")(x)), grey, folder / "transfer.h5")


def third(folder: Path) -> None:
    """Write a network as Keras 3 saves it, in both its formats, and one of Keras 2 as an archive."""
    grey, _ = films("chest-xray", finding("pneumonia"), 48)
    model = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            keras.layers.Rescaling(2.0, offset=-1.0),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    save(model, grey, folder / "third.keras")
    save(model, grey, folder / "third.h5")


def main() -> None:
    folder = Path(sys.argv[1])
    first_design(folder)
    transfer(folder)
    third(folder)


if __name__ == "__main__":
    main()
