"""The classifier: a backbone, global average pooling and one dense head, so that activation maps are exact."""

from __future__ import annotations

import keras
from keras import layers

from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment
from radiolens.training.efficientnet_lite import LITE0, LITE2, build_backbone, load_imagenet_weights

__all__ = ["backbone_model", "build_classifier", "freeze"]

_LITE = {variant.name: variant for variant in (LITE0, LITE2)}


def build_classifier(experiment: Experiment, labels: int, *, pretrained: bool = True) -> keras.Model:
    """Return an untrained classifier with the outputs `logits` (n, labels) on ImageNet features.

    The layer named `features` gives the last feature map, the layer `head` is the dense one.
    """
    backbone = backbone_model(experiment.backbone, experiment.preprocessing, pretrained=pretrained)
    x = layers.GlobalAveragePooling2D(name="pooled")(backbone.output)
    x = layers.Dropout(experiment.dropout, seed=experiment.seed)(x)
    logits = layers.Dense(labels, name="head")(x)
    model = keras.Model(backbone.input, logits, name=experiment.task.replace("-", "_"))
    freeze(model, experiment)
    return model


def backbone_model(name: str, preprocessing: Preprocessing, *, pretrained: bool = True) -> keras.Model:
    """Return a backbone by name: an EfficientNet-Lite, or any of `keras.applications` (whose weights it downloads)."""
    if name in _LITE:
        backbone = build_backbone(_LITE[name], preprocessing.rows, preprocessing.columns)
        if pretrained:
            load_imagenet_weights(backbone, _LITE[name])
        return backbone
    return _application(name, preprocessing, pretrained=pretrained)


def _application(name: str, preprocessing: Preprocessing, *, pretrained: bool) -> keras.Model:
    constructor = getattr(keras.applications, name, None)
    if not callable(constructor):
        known = sorted(entry for entry in dir(keras.applications) if entry[0].isupper())
        raise DatasetError(f"Unknown backbone {name!r}. Known: {', '.join([*_LITE, *known])}.")
    shape = (preprocessing.rows, preprocessing.columns, 3)
    application = constructor(include_top=False, weights="imagenet" if pretrained else None, input_shape=shape)
    image = keras.Input((*shape[:2], 1), name="image")
    features = application(layers.Concatenate(name="colours")([image] * 3))
    return keras.Model(image, layers.Activation("linear", name="features")(features), name=name)


def freeze(model: keras.Model, experiment: Experiment) -> None:
    """Set which layers are trained: batch norms by configuration, and nothing before `unfreeze_from`."""
    names = [layer.name for layer in model.layers]
    if experiment.unfreeze_from and experiment.unfreeze_from not in names:
        raise DatasetError(f"unfreeze_from: no layer {experiment.unfreeze_from!r} in {experiment.backbone}.")
    first = names.index(experiment.unfreeze_from) if experiment.unfreeze_from else 0
    for position, layer in enumerate(model.layers):
        frozen_norm = experiment.freeze_batch_norms and isinstance(layer, layers.BatchNormalization)
        layer.trainable = position >= first and not frozen_norm
