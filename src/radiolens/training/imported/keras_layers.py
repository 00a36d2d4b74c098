"""The Keras layers that a stranger's network may consist of: pure data, and the shapes of their weights.

A layer that is not named here is not imported. Each needs its arguments listed, since a setting that is overlooked
would make another network of it, and the shapes of its weights, so that the file can be checked before memory is
taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["ACTIVATIONS", "IDENTITIES", "KINDS", "LayerKind", "Shape", "fits"]

Shape = tuple[int | None, ...]
"""Of a weight; None is a size that follows from the layers before."""

_Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class LayerKind:
    """What radiolens knows of one class of `keras.layers`.

    `arguments` are those that steer the computation, in Keras 3's names; `renamed` maps older names to them; `fixed`
    names arguments that may have one value only. `weights` gives the shapes of the weights, in Keras's order.
    """

    arguments: tuple[str, ...] = ()
    weights: Callable[[_Arguments], tuple[Shape, ...]] = lambda arguments: ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def fits(found: tuple[int, ...], expected: Shape) -> bool:
    """Say whether a weight has the shape that its layer expects."""
    return len(found) == len(expected) and all(want in (None, have) for have, want in zip(found, expected, strict=True))


def _bias(arguments: _Arguments, size: int | None) -> tuple[Shape, ...]:
    return ((size,),) if arguments.get("use_bias", True) else ()


def _pair(value: Any) -> tuple[int, int]:  # noqa: ANN401  JSON: one number for both sides, or two
    first, second = value if isinstance(value, list) else (value, value)
    return first, second


def _dense(arguments: _Arguments) -> tuple[Shape, ...]:
    return ((None, arguments["units"]), *_bias(arguments, arguments["units"]))


def _convolution(arguments: _Arguments) -> tuple[Shape, ...]:
    filters = arguments["filters"]
    return ((*_pair(arguments["kernel_size"]), None, filters), *_bias(arguments, filters))


def _depthwise(arguments: _Arguments) -> tuple[Shape, ...]:
    return ((*_pair(arguments["kernel_size"]), None, arguments.get("depth_multiplier", 1)), *_bias(arguments, None))


def _separable(arguments: _Arguments) -> tuple[Shape, ...]:
    depthwise = (*_pair(arguments["kernel_size"]), None, arguments.get("depth_multiplier", 1))
    return (depthwise, (1, 1, None, arguments["filters"]), *_bias(arguments, arguments["filters"]))


def _scale_and_centre(arguments: _Arguments) -> tuple[Shape, ...]:
    return ((None,),) * sum(bool(arguments.get(key, True)) for key in ("scale", "center"))


def _batch_norm(arguments: _Arguments) -> tuple[Shape, ...]:
    return (*_scale_and_centre(arguments), (None,), (None,))


def _normalization(arguments: _Arguments) -> tuple[Shape, ...]:
    return () if arguments.get("mean") is not None else ((None,), (None,), ())


_POOL = ("pool_size", "strides", "padding")
_CONVOLUTION = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
_ONE_GROUP = {"groups": (1,)}  # Keras 2 writes it, Keras 3 does not know it

KINDS: Mapping[str, LayerKind] = MappingProxyType(
    {
        "Dense": LayerKind(("units", "activation", "use_bias"), _dense),
        "Conv2D": LayerKind(("filters", "groups", *_CONVOLUTION), _convolution),
        "DepthwiseConv2D": LayerKind(("depth_multiplier", *_CONVOLUTION), _depthwise, fixed=_ONE_GROUP),
        "SeparableConv2D": LayerKind(("filters", "depth_multiplier", *_CONVOLUTION), _separable, fixed=_ONE_GROUP),
        "BatchNormalization": LayerKind(
            ("axis", "epsilon", "center", "scale"),
            _batch_norm,
            fixed={"renorm": (False,), "virtual_batch_size": (None,)},
        ),
        "LayerNormalization": LayerKind(
            ("axis", "epsilon", "center", "scale"), _scale_and_centre, fixed={"rms_scaling": (False,)}
        ),
        "Normalization": LayerKind(("axis", "mean", "variance", "invert"), _normalization),
        "Rescaling": LayerKind(("scale", "offset")),
        "Activation": LayerKind(("activation",)),
        "ReLU": LayerKind(("max_value", "negative_slope", "threshold")),
        "LeakyReLU": LayerKind(("negative_slope",), renamed={"alpha": "negative_slope"}),
        "ELU": LayerKind(("alpha",)),
        "PReLU": LayerKind(("shared_axes",), lambda arguments: ((None, None, None),)),
        "Softmax": LayerKind(("axis",)),
        "MaxPooling2D": LayerKind(_POOL),
        "AveragePooling2D": LayerKind(_POOL),
        "GlobalAveragePooling2D": LayerKind(("keepdims",)),
        "GlobalMaxPooling2D": LayerKind(("keepdims",)),
        "ZeroPadding2D": LayerKind(("padding",)),
        "Cropping2D": LayerKind(("cropping",)),
        "Flatten": LayerKind(),
        "Reshape": LayerKind(("target_shape",)),
        "Add": LayerKind(),
        "Subtract": LayerKind(),
        "Multiply": LayerKind(),
        "Average": LayerKind(),
        "Maximum": LayerKind(),
        "Minimum": LayerKind(),
        "Concatenate": LayerKind(("axis",)),
        "Dropout": LayerKind(("rate",)),
        "SpatialDropout2D": LayerKind(("rate",)),
        "GaussianNoise": LayerKind(("stddev",)),
        "GaussianDropout": LayerKind(("rate",)),
        "AlphaDropout": LayerKind(("rate",)),
    }
)
"""The layers that are built, by class name."""

IDENTITIES = frozenset(
    {"ActivityRegularization", "RandomBrightness", "RandomContrast", "RandomFlip", "RandomHeight", "RandomRotation"}
    | {"RandomTranslation", "RandomWidth", "RandomZoom"}  # not RandomCrop, which resizes when it is not training
)
"""Layers that do nothing but in training; they are left out."""

ACTIVATIONS = frozenset(
    {"elu", "exponential", "gelu", "linear", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus"}
    | {"softsign", "swish", "tanh"}
)
"""Activations that compute the same in Keras 2 and 3; `hard_sigmoid`, for instance, does not."""
