"""The untouched ImageNet network as ONNX: features that no label of a data set has touched, for the controls.

Run as a program, `python -m radiolens.training.imagenet_network FILE [BACKBONE SIDE]`, so that who needs the file does
without TensorFlow.
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


def write_imagenet_network(file: Path, backbone_name: str = LITE0.name, side: int = _SIDE) -> None:
    """Write a backbone with ImageNet weights from `image` (n, side, side, 1) to `features` (n, h, w, channels).

    `logits`, the second output, are the pooled features (n, channels); of Lite0 at 224 pixels a map is 7 by 7 of 1280
    channels. The file appears once it is whole. Raises DatasetError if the backbone is not known, or the package with
    its weights holds others.
    """
    backbone = backbone_model(backbone_name, Preprocessing(side, side))
    pooled = layers.GlobalAveragePooling2D(name="head")(backbone.output)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        export_onnx(keras.Model(backbone.input, pooled), partial, half=False)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    name, side = sys.argv[2:4] if len(sys.argv) > 2 else (LITE0.name, str(_SIDE))
    write_imagenet_network(Path(sys.argv[1]), name, int(side))
