"""The architecture of a Keras file as a flat list of known layers; nothing of the file is run or imported for it.

Keras 2 and Keras 3 describe a network as JSON: layers with class names and settings, networks in networks, and which
layer takes its input from which. This module reads that description with the table of `keras_layers.py` and refuses
all else: what is built from it (`keras_rebuild.py`) holds no class, function or setting that radiolens does not know.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from radiolens.errors import BundleError
from radiolens.training.imported.keras_layers import ACTIVATIONS, IDENTITIES, KINDS, LayerKind

__all__ = ["INPUT", "Architecture", "Layer", "parse_architecture"]

_MOST_LAYERS = 2000
"""The largest of keras.applications, ResNet152 and EfficientNetB7, have 820."""
_DEEPEST = 8
"""Networks in networks; transfer learning makes 2."""
_LARGEST_NUMBER = 65_536
"""In a layer's settings: units, filters, sizes. The widest layer of keras.applications has 4,096 units."""
_TOO_DEEP = f"It nests networks more than {_DEEPEST} deep. Such networks cannot be imported."
_SIDES = (16, 1024)
"""Rows and columns of the input, in pixels."""
_LONGEST_TEXT = 100
_LONGEST_LIST = 64  # of a setting: one number for each colour, side or axis

_MODELS = frozenset({"Functional", "Model", "Sequential"})
_MODULES = re.compile(r"(keras|tensorflow\.python\.keras|tf_keras)(\.[a-z_0-9]+)*")
_TRAINING_ONLY = re.compile(
    r"name|trainable|dtype|autocast|build_config|batch_input_shape|batch_shape|input_shape|input_dtype|sparse|ragged|"
    r"seed|noise_shape|momentum|renorm_clipping|renorm_momentum|fused|synchronized|implementation|optional|"
    r"\w+_(initializer|regularizer|constraint)"
)
_ABSENT = re.compile(r"quantization\w*|lora\w*|gptq\w*|input_spec|dynamic")
"""Settings that must be absent or null."""


@dataclass(frozen=True)
class Layer:
    """One layer to build: a class of `KINDS`, its name in the flat network, arguments and inputs.

    `path` is where the file keeps its weights: the names of the networks around it and its own. `container` is the same
    place in a `.keras` archive, which counts classes instead.
    """

    kind: str
    name: str
    arguments: Mapping[str, Any]
    inputs: tuple[str, ...]
    path: tuple[str, ...]
    container: str


@dataclass
class _Flat:
    """The layers found so far, and the names they took."""

    layers: list[Layer] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Architecture:
    """A network with one input of `shape` (rows, columns, channels), named `INPUT`, and the output of one layer."""

    shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    output: str
    left_out: tuple[str, ...]


INPUT = "image"
"""The name of the input, here and in model.onnx."""


def parse_architecture(text: str) -> Architecture:
    """Return the architecture that the JSON of a Keras file describes; raise BundleError for all that is not known."""
    try:
        model = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"Its description of the network is no JSON that can be read ({type(error).__name__}). Save it again."
        ) from error
    model = _dict(model, "the network")
    flat = _Flat()
    flat.names.add(INPUT)
    shape = _input_shape(model)
    try:
        output = _network(model, INPUT, (), "", flat)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"Its description of the network is not as Keras writes it ({type(error).__name__}: {str(error)[:80]}). "
            "Save it again with model.save."
        ) from error
    return Architecture(shape, _needed(flat.layers, output), output, tuple(flat.left_out))


def _needed(layers: Sequence[Layer], output: str) -> tuple[Layer, ...]:
    """Return the layers that lead to the output, in the order of `keras.Model.layers`; raise BundleError if none does.

    That order is by the longest way to the output, then by the first visit of a walk from there.
    """
    known = {layer.name: layer for layer in layers}
    visited: dict[str, int] = {}
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name in known and name not in visited:
            visited[name] = len(visited)
            waiting += reversed(known[name].inputs)
    if not visited:
        raise BundleError("It has no layer that computes anything. Save the trained network.")
    depth = dict.fromkeys(known, 0)
    for layer in reversed(layers):
        for name in (name for name in layer.inputs if layer.name in visited and name in known):
            depth[name] = max(depth[name], depth[layer.name] + 1)
    return tuple(known[name] for name in sorted(visited, key=lambda name: (-depth[name], visited[name])))


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _input_shape(model: Mapping[str, Any]) -> tuple[int, int, int]:
    found = next(_declared_shapes(model, 0), None)
    sides = found[1:] if isinstance(found, list) else None
    if not sides or len(sides) != 3 or not all(type(side) is int for side in sides):
        raise BundleError(
            f"Its input has the shape {_short(found)}; expected images, (any number, rows, columns, channels), with "
            "fixed sizes. Build the network with an input shape and save it again."
        )
    rows, columns, channels = sides
    if channels not in (1, 3) or not all(_SIDES[0] <= side <= _SIDES[1] for side in (rows, columns)):
        raise BundleError(
            f"Its input is {rows} x {columns} x {channels}; expected {_SIDES[0]} to {_SIDES[1]} rows and columns, 1 "
            "(grey) or 3 (colour) channels last. Such networks cannot be imported."
        )
    return rows, columns, channels


