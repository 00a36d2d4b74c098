"""Decoded images stay in memory while they are looked at, and no longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import pytest

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source, Unit
from radiolens.web.reading.opened import OpenedStacks
from radiolens.web.reading.stack import Stack, make_stack

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def stack(kilobytes: int) -> Stack:
    return make_stack(Image(np.zeros((1, kilobytes, 512), np.float32), Unit.UNIT_INTERVAL, Source("png")))


@dataclass
class Decoder:
    """Decodes, and counts how often."""

    kilobytes: int = 100
    times: list[int] = field(default_factory=list)

    def __call__(self) -> Stack:
        self.times.append(1)
        return stack(self.kilobytes)


def test_an_image_is_decoded_once() -> None:
    opened, decode = OpenedStacks(1_000_000), Decoder()
    assert opened.get(A, decode) is opened.get(A, decode)
    assert len(decode.times) == 1


def test_what_was_looked_at_longest_ago_goes_first() -> None:
    opened, decode = OpenedStacks(250 * 1024), Decoder()
    for image in (A, B, A, C):
        opened.get(image, decode)
    assert len(decode.times) == 3
    opened.get(A, decode)
    assert len(decode.times) == 3
    opened.get(B, decode)
    assert len(decode.times) == 4


def test_an_image_larger_than_all_room_is_kept_alone() -> None:
    opened, large = OpenedStacks(1024), Decoder(500)
    opened.get(A, large)
    opened.get(A, large)
    assert len(large.times) == 1


def test_a_forgotten_image_is_decoded_anew() -> None:
    opened, decode = OpenedStacks(1_000_000), Decoder()
    opened.get(A, decode)
    opened.forget(A)
    opened.forget(B)
    opened.get(A, decode)
    assert len(decode.times) == 2


def test_requests_at_the_same_time_decode_once() -> None:
    opened, decode = OpenedStacks(1_000_000), Decoder()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: opened.get(A, decode), range(24)))
    assert len(set(map(id, found))) == len(decode.times) == 1


def test_what_cannot_be_decoded_is_said_and_not_kept() -> None:
    opened, decode = OpenedStacks(1_000_000), Decoder()

    def damaged() -> Stack:
        raise UnreadableImage("It is cut off.")

    with pytest.raises(UnreadableImage, match="cut off"):
        opened.get(A, damaged)
    opened.get(A, decode)
    assert len(decode.times) == 1
