"""Hostile Keras files: each tries to run code, to reach out of itself, to exhaust memory, or is broken.

Made without Keras.

`python -m tests.hostile_keras FOLDER` writes them all. Those that carry code would make the file `canary`.
"""

from __future__ import annotations

import base64
import json
import marshal
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Json = dict[str, Any]

SIDE = 32
UNITS = 1


def hostile_files(folder: Path, canary: Path) -> dict[str, tuple[Path, str]]:
    """Write every hostile file to `folder`; return by name its path and what the error must say."""
    made = {}
    for name, (write, message) in _files(canary).items():
        path = folder / name
        write(path)
        made[name] = path, message
    return made


def honest_h5(path: Path, **changes: Any) -> Path:  # noqa: ANN401  keywords of dense_config
    """Write a small network as Keras 2 does; `changes` go into the dense layer's config."""
    write_h5(path, flatten(), dense(**changes))
    return path


def write_h5(path: Path, *layers: Json) -> None:
    """Write a Sequential of these layers, of which the one called `dense` has weights."""
    _h5(sequential(*layers))(path)


def dense(name: str = "dense", **changes: Any) -> Json:  # noqa: ANN401  any JSON
    config = {"name": name, "trainable": True, "units": UNITS, "activation": "sigmoid", "use_bias": True}
    return {"class_name": "Dense", "config": config | changes}


def flatten() -> Json:
    return {
        "class_name": "Flatten",
        "config": {"name": "flatten", "batch_input_shape": [None, SIDE, SIDE, 1], "data_format": "channels_last"},
    }


def sequential(*layers: Json) -> Json:
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": list(layers)}}


class _Payload:
    """Pickled, it writes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (Path.touch, (self.canary,))  # type: ignore[return-value]  what pickle takes


def canary_lambda(canary: Path) -> Json:
    """Return a Lambda layer as Keras 2 writes it: marshalled code that writes the canary when the layer is called."""
    code = compile(f"lambda x: (open({str(canary)!r}, 'w').close(), x)[1]", "evil", "eval").co_consts[0]
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    return {"class_name": "Lambda", "config": {"name": "evil", "function": function, "function_type": "lambda"}}


def system(canary: Path) -> Json:
    """Return an object whose deserialisation would run a command."""
    return {"module": "os", "class_name": "system", "config": {"command": f"touch {canary}"}, "registered_name": None}


def functional(*layers: Json, output: str) -> Json:
    config = {
        "name": "model",
        "layers": list(layers),
        "input_layers": [["image", 0, 0]],
        "output_layers": [[output, 0, 0]],
    }
    return {"class_name": "Functional", "config": config}


def image(side: int = SIDE) -> Json:
    config = {"name": "image", "batch_input_shape": [None, side, side, 1]}
    return {"class_name": "InputLayer", "config": config, "name": "image", "inbound_nodes": []}


def node(kind: str, name: str, *inputs: str, **config: Any) -> Json:  # noqa: ANN401  any JSON
    nodes = [[[source, 0, 0, {}] for source in inputs]]
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}


def doubled(times: int) -> Json:
    """Return a network that puts a tensor beside itself again and again."""
    layers = [node("Concatenate", f"c{n}", *[f"c{n - 1}" if n else "image"] * 2, axis=-1) for n in range(times)]
    return functional(image(), *layers, output=f"c{times - 1}")


def wide(side: int, filters: int) -> Json:
    """Return a network of few weights whose feature map has no end."""
    convolution = {"filters": filters, "kernel_size": [1, 1], "use_bias": False, "activation": "relu"}
    return functional(
        image(side),
        node("Conv2D", "conv", "image", **convolution),
        node("GlobalAveragePooling2D", "gap", "conv"),
        output="gap",
    )


def write_wide(path: Path, side: int = 1024, filters: int = 4096) -> None:
    """Write a network of 16 KB whose one feature map has 4 billion numbers."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(wide(side, filters))
        file.attrs["keras_version"] = "2.15.0"
        _layer(file.create_group("model_weights"), "conv", {"conv/kernel:0": np.zeros((1, 1, 1, filters), np.float32)})