def _declared_shapes(model: Mapping[str, Any], depth: int) -> Iterator[Any]:
    """Yield the input shapes that a network declares, the surest first; unusual structures yield nothing."""
    config = model.get("config")
    if depth > _DEEPEST + 1:
        raise BundleError(_TOO_DEEP)
    if not isinstance(config, dict):
        return
    layers = config.get("layers")
    first = layers[0] if isinstance(layers, list) and layers and isinstance(layers[0], dict) else None
    if first is not None:
        yield from _declared_shapes(first, depth + 1)
    for place in (config, model.get("build_config")):
        for key in ("batch_input_shape", "batch_shape", "build_input_shape", "input_shape"):
            if isinstance(place, dict) and place.get(key) is not None:
                yield place[key]


def _network(model: Mapping[str, Any], source: str, path: tuple[str, ...], container: str, flat: _Flat) -> str:
    """Add the layers of a network that takes its input from `source`; return the name of the one it ends in."""
    if len(path) > _DEEPEST:
        raise BundleError(_TOO_DEEP)
    config = model["config"]
    layers = config if isinstance(config, list) else config["layers"]  # Keras before 2.2.3 wrote a bare list
    if len(layers) + len(flat.names) > _MOST_LAYERS:
        raise BundleError(f"It has more than {_MOST_LAYERS} layers. Such networks cannot be imported.")
    containers = _containers(layers, container)
    if model["class_name"] == "Sequential":
        for layer, place in zip(layers, containers, strict=True):
            if layer["class_name"] != "InputLayer":
                source = _layer(layer, (source,), path, place, flat)
        return source
    named = {_name(layer): (layer, place) for layer, place in zip(layers, containers, strict=True)}
    return _functional(config, named, source, path, flat)


def _functional(
    config: Mapping[str, Any],
    layers: Mapping[str, tuple[Mapping[str, Any], str]],
    source: str,
    path: tuple[str, ...],
    flat: _Flat,
) -> str:
    """Add the layers of a functional network in the order in which their inputs are known."""
    if len(layers) != len(config["layers"]):
        raise BundleError("Two of its layers have the same name. Save it again with different names.")
    known = {_single(config["input_layers"], "input"): source}
    waiting = [name for name in layers if name not in known]
    while waiting:
        ready = [name for name in waiting if set(_sources(layers[name][0])) <= known.keys()]
        if not ready:
            raise BundleError(f"The layers {_short(waiting)} have no input that leads to the image. Save it again.")
        for name in ready:
            layer, place = layers[name]
            known[name] = _layer(layer, tuple(known[entry] for entry in _sources(layer)), path, place, flat)
        waiting = [name for name in waiting if name not in known]
    return known[_single(config["output_layers"], "output")]


def _single(entries: Sequence[Any], what: str) -> str:
    """Return the layer's name of the one entry in `input_layers` or `output_layers`."""
    listed = [entries] if isinstance(entries[0], str) else list(entries)
    if len(listed) != 1:
        raise BundleError(f"It has {len(listed)} {what}s, expected one. Such networks cannot be imported.")
    return str(listed[0][0])


def _layer(layer: Mapping[str, Any], inputs: tuple[str, ...], path: tuple[str, ...], place: str, flat: _Flat) -> str:
    kind, name = str(layer["class_name"]), _name(layer)
    _check_origin(layer, name)
    if kind in _MODELS:
        return _network(layer, _one(inputs, name), (*path, name), place, flat)
    if kind in IDENTITIES:
        flat.left_out.append(kind)
        return _one(inputs, name)
    if _is_operation(layer):
        kind, arguments = "Rescaling", _rescaling(layer, name)
    elif kind in KINDS:
        arguments = _arguments(KINDS[kind], layer["config"], kind, name)
    else:
        raise BundleError(
            f"Its layer {_short(name)} is a {_short(kind)}, which is not one of the {len(KINDS)} kinds of layer that "
            "are imported: they hold no code. Replace it with an ordinary layer, and save the network again."
        )
    own = _free_name(name, flat)
    flat.layers.append(Layer(kind, own, arguments, inputs, (*path, name), place))
    return own


