"""What crosses between the sandbox and its children."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiolens.imaging.wire import (
    Payload,
    Severed,
    receive_json,
    receive_parts,
    receive_payload,
    send_json,
    send_payload,
)

Pair = tuple[socket.socket, socket.socket]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def crossed(payload: Payload, largest_bytes: int = 1 << 20) -> Payload:
    """Return a payload after it went through a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=send_payload, args=(theirs, payload))
        sender.start()
        try:
            return receive_payload(ours, receive_json(ours), largest_bytes)
        finally:
            sender.join()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_a_json_object_arrives_as_it_was_sent(content: Mapping[str, Any]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_json(theirs, content)
        assert receive_json(ours) == content


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (4, 3, 2)])
def test_an_array_arrives_with_its_type_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    (told,) = crossed(Payload({}, (array,))).arrays
    assert (told.dtype, told.shape) == (array.dtype, shape)
    np.testing.assert_array_equal(told, array)


def test_an_array_that_lies_across_memory_arrives_in_its_order() -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::-3].T
    np.testing.assert_array_equal(crossed(Payload({}, (array,))).arrays[0], array)


def test_several_large_arrays_and_facts_arrive_together() -> None:
    arrays = tuple(np.full((300, 400), number, np.float32) for number in range(3))
    told = crossed(Payload({"name": "x", "numbers": [1, 2.5, None]}, arrays), 3 * 480_000)
    assert told.facts == {"name": "x", "numbers": [1, 2.5, None]}
    assert [float(array[0, 0]) for array in told.arrays] == [0, 1, 2]


def test_more_bytes_than_allowed_are_not_received_not_even_in_pieces() -> None:
    arrays = (np.zeros(600, np.uint8), np.zeros(600, np.uint8))
    assert len(crossed(Payload({}, arrays), 1200).arrays) == 2
    with pytest.raises(Severed, match="larger than allowed"):
        crossed(Payload({}, arrays), 1199)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_json_does_not_have_is_not_sent(pair: Pair, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        send_json(pair[0], {"value": value})


def test_files_arrive_whole_and_apart(pair: Pair) -> None:
    ours, theirs = pair
    parts = (b"", b"first", bytes(3_000_000), b"last")
    sender = threading.Thread(target=lambda: [theirs.sendall(part) for part in parts])
    sender.start()
    assert receive_parts(ours, [len(part) for part in parts]) == parts
    sender.join()


def test_a_connection_that_ends_within_a_file_is_severed(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"half")
    theirs.close()
    with pytest.raises(Severed, match="the connection ended"):
        receive_parts(ours, [8])


def test_a_head_longer_than_any_is_refused_before_memory_is_taken_for_it(pair: Pair) -> None:
    pair[1].sendall((4_000_001).to_bytes(8, "big"))
    with pytest.raises(Severed, match="a head of 4000001 bytes"):
        receive_json(pair[0])


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_are_json_or_severed(noise: bytes, framed: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(len(noise).to_bytes(8, "big") + noise if framed else noise)
        with contextlib.suppress(Severed):
            assert isinstance(receive_json(ours), dict)


HEADS = st.fixed_dictionaries(
    {},
    optional={
        "facts": st.just({}) | JSON,
        "arrays": JSON
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "dtype": st.sampled_from(["uint8", "float32", "object", "O", "V8", "<f4", "U9"]) | JSON,
                    "shape": st.lists(st.integers(-3, 10**20) | JSON, max_size=10) | JSON,
                },
            ),
            max_size=4,
        ),
    },
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(HEADS, st.binary(max_size=64))
def test_any_head_is_a_payload_within_bounds_or_severed(head: dict[str, Any], content: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(content)
        try:
            told = receive_payload(ours, head, 1000)
        except Severed:
            return
        assert sum(array.nbytes for array in told.arrays) <= 1000
        assert all(array.dtype.kind in "biuf" for array in told.arrays)
