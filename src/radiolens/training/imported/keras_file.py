"""What a Keras file nobody trusts holds: looked at in a child process with h5py and JSON alone, before Keras sees it.

Keras 2 and 3 write `.h5` (HDF5 with the architecture as an attribute), Keras 3 `.keras` as well (a zip of the
architecture as JSON and the weights as HDF5). Only the sandbox's children run `inspect_file`.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from radiolens.errors import BundleError
from radiolens.imaging.archive import DAMAGE
from radiolens.imaging.wire import Payload
from radiolens.training.imported.keras_config import Architecture, Layer, parse_architecture
from radiolens.training.imported.keras_hdf5 import LONGEST_TEXT, FilePart, check_structure, read_text, read_texts
from radiolens.training.imported.keras_layers import KINDS, Shape, fits

__all__ = ["MOST_WEIGHTS", "StoredLayer", "inspect_file", "open_weights", "stored_layers"]

MOST_WEIGHTS = 120_000_000
"""Numbers: as float32 in two forms they fill a bundle of a site (1 GB). A VGG16 without its two layers of 4,096
units has 15 million, a ResNet152 60 million."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_WEIGHTS = "model.weights.h5"
_MEMBERS = {"config.json", "metadata.json", _WEIGHTS}
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a member: mark, length of its name, length of its extra field
_VERSION = re.compile(r"[\w.+-]{1,40}")


@dataclass(frozen=True)
class StoredLayer:
    """A layer of the architecture and where its weights lie: paths in the HDF5 of weights, with their shapes."""

    kind: str
    name: str
    arguments: Mapping[str, Any]
    inputs: tuple[str, ...]
    weights: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class _Stored:
    """What a file is: its format and version, its JSON, and where the HDF5 with the weights begins and ends in it."""

    format: str
    keras_version: str
    config: str
    start: int = 0
    size: int = 0


