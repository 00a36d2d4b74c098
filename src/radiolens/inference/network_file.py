"""Looks into an ONNX file before the runtime does: only standard operators, no loops, all weights in the file itself.

A tensor can name another file of the computer, or even an address in memory, as the place of its data; the runtime
would read it. The few fields that matter are read from the Protocol Buffers encoding by their numbers in onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), without the onnx library, which serving does not install.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["check_network"]

_STANDARD_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")

_ENDLESS = ("Loop", "Scan")
"""Operators that can run for ever; a network for images needs none."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_LENGTHS = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10  # bytes
_LONGEST_TEXT = 80  # that is told
_DEEPEST = 64  # levels: messages hold one another, and a control flow's graph a graph

_CHILDREN: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "model": {7: "graph", 20: "training", 25: "function"},
        "graph": {1: "node", 5: "tensor", 15: "sparse"},
        "node": {5: "attribute"},
        "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
        "sparse": {1: "tensor", 2: "tensor"},
        "training": {1: "graph", 2: "graph"},
        "function": {7: "node", 11: "attribute"},
    }
)
"""The messages that can hold an operator (node) or a tensor: by kind, the kind of each field."""

_OPERATOR, _DOMAIN = 4, 7  # of a node
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor
_LOCATION_HERE = 0


def check_network(file: Path) -> None:
    """Raise ValueError for a file that is cut off, asks for loops or unknown operators, or keeps weights elsewhere."""
    if not file.stat().st_size:
        raise ValueError("model.onnx is empty")
    with file.open("rb") as stream:  # the mapping ends with its last view, which the trace of an error may hold
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    _check(memoryview(mapped), "model")


def _check(message: memoryview, kind: str, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"model.onnx is nested more than {_DEEPEST} levels deep")
    if kind == "tensor":
        _check_tensor(message)
        return
    if kind == "node":
        _check_operator(message)
    children = _CHILDREN[kind]
    for number, value in _fields(message):
        if number in children and isinstance(value, memoryview):
            _check(value, children[number], depth + 1)


def _check_tensor(message: memoryview) -> None:
    for number, value in _fields(message):
        if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != _LOCATION_HERE):
            raise ValueError("model.onnx keeps weights outside of itself; only what lies in it is used")


def _check_operator(message: memoryview) -> None:
    texts = {number: value for number, value in _fields(message) if number in (_OPERATOR, _DOMAIN)}
    domain, operator = (_text(texts.get(number, b"")) for number in (_DOMAIN, _OPERATOR))
    if domain not in _STANDARD_DOMAINS:
        raise ValueError(f"model.onnx asks for {operator!r} of {domain!r}; only operators of the ONNX standard are run")
    if operator in _ENDLESS:
        raise ValueError(f"model.onnx asks for {operator!r}, which may never end; networks with loops are not run")


def _text(value: int | bytes | memoryview) -> str:
    return str(value) if isinstance(value, int) else bytes(value[:_LONGEST_TEXT]).decode(errors="replace")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (number, value) of each field: a number, or the bytes of a text, message or packed list."""
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        length = _FIXED_LENGTHS.get(wire)
        if wire == _BYTES:
            length, place = _varint(message, place)
        if length is None or place + length > end:
            raise ValueError("model.onnx is cut off, or no ONNX file")
        if wire == _BYTES:
            yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return the number that begins at `place`, and the place behind it."""
    value = 0
    for count, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place + count + 1
    raise ValueError("model.onnx is cut off, or no ONNX file")
