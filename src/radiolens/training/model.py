"""The classifier: a backbone, global average pooling and one dense head, so that activation maps are exact."""

from __future__ import annotations

import sys
from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment
from radiolens.training.efficientnet_lite import LITE0, LITE2, build_backbone, load_imagenet_weights

__all__ = ["backbone_model", "build_classifier", "freeze", "resized"]

_LITE = {variant.name: variant for variant in (LITE0, LITE2)}


def build_classifier(experiment: Experiment, labels: int, *, pretrained: bool = True) -> keras.Model:
    """Return an untrained classifier with the output logits (n, labels) on ImageNet features.

    The layer named `features` gives the last feature map, the layer `head` is the dense one. With a `map_weight` there
    is a second output: the class activation maps (n, h, w, labels), by the same dense layer in each place.
    """
    backbone = backbone_model(experiment.backbone, experiment.preprocessing, pretrained=pretrained)
    x = layers.GlobalAveragePooling2D(name="pooled")(backbone.output)
    x = layers.Dropout(experiment.dropout, seed=experiment.seed)(x)
    head = layers.Dense(labels, name="head")
    logits = head(x)
    outputs = [logits, layers.Activation("linear", name="maps")(head(backbone.output))]
    model = keras.Model(
        backbone.input, outputs if experiment.map_weight else logits, name=experiment.task.replace("-", "_")
    )
    freeze(model, experiment)
    return model


def resized(network: keras.Model, experiment: Experiment, labels: int) -> keras.Model:
    """Return a classifier with the weights of a network of the same kind for pictures of the experiment's size."""
    model = build_classifier(experiment, labels, pretrained=False)
    model.set_weights(network.get_weights())
    return model


def backbone_model(
    backbone: str | Callable[[Preprocessing], keras.Model], preprocessing: Preprocessing, *, pretrained: bool = True
) -> keras.Model:
    """Return a backbone from normalised grey images (n, rows, columns, 1) to feature maps (n, h, w, channels).

    By name: an EfficientNet-Lite, or any of `keras.applications`, whose ImageNet weights are downloaded. Or what a
    function returns for the preprocessing. Raises DatasetError for a name that is not known, or another input.
    """
    if preprocessing.channels != 1:
        raise DatasetError(f"preprocessing has {preprocessing.channels} channels; networks are trained on 1, the grey.")
    if callable(backbone):
        return _own(backbone, preprocessing)
    if backbone in _LITE:
        lite = build_backbone(_LITE[backbone], preprocessing.rows, preprocessing.columns)
        _check_lite_scale(backbone, preprocessing, pretrained=pretrained)
        if pretrained:
            load_imagenet_weights(lite, _LITE[backbone])
        return lite
    return _application(backbone, preprocessing, pretrained=pretrained)


def _own(backbone: Callable[[Preprocessing], keras.Model], preprocessing: Preprocessing) -> keras.Model:
    model = backbone(preprocessing)
    expected = (None, preprocessing.rows, preprocessing.columns, 1)
    if model.input_shape != expected or len(model.output_shape) != 4:
        raise DatasetError(
            f"{backbone.__qualname__} returned a model from {model.input_shape} to {model.output_shape}, expected one "
            f"from {expected} to feature maps (None, h, w, channels)."
        )
    return keras.Model(model.input, layers.Activation("linear", name="features")(model.output), name="own")


def _check_lite_scale(name: str, preprocessing: Preprocessing, *, pretrained: bool) -> None:
    if pretrained and (preprocessing.offset, preprocessing.scale) != (127.0, 128.0):
        raise DatasetError(
            f"{name}: its ImageNet weights were trained on (grey level - 127) / 128, but the preprocessing has offset "
            f"{preprocessing.offset:g} and scale {preprocessing.scale:g}. Use Preprocessing(offset=127, scale=128)."
        )


def _application(name: str, preprocessing: Preprocessing, *, pretrained: bool) -> keras.Model:
    constructor = getattr(keras.applications, name, None)
    if not callable(constructor):
        known = sorted(entry for entry in dir(keras.applications) if entry[0].isupper())
        raise DatasetError(f"Unknown backbone {name!r}. Known: {', '.join([*_LITE, *known])}.")
    image = keras.Input((preprocessing.rows, preprocessing.columns, 1), name="image")
    colours = layers.Concatenate(name="colours")([image] * 3)
    application = constructor(
        include_top=False,
        weights="imagenet" if pretrained else None,
        input_shape=(preprocessing.rows, preprocessing.columns, 3),
        # One flat model, so that batch norms in it can be frozen and layers be named by `unfreeze_from`.
        input_tensor=_expected_scale(constructor, preprocessing)(colours),
    )
    return keras.Model(image, layers.Activation("linear", name="features")(application.output), name=name)


def _expected_scale(constructor: Callable[..., keras.Model], preprocessing: Preprocessing) -> keras.layers.Layer:
    """Return the layer from normalised grey to what an application was trained on.

    Each has a `preprocess_input` of its own: -1 to 1, 0 to 255, or less the mean of each colour. All are linear for
    each colour, so two grey levels tell them; the layer undoes our normalisation first.
    """
    preprocess = sys.modules[constructor.__module__].preprocess_input
    black, white = (np.asarray(preprocess(np.full((1, 1, 1, 3), level, np.float32)))[0, 0, 0] for level in (0, 255))
    slope = (white - black) / 255.0
    scale = preprocessing.scale * slope
    offset = preprocessing.offset * slope + black
    return layers.Rescaling(scale.tolist(), offset.tolist(), name="expected_scale")


def freeze(model: keras.Model, experiment: Experiment) -> None:
    """Set which layers are trained: batch norms by configuration, and nothing before `unfreeze_from`."""
    names = [layer.name for layer in model.layers]
    if experiment.unfreeze_from and experiment.unfreeze_from not in names:
        raise DatasetError(f"unfreeze_from: no layer {experiment.unfreeze_from!r} in {experiment.backbone_name}.")
    first = names.index(experiment.unfreeze_from) if experiment.unfreeze_from else 0
    for position, layer in enumerate(model.layers):
        frozen_norm = experiment.freeze_batch_norms and isinstance(layer, layers.BatchNormalization)
        layer.trainable = position >= first and not frozen_norm
