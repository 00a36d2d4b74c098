"""What crosses between the sandbox and its children: JSON heads and raw bytes, checked against bounds, never pickled."""

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
_ELEMENT_TYPES = ("float32", "uint8")


class Severed(ConnectionError):
    """The other side ended in the middle of a message, or broke the protocol."""


@dataclass(frozen=True, eq=False)
class Payload:
    """What a sandboxed function returns: JSON facts and arrays (float32 or uint8)."""

    facts: Mapping[str, Any]
    arrays: tuple[NDArray[Any], ...] = ()


def send_json(connection: socket.socket, content: Mapping[str, Any]) -> None:
    """Send one JSON object behind its length."""
    text = json.dumps(content).encode()
    connection.sendall(len(text).to_bytes(_LENGTH_BYTES, "big") + text)


def receive_json(connection: socket.socket) -> Any:  # noqa: ANN401  JSON
    """Receive one JSON object; raise Severed if it is too long, broken or cut."""
    length = int.from_bytes(_receive(connection, _LENGTH_BYTES), "big")
    if length > _LARGEST_HEAD:
        raise Severed(f"a head of {length} bytes")
    try:
        return json.loads(_receive(connection, length))
    except ValueError as error:
        raise Severed("a head that is no JSON") from error


def receive_parts(connection: socket.socket, sizes: Sequence[int]) -> tuple[bytes, ...]:
    """Receive byte strings of these sizes."""
    return tuple(bytes(_receive(connection, size)) for size in sizes)


def send_payload(connection: socket.socket, payload: Payload) -> None:
    """Send a payload: its facts, the arrays' types and shapes, then their elements."""
    arrays = [np.ascontiguousarray(array) for array in payload.arrays]
    kinds = [{"dtype": array.dtype.name, "shape": array.shape} for array in arrays]
    send_json(connection, {"facts": payload.facts, "arrays": kinds})
    for array in arrays:
        connection.sendall(array.data.cast("B") if array.size else b"")


def receive_payload(connection: socket.socket, head: Mapping[str, Any], largest_bytes: int) -> Payload:
    """Receive the arrays that a head announces; raise Severed if they are of another kind or larger than allowed."""
    return Payload(head["facts"], tuple(_receive_arrays(connection, head["arrays"], largest_bytes)))


def _receive_arrays(
    connection: socket.socket, kinds: Sequence[Mapping[str, Any]], largest_bytes: int
) -> Iterator[NDArray[Any]]:
    left = largest_bytes
    for kind in kinds:
        shape = [int(side) for side in kind["shape"]]
        if kind["dtype"] not in _ELEMENT_TYPES or min(shape, default=0) < 0:
            raise Severed("an array of another kind")
        dtype = np.dtype(kind["dtype"])
        size = int(np.prod([dtype.itemsize, *shape], dtype=object))
        left -= size
        if left < 0:
            raise Severed("arrays larger than allowed")
        yield np.frombuffer(_receive(connection, size), dtype).reshape(shape)


def _receive(connection: socket.socket, size: int) -> bytearray:
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        count = connection.recv_into(view[done:])
        if not count:
            raise Severed("the connection ended")
        done += count
    return buffer
