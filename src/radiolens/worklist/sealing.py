"""Seals bytes with AES-256-GCM, in pieces, so that a long series is in memory but once (STREAM construction).

    sealed   header, piece, piece, ... last piece
    header   magic (5 bytes), fingerprint of the key (8), salt (32)
    piece    up to 1 MiB of content, encrypted, and its tag (16)

The key of one object is derived from the site's key and the object's salt (HKDF-SHA256, RFC 5869), so it seals nothing
else, and the nonce may be the number of the piece and whether it is the last (Hoang, Reyhanitabar, Rogaway and Vizár
2015, "Online authenticated-encryption and its nonce-reuse misuse-resistance"). A piece cannot be changed, left out,
moved, or put into an object of another name.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from radiolens.errors import StoreUnavailable
from radiolens.worklist.keys import FINGERPRINT_BYTES, KEY_BYTES, Key, KeyRing

__all__ = ["HEADER_BYTES", "fingerprint_of", "seal", "unseal"]

_MAGIC = b"RLWS\x01"
_SALT_BYTES = 32
_TAG_BYTES = 16
_PIECE_BYTES = 1 << 20
_MOST_PARTS = 1 << 16

HEADER_BYTES = len(_MAGIC) + FINGERPRINT_BYTES + _SALT_BYTES
"""Without these nobody opens the rest, not even with the key."""


def seal(parts: Sequence[bytes], key: Key, name: str) -> Iterator[bytes]:
    """Yield the sealed form of some byte strings, to be opened under the same name only."""
    salt = secrets.token_bytes(_SALT_BYTES)
    header = _MAGIC + key.fingerprint + salt
    cipher = _cipher(key, salt)
    yield header
    for number, (piece, last) in enumerate(_marked(_pieces(parts))):
        yield cipher.encrypt(_nonce(number, last=last), piece, header + name.encode())


def unseal(stream: BinaryIO, keys: KeyRing, name: str) -> tuple[bytes, ...]:
    """Return what was sealed under this name; raise StoreUnavailable if it is damaged or its key is lost."""
    header = stream.read(HEADER_BYTES)
    key = keys.find(_fingerprint(header))
    cipher = _cipher(key, header[-_SALT_BYTES:])
    content = bytearray()
    try:
        for number, (piece, last) in enumerate(_marked(iter(lambda: stream.read(_PIECE_BYTES + _TAG_BYTES), b""))):
            content += cipher.decrypt(_nonce(number, last=last), piece, header + name.encode())
        return _split(memoryview(content))
    except (InvalidTag, struct.error, ValueError) as error:
        raise StoreUnavailable("A working copy is damaged. Have the image sent again, and check the disk.") from error


def fingerprint_of(stream: BinaryIO) -> bytes:
    """Return the fingerprint of the key that sealed an object; raise StoreUnavailable if it is none."""
    return _fingerprint(stream.read(HEADER_BYTES))


def _fingerprint(header: bytes) -> bytes:
    if len(header) != HEADER_BYTES or not header.startswith(_MAGIC):
        raise StoreUnavailable("A file of the working store is no working copy. Check the disk.")
    return header[len(_MAGIC) : len(_MAGIC) + FINGERPRINT_BYTES]


def _cipher(key: Key, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, b"radiolens working copy").derive(key.secret))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _pieces(parts: Sequence[bytes]) -> Iterator[bytes]:
    """Yield how many parts there are and their lengths, and then the parts, in pieces of one size but the last."""
    held = bytearray(struct.pack(f">I{len(parts)}Q", len(parts), *map(len, parts)))
    for part in parts:
        view = memoryview(part)
        while len(view):
            taken = _PIECE_BYTES - len(held)
            held += view[:taken]
            view = view[taken:]
            if len(held) == _PIECE_BYTES:
                yield bytes(held)
                held.clear()
    yield bytes(held)


def _marked(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each piece, and whether it is the last."""
    held: bytes | None = None
    for piece in pieces:
        if held is not None:
            yield held, False
        held = piece
    yield held or b"", True


def _split(content: memoryview) -> tuple[bytes, ...]:
    (count,) = struct.unpack_from(">I", content)
    if count > _MOST_PARTS:
        raise ValueError(f"{count} parts")
    lengths = struct.unpack_from(f">{count}Q", content, 4)
    start, parts = 4 + 8 * count, []
    for length in lengths:
        parts.append(bytes(content[start : start + length]))
        start += length
    if start != len(content):
        raise ValueError("parts of another length than declared")
    return tuple(parts)
