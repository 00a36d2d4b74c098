"""Every kind of layer that is imported, in Keras and as ONNX: the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import onnxruntime
import pytest
from keras import layers

from radiolens.errors import BundleError
from radiolens.training.imported.import_child import stored_network
from radiolens.training.imported.import_h5 import Scale, scaled_by_colour
from radiolens.training.imported.keras_ending import Ending, answers, stated_probabilities
from radiolens.training.imported.keras_file import inspect_file
from radiolens.training.imported.keras_layers import ACTIVATIONS, IDENTITIES, KINDS
from radiolens.training.imported.keras_rebuild import rebuild
from tests.hostile_keras import write_doubled, write_wide

SIDE = 33  # odd, so that "same" pads unevenly
LABELS = ("a", "b", "c")


def convolutional() -> keras.Model:
    """Return a network with every kind of layer but those of `gated` and the activations."""
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(2.0, offset=[-1.0, -0.5, 0.0])(image)
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(x)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(x)
    x = layers.GaussianNoise(0.1)(x)
    x = layers.Conv2D(8, (3, 2), dilation_rate=2, groups=2, use_bias=False)(x)
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", strides=2)(x)
    x = layers.LayerNormalization()(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.SeparableConv2D(6, 3, padding="same", activation="tanh")(x)
    x = layers.ELU(0.7)(x)
    x = layers.SpatialDropout2D(0.2)(x)
    x = layers.Cropping2D(((0, 1), (1, 0)))(x)
    x = layers.ReLU(max_value=5.0, negative_slope=0.1)(x)
    x = layers.Softmax()(x)
    x = layers.Concatenate()([layers.MaxPooling2D(3, 1, "same")(x), layers.AveragePooling2D(3, 1, "same")(x)])
    x = layers.Flatten()(x)
    x = layers.Dense(12, activation="gelu")(x)
    x = layers.BatchNormalization()(x)
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.Dropout(0.5)(x)))


def gated() -> keras.Model:
    """Return a network of branches that are merged, with squeeze and excitation, which ends in a pooled dense head."""
    image = keras.Input((SIDE, SIDE, 1))
    x = layers.Conv2D(6, 3, activation="swish")(image)
    y = layers.Conv2D(6, 3)(image)
    squeezed = layers.Reshape((1, 1, 6))(layers.GlobalAveragePooling2D()(x))
    excited = layers.Multiply()([x, layers.Dense(6, activation="sigmoid")(squeezed)])
    most = layers.GlobalMaxPooling2D(keepdims=True)(y)
    parts = [layers.Add()([excited, y]), layers.Subtract()([x, y]), layers.Average()([x, y])]
    parts += [layers.Maximum()([x, y]), layers.Minimum()([x, y]), layers.Multiply()([y, most])]
    x = layers.GaussianDropout(0.1)(layers.AlphaDropout(0.1)(layers.Concatenate()(parts)))
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Activation("softmax")(layers.Dense(3)(x)))


def activated() -> keras.Model:
    """Return a network of every activation."""
    image = keras.Input((SIDE, SIDE, 1))
    x = layers.Conv2D(4, 5, strides=4)(image)
    parts = [layers.Activation(name)(x) for name in sorted(ACTIVATIONS)]
    x = layers.Concatenate()([layers.BatchNormalization()(part) for part in parts])
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def randomised(model: keras.Model) -> keras.Model:
    """Give every weight, statistics of batch norms included, a random value; variances stay positive."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "seed" not in weight.path:
            values = rng.normal(0, 0.5, weight.shape).astype(np.float32)
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return model


def images(model: keras.Model, count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).random((count, *model.input_shape[1:]), np.float32)


def run(onnx_model: bytes, batch: np.ndarray) -> list[np.ndarray]:
    return list(onnxruntime.InferenceSession(onnx_model).run(None, {"image": batch}))


@pytest.mark.parametrize("make", [convolutional, gated, activated], ids=lambda make: make.__name__)
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_keras_rebuilt_network_and_onnx_answer_alike(make, ending: str, tmp_path: Path) -> None:  # noqa: ANN001  a function
    model = randomised(make())
    file = tmp_path / f"network{ending}"
    model.save(file)
    facts = inspect_file((), {"path": str(file)}).facts
    rebuilt = rebuild(file, facts)
    batch = images(model)
    expected = model.predict(batch, verbose=0)
    np.testing.assert_allclose(rebuilt.predict(batch, verbose=0), expected, atol=1e-6)
    answering = answers(stored_network(rebuilt, facts), LABELS, exclusive=True)
    assert answering.ending is Ending.SOFTMAX
    logits, *features = run(answering.model.SerializeToString(), batch)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), expected, atol=1e-5)
    assert bool(features) == (make is gated)
    if answering.head:
        pooled = features[0].mean(axis=(1, 2))
        np.testing.assert_allclose(pooled @ answering.head.kernel + answering.head.bias, logits, atol=1e-4)


def test_every_kind_of_layer_is_in_the_zoo(tmp_path: Path) -> None:
    kinds = {type(layer).__name__ for make in (convolutional, gated, activated) for layer in make().layers}
    assert kinds - {"InputLayer"} - IDENTITIES == KINDS.keys()


