"""What a compressed frame says of itself is read before any decoder sees it."""

from __future__ import annotations

import gzip
import struct

import imagecodecs
import numpy as np
import pytest

from radiolens.errors import UnreadableImage
from radiolens.imaging.codestream import Codestream, describe, is_complete
from radiolens.imaging.inflation import inflate_gzip, inflate_raw
from radiolens.imaging.intensity import apply_window

GREY = np.zeros((30, 20), np.uint16)
COLOUR = np.zeros((30, 20, 3), np.uint8)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (imagecodecs.jpeg8_encode(COLOUR), Codestream(30, 20, 3, 8)),
        (imagecodecs.jpeg8_encode(GREY, lossless=True, bitspersample=12), Codestream(30, 20, 1, 12)),
        (imagecodecs.jpegls_encode(GREY), Codestream(30, 20, 1, 16)),
        (imagecodecs.jpeg2k_encode(GREY, codecformat="j2k"), Codestream(30, 20, 1, 16)),
        (imagecodecs.jpeg2k_encode(GREY, codecformat="jp2"), Codestream(30, 20, 1, 16)),
        (imagecodecs.htj2k_encode(COLOUR), Codestream(30, 20, 3, 8)),
    ],
)
def test_size_and_depth_are_those_that_the_encoder_wrote(frame: bytes, expected: Codestream) -> None:
    assert describe(frame) == expected
    assert is_complete(frame + b"\0")  # padded to an even length
    assert not is_complete(frame[:-3])


def test_fill_bytes_before_a_marker_are_passed_over() -> None:
    frame = imagecodecs.jpeg8_encode(COLOUR)
    assert describe(frame[:2] + b"\xff\xff" + frame[2:]) == describe(frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"", "no JPEG, JPEG-LS or JPEG 2000"),
        (b"hello", "no JPEG, JPEG-LS or JPEG 2000"),
        (b"\xff\xd8", "ends within its header"),
        (b"\xff\xd8\xff\xc0\x00\x0b", "ends within its header"),
        (b"\xff\xd8\xff\xdb\x00\x02\x00\x00", "without a frame header"),
        (b"\xff\x4f\xff\x51" + bytes(9), "ends within its header"),
    ],
)
def test_what_is_no_codestream_says_so(frame: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        describe(frame)


def test_a_gzip_file_of_several_members_is_one() -> None:
    assert inflate_gzip(gzip.compress(b"one ") + gzip.compress(b"two") + bytes(8), 100) == b"one two"


@pytest.mark.parametrize("content", [gzip.compress(bytes(1000), mtime=0)[:-9], b"\x1f\x8b\x08\x00"])
def test_a_gzip_file_that_is_cut_off_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableImage, match="compressed file is incomplete"):
        inflate_gzip(content, 10_000)


def test_damage_within_a_stream_is_told() -> None:
    with pytest.raises(UnreadableImage, match="compressed file is damaged"):
        inflate_raw(b"\x07" + bytes(20), 10_000)  # a block of a kind that does not exist


def test_members_are_bounded_all_together() -> None:
    with pytest.raises(UnreadableImage, match="becomes larger"):
        inflate_gzip(gzip.compress(bytes(600)) * 2, 1000)


@pytest.mark.parametrize(
    ("centre", "width", "function"),
    [(float("nan"), 5, "LINEAR"), (1, 0.5, "LINEAR"), (1, 0, "SIGMOID"), (1, 5, "CUBIC")],
)
def test_a_window_that_cannot_be_applied_is_named(centre: float, width: float, function: str) -> None:
    with pytest.raises(ValueError, match="a window"):
        apply_window(np.zeros((2, 2), np.float32), centre, width, function)


def test_a_stream_of_declared_length_zero_is_no_image() -> None:
    with pytest.raises(ValueError, match="ends within its header"):
        describe(b"\xff\xd8\xff\xe0" + struct.pack(">H", 65535))