def _one(inputs: tuple[str, ...], name: str) -> str:
    if len(inputs) != 1:
        raise BundleError(f"Its part {_short(name)} takes {len(inputs)} inputs, expected one. It cannot be imported.")
    return inputs[0]


def _check_origin(layer: Mapping[str, Any], name: str) -> None:
    """Raise BundleError for a class that is not Keras's own, by module or by registration."""
    module, registered = layer.get("module"), layer.get("registered_name")
    if module is not None and not _MODULES.fullmatch(str(module)):
        raise BundleError(
            f"Its layer {_short(name)} is of the module {_short(module)}, which is not Keras: it would need somebody's "
            "own code. Replace it with an ordinary layer, and save the network again."
        )
    if registered is not None and registered != layer["class_name"]:
        raise BundleError(
            f"Its layer {_short(name)} is the custom object {_short(registered)}, which would need somebody's own "
            "code. Replace it with an ordinary layer, and save the network again."
        )


def _name(layer: Mapping[str, Any]) -> str:
    name = layer.get("name") or layer["config"]["name"]
    if not isinstance(name, str) or len(name) > _LONGEST_TEXT:
        raise BundleError(f"A layer is called {_short(name)}; expected up to {_LONGEST_TEXT} letters. Save it again.")
    return name


def _free_name(name: str, flat: _Flat) -> str:
    """Return a name for a layer that Keras allows and none has yet."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    plain = plain if plain[0].isalnum() else f"layer{plain}"
    free = next(
        entry for entry in (plain, *(f"{plain}_of_{n}" for n in range(_MOST_LAYERS))) if entry not in flat.names
    )
    flat.names.add(free)
    return free


def _arguments(kind: LayerKind, config: Mapping[str, Any], kind_name: str, name: str) -> dict[str, Any]:
    """Return a layer's arguments, as this version of Keras calls them; raise BundleError for an unknown setting."""
    arguments: dict[str, Any] = {}
    for key, value in config.items():
        known = kind.renamed.get(key, key)
        if key == "data_format":
            _check_value(value in (None, "channels_last"), name, key, value)
        elif known in kind.fixed:
            _check_value(value in kind.fixed[known], name, key, value)
        elif known == "activation":
            arguments[known] = _activation(value, name)
        elif known in kind.arguments:
            _check_value(_is_plain(value), name, key, value)
            arguments[known] = value
        elif not _TRAINING_ONLY.fullmatch(key):
            _check_value(bool(_ABSENT.fullmatch(key)) and value in (None, False), name, key, value)
    if kind_name in ("BatchNormalization", "LayerNormalization", "Normalization") and isinstance(
        arguments.get("axis"), list
    ):
        arguments["axis"] = _only(arguments["axis"])
    return arguments


def _only(axes: Sequence[Any]) -> int:
    """Return the one entry of a list of axes; raise ValueError for another number of them."""
    (axis,) = axes
    return int(axis)


def _check_value(allowed: bool, name: str, key: str, value: object) -> None:
    if not allowed:
        raise BundleError(
            f"Its layer {_short(name)} has the setting {_short(key)} = {_short(value)}, which is not imported. "
            "Change the layer, and save the network again."
        )


def _activation(value: Any, name: str) -> str:  # noqa: ANN401  JSON
    text = value["config"] if isinstance(value, dict) and value.get("class_name") == "function" else value
    text = "linear" if text is None else text
    _check_value(isinstance(text, str) and text in ACTIVATIONS, name, "activation", value)
    return str(text)


def _is_plain(value: Any) -> bool:  # noqa: ANN401  JSON
    """Say whether a setting is null, true, false, a word, a sensible number, or a short list of such."""
    if isinstance(value, list):
        return len(value) <= _LONGEST_LIST and all(map(_is_plain, value))
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT and bool(re.fullmatch(r"\w+", value))
    if isinstance(value, int | float):
        return math.isfinite(value) and abs(value) <= _LARGEST_NUMBER
    return value is None


_OPERATIONS = {"TrueDivide": "divide", "Divide": "divide", "Subtract": "subtract", "Add": "add", "Multiply": "multiply"}
_FUNCTIONS = {
    "math.truediv": "divide",
    "math.divide": "divide",
    "math.subtract": "subtract",
    "math.add": "add",
    "__operators__.add": "add",
    "math.multiply": "multiply",
}
"""Arithmetic with a constant, as `preprocess_input` in a network makes it, in Keras 3 and in TensorFlow's names."""


def _is_operation(layer: Mapping[str, Any]) -> bool:
    """Say whether this is an arithmetic operation rather than a layer."""
    if layer["class_name"] in ("TFOpLambda", "TensorFlowOpLayer"):
        return True
    return layer["class_name"] in _OPERATIONS and "trainable" not in layer["config"]  # which every layer has


