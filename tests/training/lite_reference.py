"""EfficientNet-Lite once more, in numpy and straight from the published state: what the port is held against.

Written from the model's definition (github.com/ml-illustrated/EfficientNet-Lite-PyTorch, after lukemelas): colour input
(rows, columns, 3), padding as TensorFlow's SAME, in which an odd pixel is added below and to the right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
State = Mapping[str, NDArray[np.generic]]

# kernel, stride, of the first block of each stage; the others have stride 1. Expansion and widths are in the weights.
STAGES = ((3, 1), (3, 2), (5, 2), (3, 2), (5, 1), (5, 2), (3, 1))
REPEATS = {"efficientnet-lite0": (1, 2, 2, 3, 3, 4, 1), "efficientnet-lite2": (1, 3, 3, 4, 4, 5, 1)}


def padded(image: Array, kernel: int, stride: int) -> Array:
    pads = []
    for size in image.shape[:2]:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads.append((total // 2, total - total // 2))
    return np.pad(image, [*pads, (0, 0)])


def shifted(image: Array, kernel: int, stride: int) -> Array:
    """Return the windows (kernel, kernel, rows, columns, channels) of a padded image."""
    windows = np.lib.stride_tricks.sliding_window_view(padded(image, kernel, stride), (kernel, kernel), axis=(0, 1))
    return windows[::stride, ::stride].transpose(3, 4, 0, 1, 2)


def convolve(image: Array, weight: Array, stride: int = 1) -> Array:
    return np.einsum("ijrcn,onij->rco", shifted(image, weight.shape[-1], stride), weight, optimize=True)


def convolve_each(image: Array, weight: Array, stride: int) -> Array:
    return np.einsum("ijrcn,nij->rcn", shifted(image, weight.shape[-1], stride), weight[:, 0], optimize=True)


def normalise(x: Array, state: State, name: str, statistics: dict[str, tuple[Array, Array]]) -> Array:
    """Return the normalised map, and note the mean and variance of what came in."""
    statistics[name] = x.mean(axis=(0, 1)), x.var(axis=(0, 1))
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return (x - mean) / np.sqrt(variance + 1e-3) * state[f"{name}.weight"] + state[f"{name}.bias"]


def relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def features(image: Array, state: State, name: str) -> tuple[Array, dict[str, tuple[Array, Array]]]:
    """Return the last feature map (h, w, 1280) of a colour image, and the statistics before each batch norm."""
    seen: dict[str, tuple[Array, Array]] = {}
    x = relu6(normalise(convolve(image, state["_conv_stem.weight"], 2), state, "_bn0", seen))
    index = 0
    for (_, first_stride), repeats in zip(STAGES, REPEATS[name], strict=True):
        for repeat in range(repeats):
            x = block(x, state, f"_blocks.{index}", first_stride if repeat == 0 else 1, seen)
            index += 1
    assert f"_blocks.{index}._project_conv.weight" not in state
    return relu6(normalise(convolve(x, state["_conv_head.weight"]), state, "_bn1", seen)), seen


def block(x: Array, state: State, name: str, stride: int, seen: dict[str, tuple[Array, Array]]) -> Array:
    entry = x
    if f"{name}._expand_conv.weight" in state:
        x = relu6(normalise(convolve(x, state[f"{name}._expand_conv.weight"]), state, f"{name}._bn0", seen))
    depthwise = convolve_each(x, state[f"{name}._depthwise_conv.weight"], stride)
    x = relu6(normalise(depthwise, state, f"{name}._bn1", seen))
    x = normalise(convolve(x, state[f"{name}._project_conv.weight"]), state, f"{name}._bn2", seen)
    return x + entry if x.shape == entry.shape else x