def small(outputs: int, activation: str | None, last: keras.layers.Layer | None = None) -> keras.Model:
    parts = [keras.Input((16, 16, 1)), layers.Flatten(), layers.Dense(outputs, activation=activation)]
    return randomised(keras.Sequential([*parts, *([last] if last else [])]))


@pytest.mark.parametrize(
    ("model", "outputs", "exclusive", "ending"),
    [
        (small(1, "sigmoid"), ("a",), False, Ending.SIGMOID),
        (small(2, "sigmoid"), ("a", "b"), False, Ending.SIGMOID),
        (small(2, "sigmoid"), (None, "b"), False, Ending.SIGMOID),
        (small(2, "softmax"), (None, "b"), False, Ending.SOFTMAX),
        (small(3, "softmax"), (None, "b", "c"), False, Ending.SOFTMAX),
        (small(3, None), ("a", "b", "c"), True, Ending.LOGITS),
        (small(2, None), ("a", "b"), False, Ending.LOGITS),
        (small(3, "softmax", layers.Reshape((3,))), ("a", "b", "c"), True, Ending.PROBABILITIES),
        (small(1, "sigmoid", layers.Dropout(0.1)), ("a",), False, Ending.PROBABILITIES),
    ],
)
def test_the_logits_give_the_probabilities_that_the_network_states(
    model: keras.Model, outputs: tuple[str | None, ...], exclusive: bool, ending: Ending, tmp_path: Path
) -> None:
    model.save(tmp_path / "network.keras")
    facts = inspect_file((), {"path": str(tmp_path / "network.keras")}).facts
    rebuilt = rebuild(tmp_path / "network.keras", facts)
    answering = answers(stored_network(rebuilt, facts), outputs, exclusive=exclusive)
    assert answering.ending is ending
    batch = images(model) * 0.1
    (logits,) = run(answering.model.SerializeToString(), batch)
    stated = stated_probabilities(model.predict(batch, verbose=0), outputs, ending, exclusive=exclusive)
    powers = np.exp(logits)
    found = powers / powers.sum(axis=1, keepdims=True) if exclusive else powers / (1 + powers)
    np.testing.assert_allclose(found, stated, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "outputs", "exclusive", "message"),
    [
        (
            small(4, "softmax"),
            ("a", "b", "c"),
            True,
            r"answers 4 numbers for an image, but 3 labels were named \(a, b, c\)",
        ),
        (
            small(3, "sigmoid"),
            ("a", "b", "c"),
            True,
            "ends in sigmoid over 3 outputs, but the labels of the task exclude",
        ),
        (small(1, "softmax"), ("a",), False, "a softmax over one output, which always answers 1"),
        (small(2, "relu"), ("a", "b"), False, "are no probabilities"),
    ],
)
def test_an_ending_that_does_not_fit_the_labels_is_refused(
    model: keras.Model, outputs: tuple[str | None, ...], exclusive: bool, message: str, tmp_path: Path
) -> None:
    model.save(tmp_path / "network.keras")
    facts = inspect_file((), {"path": str(tmp_path / "network.keras")}).facts
    rebuilt = rebuild(tmp_path / "network.keras", facts)
    with pytest.raises(BundleError, match=message):  # the second needs the first
        stated_probabilities(
            images(model, 2)[:, 0, :2, 0] * 9,
            outputs,
            answers(stored_network(rebuilt, facts), outputs, exclusive=exclusive).ending,
            exclusive=exclusive,
        )


@pytest.mark.parametrize(
    ("scale", "application"),
    [(Scale.IMAGENET_MEAN, keras.applications.vgg16), (Scale.IMAGENET_STANDARD, keras.applications.densenet)],
)
def test_scales_of_imagenet_are_those_of_keras(scale: Scale, application: ModuleType, tmp_path: Path) -> None:
    model = randomised(
        keras.Sequential([keras.Input((16, 16, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    )
    model.save(tmp_path / "network.keras")
    facts = scaled_by_colour(inspect_file((), {"path": str(tmp_path / "network.keras")}).facts, scale)
    answering = answers(stored_network(rebuild(tmp_path / "network.keras", facts), facts), ("a",), exclusive=False)
    grey = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1)).astype(np.float32)
    expected = model.predict(application.preprocess_input(np.repeat(grey, 3, axis=-1)) / 1.0, verbose=0)
    (logits,) = run(answering.model.SerializeToString(), np.repeat(grey, 3, axis=-1))
    np.testing.assert_allclose(0.5 * (1 + np.tanh(logits / 2)), expected, atol=1e-5)


def test_a_scale_of_colours_needs_three(tmp_path: Path) -> None:
    small(1, "sigmoid").save(tmp_path / "network.keras")
    facts = inspect_file((), {"path": str(tmp_path / "network.keras")}).facts
    with pytest.raises(BundleError, match="takes 1 colour, but the scale imagenet-mean is for three"):
        scaled_by_colour(facts, Scale.IMAGENET_MEAN)


@pytest.mark.parametrize("write", [write_wide, write_doubled])
def test_feature_maps_that_would_fill_the_memory_are_refused_before(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path / "large.h5")
    facts = inspect_file((), {"path": str(tmp_path / "large.h5")}).facts
    with pytest.raises(BundleError, match=r"one image makes \d{3,} million numbers"):
        rebuild(tmp_path / "large.h5", facts)