def inspect_file(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Return what the Keras file at `arguments["path"]` holds, all of it known and checked, as JSON.

    `format`, `keras_version`, `shape` (rows, columns, channels), `layers` (of `StoredLayer`), `output`, `left_out`, and
    `start` and `size` of the HDF5 with the weights. Raises BundleError for all that is not an ordinary network.
    """
    with Path(arguments["path"]).open("rb") as file:
        try:
            return Payload(_inspected(file, Path(arguments["path"]).stat().st_size))
        except (*DAMAGE, OSError, RuntimeError, TypeError) as error:
            raise BundleError(
                f"It cannot be read ({type(error).__name__}): it is damaged or cut off. Get it again from its source."
            ) from error


def _inspected(file: IO[bytes], size: int) -> dict[str, Any]:
    start = file.read(len(_HDF5))
    if start == _HDF5:
        stored = _read_hdf5(file, size)
    elif start.startswith(_ZIP):
        stored = _read_archive(file, size)
    else:
        raise BundleError(
            "It is no Keras file: neither HDF5 (.h5) nor a Keras archive (.keras). Save the network with model.save."
        )
    architecture = parse_architecture(stored.config)
    with open_weights(file, stored.start, stored.size) as weights:
        layers = [_with_weights(layer, stored, weights) for layer in architecture.layers]
    _check_count(layers)
    return {
        "format": stored.format,
        "keras_version": stored.keras_version,
        "start": stored.start,
        "size": stored.size,
        "shape": architecture.shape,
        "layers": [asdict(layer) for layer in layers],
        "output": architecture.output,
        "left_out": _counted(architecture),
    }


def stored_layers(facts: Mapping[str, Any]) -> tuple[StoredLayer, ...]:
    """Return the layers in what `inspect_file` found."""
    return tuple(_stored_layer(**entry) for entry in facts["layers"])


def _stored_layer(
    inputs: Sequence[str],
    weights: Sequence[str],
    shapes: Sequence[Sequence[int]],
    **named: Any,  # noqa: ANN401  as asdict
) -> StoredLayer:
    return StoredLayer(**named, inputs=tuple(inputs), weights=tuple(weights), shapes=tuple(map(tuple, shapes)))


@contextlib.contextmanager
def open_weights(file: IO[bytes], start: int, size: int) -> Iterator[h5py.File]:
    """Open the HDF5 that lies in a stretch of an open file."""
    with h5py.File(FilePart(file, start, size), "r") as weights:
        yield weights


def _read_hdf5(file: IO[bytes], size: int) -> _Stored:
    with open_weights(file, 0, size) as content:
        check_structure(content)
        config = read_text(content, "model_config")
        if config is None:
            raise BundleError(
                "It holds weights without a network (model.save_weights). Save the whole network with model.save."
            )
        version = _version(read_text(content, "keras_version"))
        major = "Keras 3" if version.startswith("3.") else "Keras 2"
        return _Stored(f"{major} HDF5", version, config, 0, size)


def _read_archive(file: IO[bytes], size: int) -> _Stored:
    """Read a `.keras` archive; what is in it stays where it is, since Keras compresses nothing."""
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist() if not member.filename.endswith("/")}
        if members.keys() != _MEMBERS or len(archive.infolist()) > len(_MEMBERS) + 1:
            strange = sorted(members.keys() ^ _MEMBERS)
            raise BundleError(
                f"The archive must hold {', '.join(sorted(_MEMBERS))} once and nothing else; {str(strange)[:80]} "
                "differ. Layers with files of their own are not imported; save other networks again with model.save."
            )
        packed = [name for name, member in members.items() if member.compress_type or member.flag_bits & 1]
        if packed:
            raise BundleError(
                f"The archive's {', '.join(sorted(packed))} is compressed or encrypted, which Keras never does and zip "
                "bombs do. Save the network again with model.save."
            )
        if max(members[name].file_size for name in ("config.json", "metadata.json")) > LONGEST_TEXT:
            raise BundleError(f"Its description is longer than {LONGEST_TEXT / 1e6:.0f} MB. It cannot be imported.")
        config = archive.read(members["config.json"]).decode("utf-8")
        metadata = json.loads(archive.read(members["metadata.json"]))
    start = _start_of(file, members[_WEIGHTS])
    if start + members[_WEIGHTS].file_size > size:
        raise zipfile.BadZipFile("a member larger than the file")
    version = _version(metadata.get("keras_version") if isinstance(metadata, dict) else None)
    with open_weights(file, start, members[_WEIGHTS].file_size) as weights:
        check_structure(weights)
    return _Stored("Keras archive", version, config, start, members[_WEIGHTS].file_size)


def _start_of(file: IO[bytes], member: zipfile.ZipInfo) -> int:
    """Return where the bytes of an uncompressed member begin."""
    file.seek(member.header_offset)
    mark, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if mark != _ZIP:
        raise zipfile.BadZipFile("no member there")
    return int(member.header_offset + _LOCAL_HEADER.size + name + extra)


def _version(text: object) -> str:
    """Return a version as the file states it, if it looks like one."""
    return text if isinstance(text, str) and _VERSION.fullmatch(text) else "unknown"


def _with_weights(layer: Layer, stored: _Stored, weights: h5py.File) -> StoredLayer:
    """Find the weights of a layer, and check that their number and shapes are those that its settings ask for."""
    expected = KINDS[layer.kind].weights(layer.arguments)
    paths = _paths(layer, stored, weights, len(expected)) if expected else ()
    shapes = tuple(weights[path].shape for path in paths)
    if len(shapes) != len(expected) or not all(map(fits, shapes, expected)):
        raise BundleError(
            f"Its layer {layer.name!r} ({layer.kind}) should have weights of the shapes {_shown(expected)}, but the "
            f"file holds {_shown(shapes)}. It is damaged, or its description was changed: get it again from its source."
        )
    return StoredLayer(layer.kind, layer.name, layer.arguments, layer.inputs, paths, shapes)


def _paths(layer: Layer, stored: _Stored, weights: h5py.File, count: int) -> tuple[str, ...]:
    if stored.format == "Keras archive":
        paths = [f"{layer.container}/vars/{index}" for index in range(count)]
    else:
        paths = _paths_by_name(layer, weights["model_weights"])
    return tuple(path for path in paths if isinstance(weights.get(path), h5py.Dataset))


def _paths_by_name(layer: Layer, group: h5py.Group) -> list[str]:
    """Return the paths of a layer's weights in an `.h5`: all of its group, or of an inner network those of its name."""
    top, *inner = layer.path
    if not isinstance(group.get(top), h5py.Group):
        return []
    names = read_texts(group[top], "weight_names")
    if inner:
        names = [name for name in names if f"/{name}".rpartition("/")[0].endswith(f"/{inner[-1]}")]
    return [f"model_weights/{top}/{name}" for name in names]


def _check_count(layers: Sequence[StoredLayer]) -> None:
    total = sum(int(np.prod(shape, dtype=object)) for layer in layers for shape in layer.shapes)
    if total > MOST_WEIGHTS:
        raise BundleError(
            f"It has {total / 1e6:.0f} million weights, at most {MOST_WEIGHTS / 1e6:.0f} million are imported. "
            "Use a smaller network."
        )


def _shown(shapes: Sequence[Shape]) -> str:
    return (
        ", ".join(f"({' x '.join('any' if side is None else str(side) for side in shape)})" for shape in shapes)
        or "none"
    )


def _counted(architecture: Architecture) -> list[str]:
    return sorted(set(architecture.left_out))
