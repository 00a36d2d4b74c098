"""The untouched ImageNet network as ONNX: features that no label of a data set has touched, for the controls.

Run as a program, `python -m radiolens.training.imagenet_network FILE`, so that who needs the file does without
TensorFlow.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import keras
from keras import layers

from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.efficientnet_lite import LITE0
from radiolens.training.model import backbone_model
from radiolens.training.onnx_export import export_onnx

__all__ = ["write_imagenet_network"]

_SIDE = 224
"""Pixels: what the weights were trained on."""


def write_imagenet_network(file: Path) -> None:
    """Write EfficientNet-Lite0 with ImageNet weights from `image` (n, 224, 224, 1) to `features` (n, 7, 7, 1280).

    `logits`, the second output, are the pooled features (n, 1280). The file appears once it is whole. Raises
    DatasetError if the package with the weights holds others.
    """
    backbone = backbone_model(LITE0.name, Preprocessing(_SIDE, _SIDE))
    pooled = layers.GlobalAveragePooling2D(name="head")(backbone.output)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        export_onnx(keras.Model(backbone.input, pooled), partial, half=False)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    write_imagenet_network(Path(sys.argv[1]))
