"""An experiment of a user's own, as small as one can be: its network learns in seconds."""

from __future__ import annotations

import keras
from keras import layers

from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment

__all__ = ["EXPERIMENT", "tiny_backbone"]


def tiny_backbone(preprocessing: Preprocessing) -> keras.Model:
    """Return two convolutions from (n, rows, columns, 1) to (n, rows/4, columns/4, 16)."""
    image = keras.Input((preprocessing.rows, preprocessing.columns, 1))
    x = layers.Conv2D(8, 3, 2, padding="same")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(16, 3, 2, padding="same", activation="relu", name="last")(x)
    return keras.Model(image, x)


EXPERIMENT = Experiment(
    name="tiny",
    task="chest-xray",
    backbone=tiny_backbone,
    preprocessing=Preprocessing(32, 32),
    epochs=3,
    images_per_epoch=32,
    batch_size=8,
    learning_rate=1e-2,
    patience=0,
)