def write_doubled(path: Path) -> None:
    """Write a network of a few lines that puts a tensor beside itself 40 times."""
    _h5(doubled(40))(path)


def _layer(weights: h5py.Group, name: str, arrays: dict[str, Any]) -> h5py.Group:
    group = weights.create_group(name)
    group.attrs["weight_names"] = np.asarray([entry.encode() for entry in arrays])
    for entry, values in arrays.items():
        group.create_dataset(entry, data=values)
    return group


def _h5(
    config: Json | str | None,
    kernel: Callable[[h5py.Group], None] | None = None,
    also: Callable[[h5py.File], None] = lambda file: None,
) -> Callable[[Path], None]:
    """Return a writer of a Keras 2 `.h5` with a dense layer whose kernel `kernel` writes, and `also` something else."""

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            if config is not None:
                file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
            file.attrs["keras_version"] = "2.15.0"
            weights = file.create_group("model_weights")
            group = _layer(weights, "dense", {"dense/bias:0": np.zeros(UNITS, np.float32)})
            group.attrs["weight_names"] = np.asarray([b"dense/kernel:0", b"dense/bias:0"])
            if kernel is None:
                group.create_dataset("dense/kernel:0", data=np.zeros((SIDE * SIDE, UNITS), np.float32))
            else:
                kernel(group["dense"])
            also(file)

    return write


_SOUND = sequential(flatten(), dense())
_SHAPE = (SIDE * SIDE, UNITS)


def _external_storage(group: h5py.Group) -> None:
    group.create_dataset("kernel:0", _SHAPE, np.float32, external=[("/etc/passwd", 0, SIDE * SIDE * 4)])


