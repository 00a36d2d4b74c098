"""The gate network: ImageNet's features as they are, and small heads that are trained on them.

The backbone stays frozen: it has seen a million pictures of everything, and what lies far from films and slices must
stay apart from them. Two of its maps are read: a middle one, which tells where things are (a turned or cut organ), and
the last one, which tells what they are.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from radiolens.training.efficientnet_lite import LITE0
from radiolens.training.gate.samples import DEFECT_NAMES, KINDS, PREPROCESSING
from radiolens.training.model import backbone_model

__all__ = ["ANSWERS", "Scales", "build_backbone", "build_heads", "joined"]

ANSWERS = len(KINDS) + len(DEFECT_NAMES)
"""Logits of the network: of the kinds, then of the defects."""

Scales = tuple[float, float]
"""What brings the middle map and the pooled features to a spread of about one."""

_AFTER_MIDDLE = "_blocks.11._expand_conv"
"""The layer that reads the middle map (n, 8, 8, 112), the last one of stride 16."""
_MIDDLE, _POOLED = (8, 8, 112), (1280,)


def build_backbone() -> keras.Model:
    """Return EfficientNet-Lite0 with ImageNet weights, from images to its middle and its last map.

    The layers that give them are named `head`, (n, 8, 8, 112), and `features`, (n, 4, 4, 1280), as the export of a
    network names its outputs.
    """
    backbone = backbone_model(LITE0.name, PREPROCESSING)
    middle = layers.Activation("linear", name="head")(backbone.get_layer(_AFTER_MIDDLE).input)
    return keras.Model(backbone.input, [middle, backbone.output], name="gate_features")


def build_heads(scales: Scales, seed: int = 0) -> keras.Model:
    """Return untrained heads, from (middle map (n, 8, 8, 112), pooled features (n, 1280)) to logits (n, 8)."""
    keras.utils.set_random_seed(seed)
    middle, pooled = keras.Input(_MIDDLE), keras.Input(_POOLED)
    where = layers.Rescaling(scales[0])(middle)
    where = layers.SpatialDropout2D(0.1)(where)
    where = layers.Conv2D(48, 1, activation="relu")(where)
    where = layers.Conv2D(64, 3, 2, padding="same", activation="relu")(where)
    where = layers.Dropout(0.3)(layers.Flatten()(where))
    where = layers.Dense(96, activation="relu")(where)
    what = layers.Dropout(0.3)(layers.Rescaling(scales[1])(pooled))
    what = layers.Dense(96, activation="relu")(what)
    both = layers.Dropout(0.3)(layers.Concatenate()([where, what]))
    return keras.Model([middle, pooled], layers.Dense(ANSWERS)(both), name="gate_heads")


def joined(heads: keras.Model, shifts: NDArray[np.float32]) -> keras.Model:
    """Return the whole network, from images to logits (layer `head`) and the last map (layer `features`).

    `shifts` (kinds, defects) are added to the logits of the defects, as far as the network takes a picture for each
    kind (`radiolens.training.gate.operating_points`).
    """
    backbone = backbone_model(LITE0.name, PREPROCESSING)
    middle = backbone.get_layer(_AFTER_MIDDLE).input
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    said = heads([middle, pooled])
    kinds = layers.Softmax()(said[:, : len(KINDS)])
    shift = layers.Dense(len(DEFECT_NAMES), use_bias=False, name="shifts")
    whole = layers.Concatenate()([said[:, : len(KINDS)], said[:, len(KINDS) :] + shift(kinds)])
    shift.set_weights([shifts])
    return keras.Model(backbone.input, layers.Activation("linear", name="head")(whole), name="gate")
