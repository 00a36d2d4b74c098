"""Names for patients that tell them apart and lead back to nobody who lacks the salt.

A hospital's numbers can be guessed one after the other, so a plain hash would hide nothing. The pseudonym is a keyed
hash (HMAC-SHA256, RFC 2104) under a salt that is drawn for one import and never stored, so that not even the importer
can link it afterwards. Who wants one patient to get one pseudonym in several imports keeps a salt in a file, apart
from the data set and never published.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from radiolens.errors import DatasetError

__all__ = ["SALT_BYTES", "new_salt", "pseudonym", "stored_salt"]

SALT_BYTES = 32
"""As many as the hash has."""

_DIGITS = 16  # 64 bits: among a million patients two agree with a probability of 3e-8


def new_salt() -> bytes:
    """Return a salt for one import."""
    return secrets.token_bytes(SALT_BYTES)


def stored_salt(file: Path) -> bytes:
    """Return the salt in `file`; if there is no such file, make one that only its owner can read."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(file)
    except OSError as error:
        raise DatasetError(f"{file}: the salt cannot be written ({error.strerror}).") from error
    salt = new_salt()
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(salt.hex() + "\n")
    return salt


def pseudonym(salt: bytes, kind: str, text: str) -> str:
    """Return the pseudonym (16 hexadecimal digits) of an identifier; `kind` keeps equal texts of two kinds apart."""
    return hmac.new(salt, f"{kind}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_DIGITS]


def _read(file: Path) -> bytes:
    try:
        salt = bytes.fromhex(file.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: it cannot be read as a salt, {SALT_BYTES} bytes in hexadecimal digits.") from error
    if len(salt) != SALT_BYTES:
        raise DatasetError(f"{file}: found a salt of {len(salt)} bytes, expected {SALT_BYTES} in hexadecimal digits.")
    return salt