def _virtual(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout(_SHAPE, np.float32)
    layout[:] = h5py.VirtualSource("/etc/passwd", "kernel", _SHAPE)
    group.create_virtual_dataset("kernel:0", layout)


def _declared(gigabytes: int, **options: Any) -> Callable[[h5py.Group], None]:  # noqa: ANN401  of create_dataset
    def write(group: h5py.Group) -> None:
        group.create_dataset("kernel:0", (gigabytes * 250_000_000, UNITS), np.float32, **options)

    return write


def _never_written(group: h5py.Group) -> None:
    group.create_dataset("kernel:0", _SHAPE, np.float32)


def _loop(file: h5py.File) -> None:
    file["model_weights/dense/again"] = file["model_weights"]


def _soft(file: h5py.File) -> None:
    file["elsewhere"] = h5py.SoftLink("/model_weights/dense")


def _outside(file: h5py.File) -> None:
    file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")


def _archive(
    config: Json, *, extra: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED, padding: int = 0
) -> Callable[[Path], None]:
    """Return a writer of a `.keras` archive."""

    def write(path: Path) -> None:
        inner = path.with_suffix(".weights")
        with h5py.File(inner, "w") as file:
            file["layers/dense/vars/0"] = np.zeros(_SHAPE, np.float32)
            file["layers/dense/vars/1"] = np.zeros(UNITS, np.float32)
        members = {
            "metadata.json": b'{"keras_version": "3.15.1"}',
            "config.json": json.dumps(config).encode() + b" " * padding,
            "model.weights.h5": inner.read_bytes(),
        }
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in {**members, **(extra or {})}.items():
                archive.writestr(name, content)
        inner.unlink()

    return write


def _cut(write: Callable[[Path], None], share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return cut


def _lying(path: Path) -> None:
    """Write an archive whose directory tells of more bytes than there are."""
    _archive(_SOUND)(path)
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")  # that of the weights
    struct.pack_into("<LL", content, entry + 20, 2**31, 2**31)
    path.write_bytes(bytes(content))


def _keras3(layer: Json) -> Json:
    return sequential(flatten(), layer, dense())


def _files(canary: Path) -> dict[str, tuple[Callable[[Path], None], str]]:  # one entry a line, so that all are seen
    evil = {"class_name": "Evil", "config": {"name": "evil"}}
    nested = sequential(flatten(), dense())
    for _ in range(20):
        nested = sequential(nested)
    vocabulary = {"class_name": "StringLookup", "config": {"name": "words", "vocabulary": "/etc/passwd"}}
    torch = {
        "class_name": "TorchModuleWrapper",
        "config": {"name": "t", "module": pickle.dumps(_Payload(canary)).hex()},
    }
    opaque = np.void(pickle.dumps(_Payload(canary)))
    lines = {
        "lambda.h5": (_h5(sequential(flatten(), canary_lambda(canary), dense())), "is a 'Lambda'"),
        "custom_class.h5": (_h5(sequential(flatten(), evil, dense())), "is a 'Evil'"),
        "module.h5": (_h5(sequential(flatten(), system(canary) | {"name": "x"}, dense())), "not Keras"),
        "registered.h5": (_h5(_keras3(dense() | {"registered_name": "evil>Dense"})), "custom object"),
        "activation.h5": (_h5(sequential(flatten(), dense(activation=canary_lambda(canary)))), "activation"),
        "custom_activation.h5": (_h5(sequential(flatten(), dense(activation="swish_but_mine"))), "activation"),
        "operation.h5": (
            _h5(functional(image(), node("TFOpLambda", "w", "image", function="io.write_file"), output="w")),
            "operation",
        ),
        "unknown_setting.h5": (_h5(sequential(flatten(), dense(surprise=1))), "setting 'surprise'"),
        "file_reader.h5": (_h5(sequential(vocabulary, flatten(), dense())), "StringLookup|no input|has the shape"),
        "saved_model.h5": (
            _h5(_keras3({"class_name": "TFSMLayer", "config": {"name": "m", "filepath": "/etc"}})),
            "TFSMLayer",
        ),
        "torch.h5": (_h5(_keras3(torch)), "TorchModuleWrapper"),
        "own_model_class.h5": (_h5({"class_name": "MyModel", "config": {}}), "Sequential or Functional"),
        "pickled.h5": (
            _h5(_SOUND, also=lambda file: file.create_dataset("pickle", data=opaque)),
            "no array of numbers",
        ),
        "texts.h5": (_h5(_SOUND, also=lambda file: file.create_dataset("t", data=["a", "b"])), "no array of numbers"),
        "external_storage.h5": (_h5(_SOUND, _external_storage), "external storage"),
        "virtual.h5": (_h5(_SOUND, _virtual), "virtual dataset"),
        "external_link.h5": (_h5(_SOUND, also=_outside), "link"),
        "soft_link.h5": (_h5(_SOUND, also=_soft), "link"),
        "loop.h5": (_h5(_SOUND, also=_loop), "two names"),
        "filter.h5": (_h5(_SOUND, lambda group: _filtered(group)), "filter"),
        "declared_5_gb.h5": (_h5(_SOUND, _declared(5)), "declare 5 GB"),
        "declared_5_gb_chunks.h5": (_h5(_SOUND, _declared(5, chunks=(1000, 1), compression="gzip")), "declare 5 GB"),
        "declared_5_tb.h5": (_h5(_SOUND, _declared(5000)), "declare 5e"),
        "never_written.h5": (_h5(_SOUND, _never_written), "of which the file holds at most 0"),
        "dense_of_a_billion.h5": (_h5(sequential(flatten(), dense(units=10**9))), "units"),
        "dense_of_65000.h5": (_h5(sequential(flatten(), dense(units=65_000))), r"shapes \(any x 65000\)"),
        "units_negative.h5": (_h5(sequential(flatten(), dense(units=-1))), "should have weights"),
        "units_infinite.h5": (_h5(json.dumps(_SOUND).replace(f'"units": {UNITS}', '"units": 1e999')), "units|JSON"),
        "nan.h5": (_h5(json.dumps(_SOUND).replace(f'"units": {UNITS}', '"units": NaN')), "JSON"),
        "endless_number.h5": (_h5(json.dumps(_SOUND).replace(f'"units": {UNITS}', f'"units": {"9" * 10_000}')), "JSON"),
        "large_input.h5": (
            _h5(functional(image(100_000), node("Flatten", "f", "image"), output="f")),
            "100000 x 100000",
        ),
        "many_layers.h5": (
            _h5(sequential(flatten(), *[node("ReLU", f"r{n}") for n in range(5000)], dense())),
            "2000 layers",
        ),
        "deep_json.h5": (_h5("[" * 200_000), "JSON"),
        "deep_dicts.h5": (_h5('{"config":' * 50_000 + "1" + "}" * 50_000), "JSON|Sequential"),
        "deep_models.h5": (_h5(nested), "more than 8 deep"),
        "cyclic_graph.h5": (
            _h5(functional(image(), node("Add", "a", "image", "b"), node("ReLU", "b", "a"), output="b")),
            "no input",
        ),
        "no_network.h5": (_h5(None), "weights without a network"),
        "config_is_a_list.h5": (_h5("[1, 2]"), "Sequential or Functional"),
        "layers_are_numbers.h5": (
            _h5({"class_name": "Sequential", "config": {"layers": [1, 2]}}),
            "shape None|not as Keras",
        ),
        "truncated.h5": (_cut(_h5(_SOUND), 0.5), "damaged|cut off"),
        "header_only.h5": (_cut(_h5(_SOUND), 0.02), "damaged|cut off"),
        "empty.h5": (lambda path: path.write_bytes(b""), "no Keras file"),
        "text.h5": (lambda path: path.write_text("not a network"), "no Keras file"),
        "pickle.h5": (lambda path: path.write_bytes(pickle.dumps(_Payload(canary))), "no Keras file"),
        "lambda.keras": (_archive(_keras3(canary_lambda(canary) | {"module": "keras.layers"})), "is a 'Lambda'"),
        "module.keras": (_archive(_keras3(system(canary) | {"name": "x"})), "not Keras"),
        "zip_bomb.keras": (_archive(_SOUND, compression=zipfile.ZIP_DEFLATED, padding=100_000_000), "compressed"),
        "assets.keras": (_archive(_SOUND, extra={"assets/words.txt": b"x"}), "nothing else"),
        "traversal.keras": (_archive(_SOUND, extra={"../../evil.py": b"x"}), "nothing else"),
        "npz.keras": (_archive(_SOUND, extra={"model.weights.npz": pickle.dumps(_Payload(canary))}), "nothing else"),
        "long_config.keras": (_archive(_SOUND, padding=20_000_000), "longer than 16 MB"),
        "lying.keras": (_lying, "damaged|cut off"),
        "truncated.keras": (_cut(_archive(_SOUND), 0.7), "damaged|cut off"),
        "weights_missing.keras": (_archive_without_weights, "nothing else"),
    }
    return lines  # noqa: RET504  a name for a table


def _filtered(group: h5py.Group) -> None:
    group.create_dataset("kernel:0", data=np.zeros(_SHAPE, np.float32), compression="lzf")


def _archive_without_weights(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(_SOUND))
        archive.writestr("metadata.json", "{}")


def quiet_code_h5(path: Path, canary: Path) -> None:
    """Write a sound network with code in all the places that only training would read."""
    layer = dense(
        kernel_initializer=system(canary), bias_regularizer=system(canary), kernel_constraint=canary_lambda(canary)
    )
    training = json.dumps({"loss": system(canary), "optimizer_config": canary_lambda(canary)})
    _h5(sequential(flatten(), layer), also=lambda file: file.attrs.__setitem__("training_config", training))(path)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    hostile_files(folder, folder / "canary")


if __name__ == "__main__":
    main()
