"""The keys that seal the working store: 256 bits each, in a file that only its owner reads, or from the environment.

The file has a line for each key, in hexadecimal digits. The first one seals; the others still open what they sealed,
until it is erased. A key is told from another by its fingerprint, so nothing but the key itself must be kept.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from radiolens.errors import StoreUnavailable

__all__ = ["FINGERPRINT_BYTES", "KEY_BYTES", "KEY_FILE", "Key", "KeyRing", "read_keys"]

KEY_BYTES = 32
"""AES-256."""

KEY_FILE = "store.key"
"""In a site's home."""

FINGERPRINT_BYTES = 8
"""Of SHA-256: two of a site's keys agree by chance in one of 2^64 cases."""


@dataclass(frozen=True)
class Key:
    """One key; its secret is in no message and no `repr`."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> bytes:
        """Return what names the key without telling it."""
        return hashlib.sha256(b"radiolens working store\0" + self.secret).digest()[:FINGERPRINT_BYTES]


class KeyRing:
    """The keys of a site, of which the first seals."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = tuple(keys)
        self._known: Mapping[bytes, Key] = MappingProxyType({key.fingerprint: key for key in self.keys})

    @property
    def current(self) -> Key:
        """Return the key that seals."""
        return self.keys[0]

    def find(self, fingerprint: bytes) -> Key:
        """Return the key of this fingerprint; raise StoreUnavailable if it is lost."""
        key = self._known.get(fingerprint)
        if key is None:
            raise StoreUnavailable(
                f"A working copy is sealed with the key {fingerprint.hex()}, which is not among the {len(self.keys)} "
                "known ones. Put that key back behind the present one, or have the images sent again."
            )
        return key


def read_keys(file: Path, text: str = "") -> KeyRing:
    """Return the keys in `text` (separated by commas), or else in `file`.

    If there is neither, the file is made with a new key. Raises StoreUnavailable for what is no key, and for a file
    that others can read.
    """
    if text:
        return KeyRing([_key(word, "RADIOLENS_STORE_KEY") for word in text.split(",")])
    try:
        _create(file)
    except OSError as error:
        if not file.exists():
            message = f"{file}: the key cannot be written ({error.strerror}). Check the folder."
            raise StoreUnavailable(message) from error
    return KeyRing(_read(file))


def _create(file: Path) -> None:
    """Make the file with a new key. Raises FileExistsError if it is there."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        stream.flush()
        os.fsync(stream.fileno())
    _sync_folder(file.parent)


def _read(file: Path) -> list[Key]:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailable(f"{file}: the keys cannot be read ({error}). Put the file back.") from error
    if mode & 0o077:
        raise StoreUnavailable(f"{file}: others can read the keys (mode {mode:o}, expected 600). Run: chmod 600 {file}")
    keys = [_key(line, str(file)) for line in text.split()]
    if not keys:
        raise StoreUnavailable(f"{file}: found no key, expected {2 * KEY_BYTES} hexadecimal digits. Put the file back.")
    return keys


def _key(word: str, place: str) -> Key:
    try:
        secret = bytes.fromhex(word.strip())
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise StoreUnavailable(
            f"{place}: expected keys of {2 * KEY_BYTES} hexadecimal digits, found something else. "
            "Make one by: openssl rand -hex 32"
        )
    return Key(secret)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