def _rescaling(layer: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the arguments of the Rescaling layer that does the same as an operation with one constant."""
    function = str(layer["config"].get("function", ""))
    operation = (
        _FUNCTIONS.get(function) if layer["class_name"] == "TFOpLambda" else _OPERATIONS.get(layer["class_name"])
    )
    constants = list(_constants(layer))
    plain = len(constants) == 1 and _is_plain(constants[0]) and isinstance(constants[0], int | float)
    if operation is None or not plain or (operation == "divide" and not constants[0]):
        raise BundleError(
            f"Its layer {_short(name)} is the operation {_short(function or layer['class_name'])}, of which only "
            "arithmetic of the image with one number is imported. Save the network without it and use --scale."
        )
    constant = float(constants[0])
    return {
        "divide": {"scale": 1.0 / constant, "offset": 0.0},
        "subtract": {"scale": 1.0, "offset": -constant},
        "add": {"scale": 1.0, "offset": constant},
        "multiply": {"scale": constant, "offset": 0.0},
    }[operation]


def _constants(layer: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what an operation is called with besides a layer's output; the output must come first."""
    (node,) = layer["inbound_nodes"]
    if isinstance(node, dict):
        first, *rest = node["args"]
        _name_of_tensor(first)
        yield from rest
        yield from (value for key, value in node["kwargs"].items() if key != "name")
        return
    entry = node if isinstance(node[0], str) else node[0]
    yield from (value for key, value in entry[3].items() if value is not None)


def _sources(layer: Mapping[str, Any]) -> list[str]:
    """Return the names of the layers from which a layer of a functional network takes its inputs."""
    nodes = layer["inbound_nodes"]
    if len(nodes) != 1:
        raise BundleError(
            f"Its layer {_short(_name(layer))} is used {len(nodes)} times, expected once. It cannot be imported."
        )
    node = nodes[0]
    _check_call(layer, node)
    if isinstance(node, dict):
        tensors = [
            entry for argument in node["args"] for entry in (argument if isinstance(argument, list) else [argument])
        ]
        return [_name_of_tensor(entry) for entry in tensors if isinstance(entry, dict)]
    entries = [node] if isinstance(node[0], str) else node
    if any(entry[2] != 0 for entry in entries):
        raise ValueError("a layer with several outputs")
    return [str(entry[0]) for entry in entries]


def _check_call(layer: Mapping[str, Any], node: Any) -> None:  # noqa: ANN401  JSON
    """Raise BundleError for a layer that is called with more than its inputs; operations have their constants so."""
    if _is_operation(layer):
        return
    options = (
        node["kwargs"] if isinstance(node, dict) else {key: value for entry in node for key, value in entry[3].items()}
    )
    for key, value in options.items():
        harmless = value in (None, False) or (key == "training" and layer["class_name"] in IDENTITIES)
        _check_value(key in ("training", "mask") and harmless, _name(layer), f"{key} (when called)", value)


def _name_of_tensor(entry: Mapping[str, Any]) -> str:
    if entry["class_name"] != "__keras_tensor__":
        raise ValueError(f"an input of the class {_short(entry['class_name'])}")
    name, _, tensor = entry["config"]["keras_history"]
    if tensor != 0:
        raise ValueError("a layer with several outputs")
    return str(name)


def _containers(layers: Sequence[Mapping[str, Any]], container: str) -> list[str]:
    """Return where a `.keras` archive keeps each layer's weights: its class in snake case, counted from the second."""
    counts: dict[str, int] = {}
    places = []
    for layer in layers:
        kind = layer["class_name"]
        if _is_operation(layer) and kind != "TFOpLambda":
            places.append("")  # they are no layers to Keras 3, and not counted
            continue
        snake = _snake_case("Functional" if kind == "Model" else str(kind))
        count = counts[snake] = counts.get(snake, -1) + 1
        places.append(f"{container}/layers/{snake}{f'_{count}' if count else ''}".strip("/"))
    return places


def _snake_case(name: str) -> str:
    """Return a class's name as `keras.src.utils.naming.to_snake_case` writes it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _dict(value: Any, what: str) -> dict[str, Any]:  # noqa: ANN401  JSON
    if not isinstance(value, dict) or value.get("class_name") not in _MODELS or "config" not in value:
        raise BundleError(
            f"It does not describe {what} as Sequential or Functional, but {_short(value)}. Networks of a class of "
            "one's own need its code and cannot be imported."
        )
    return value


def _short(value: object) -> str:
    """Return a value of the file for a message: short and on one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
