"""What crosses between the sandbox and its children: JSON heads and raw bytes, bounded, never pickled."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Payload", "Severed", "receive_json", "receive_parts", "receive_payload", "send_json", "send_payload"]

_LENGTH_BYTES = 8
_LARGEST_HEAD = 4_000_000  # the UIDs of 4,000 slices take a tenth of it
_MOST_DIMENSIONS = 8  # NIfTI has 7
_ELEMENT_TYPES = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64")


class Severed(ConnectionError):
    """The other side ended in the middle of a message, or broke the protocol."""


@dataclass(frozen=True, eq=False)
class Payload:
    """What a sandboxed function returns: facts (a JSON object) and arrays (of truth values or numbers)."""

    facts: Mapping[str, Any]
    arrays: tuple[NDArray[Any], ...] = ()


def send_json(connection: socket.socket, content: Mapping[str, Any]) -> None:
    """Send one JSON object behind its length; raise ValueError for NaN and infinity, which JSON does not have."""
    text = json.dumps(content, allow_nan=False).encode()
    connection.sendall(len(text).to_bytes(_LENGTH_BYTES, "big") + text)


def receive_json(connection: socket.socket) -> dict[str, Any]:
    """Receive one JSON object; raise Severed if it is too long, broken, cut, or something else."""
    length = int.from_bytes(_receive(connection, _LENGTH_BYTES), "big")
    if length > _LARGEST_HEAD:
        raise Severed(f"a head of {length} bytes")
    try:
        content = json.loads(_receive(connection, length))
    except (ValueError, RecursionError) as error:
        raise Severed("a head that is no JSON") from error
    if not isinstance(content, dict):
        raise Severed("a head that is no JSON object")
    return content


def receive_parts(connection: socket.socket, sizes: Sequence[int]) -> tuple[bytes, ...]:
    """Receive byte strings of these sizes, without the second copy that a buffer turned into bytes would take."""
    parts = tuple(connection.recv(size, socket.MSG_WAITALL) if size else b"" for size in sizes)
    if [len(part) for part in parts] != list(sizes):
        raise Severed("the connection ended")
    return parts


def send_payload(connection: socket.socket, payload: Payload) -> None:
    """Send a payload: its facts, the arrays' types and shapes, then their elements."""
    arrays = [np.asarray(array, order="C") for array in payload.arrays]
    kinds = [{"dtype": array.dtype.name, "shape": array.shape} for array in arrays]
    send_json(connection, {"facts": payload.facts, "arrays": kinds})
    for array in arrays:
        connection.sendall(array.data.cast("B") if array.size else b"")


def receive_payload(connection: socket.socket, head: Mapping[str, Any], largest_bytes: int) -> Payload:
    """Receive the arrays that a head announces; raise Severed if they are of another kind or larger than allowed."""
    facts, kinds = head.get("facts"), head.get("arrays")
    if not isinstance(facts, dict) or not isinstance(kinds, list):
        raise Severed("a head of another kind")
    return Payload(facts, tuple(_receive_arrays(connection, kinds, largest_bytes)))


def _receive_arrays(connection: socket.socket, kinds: Sequence[Any], largest_bytes: int) -> Iterator[NDArray[Any]]:
    left = largest_bytes
    for kind in kinds:
        dtype, shape = _kind(kind)
        size = int(np.prod([dtype.itemsize, *shape], dtype=object))  # Python's integers do not wrap around
        left -= size
        if left < 0:
            raise Severed("arrays larger than allowed")
        yield np.frombuffer(_receive(connection, size), dtype).reshape(shape)


def _kind(kind: Any) -> tuple[np.dtype[Any], list[int]]:  # noqa: ANN401  JSON
    try:
        name, shape = kind["dtype"], [int(side) for side in kind["shape"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Severed("an array without type or shape") from error
    if name not in _ELEMENT_TYPES or min(shape, default=0) < 0 or len(shape) > _MOST_DIMENSIONS:
        raise Severed("an array of another kind")
    return np.dtype(name), shape


def _receive(connection: socket.socket, size: int) -> bytearray:
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        count = connection.recv_into(view[done:])
        if not count:
            raise Severed("the connection ended")
        done += count
    return buffer
