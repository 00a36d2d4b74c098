"""Fits the heads of the gate network on kept features, and asks them."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from radiolens.safety.sight import Kind
from radiolens.training.gate.feature_set import NOT_TOLD, FeatureSet
from radiolens.training.gate.network import Scales, build_heads

__all__ = ["EPOCHS", "fit_heads", "logits_of"]

EPOCHS = 12
"""Passes over the samples; after eight the validation loss hardly falls any more."""

_BATCH = 128
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 1e-3
_SMOOTHING = 0.02
_ASKED_AT_ONCE = 512  # samples: their middle maps take 15 MB as float32
_KINDS = len(Kind)


def fit_heads(
    features: FeatureSet,
    seed: int = 0,
    epochs: int = EPOCHS,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> keras.Model:
    """Return heads trained on the samples: AdamW, cosine schedule, kinds weighted by the root of their rarity."""
    heads = build_heads(_scales(features), seed)
    steps = epochs * -(-len(features) // _BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps)
    heads.compile(keras.optimizers.AdamW(schedule, weight_decay=_WEIGHT_DECAY), _loss)
    weights = _kind_weights(features.kinds)
    random = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = random.permutation(len(features))
        for start in range(0, len(order), _BATCH):
            batch = np.sort(order[start : start + _BATCH])
            wanted = np.column_stack([features.kinds[batch], weights[batch], features.defects[batch]])
            inputs = [features.middle[batch].astype(np.float32), features.pooled[batch]]
            heads.train_on_batch(inputs, wanted.astype(np.float32))
        progress("fitting the heads of the gate", epoch + 1, epochs)
    return heads


def logits_of(heads: keras.Model, features: FeatureSet) -> NDArray[np.float32]:
    """Return the logits (n, kinds and defects) of the samples."""
    parts = [
        np.asarray(
            heads.predict_on_batch(
                [
                    features.middle[start : start + _ASKED_AT_ONCE].astype(np.float32),
                    features.pooled[start : start + _ASKED_AT_ONCE],
                ]
            )
        )
        for start in range(0, len(features), _ASKED_AT_ONCE)
    ]
    return np.concatenate(parts)


def _scales(features: FeatureSet) -> Scales:
    some = slice(0, 2000)  # they need not be exact
    return 1 / float(features.middle[some].astype(np.float32).std()), 1 / float(features.pooled[some].std())


def _kind_weights(kinds: NDArray[np.int64]) -> NDArray[np.float32]:
    counts = np.maximum(np.bincount(kinds, minlength=_KINDS), 1)
    return np.asarray(np.sqrt(counts.max() / counts)[kinds], np.float32)


def _loss(wanted: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the cross-entropy of the kind, weighted, and of every defect of which something is told.

    `wanted` holds the kind's place, its weight and the defects of each sample.
    """
    kind = tf.one_hot(tf.cast(wanted[:, 0], tf.int32), _KINDS) * (1 - _SMOOTHING) + _SMOOTHING / _KINDS
    of_kind = tf.nn.softmax_cross_entropy_with_logits(kind, logits[:, :_KINDS]) * wanted[:, 1]
    defects = wanted[:, 2:]
    told = tf.cast(defects > NOT_TOLD, tf.float32)
    smoothed = tf.clip_by_value(defects, _SMOOTHING / 2, 1 - _SMOOTHING / 2)
    of_defects = tf.nn.sigmoid_cross_entropy_with_logits(smoothed, logits[:, _KINDS:]) * told
    return of_kind + tf.reduce_sum(of_defects, axis=1)
