"""Passwords: Argon2id hashes, and what a password has to be: long, and no known one (NIST SP 800-63B, 5.1.1)."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from radiolens.errors import InvalidAccount
from radiolens.locale.translate import gettext as _

__all__ = ["LONGEST", "SHORTEST", "Passwords", "check_new", "temporary"]

SHORTEST, LONGEST = 12, 128
"""Characters. Longer ones would only let strangers keep the computer busy."""

_LEAST_SCORE = 3  # of zxcvbn: more than 10**8 guesses, "safely unguessable" with a lock-out before it
_JUDGED = 72  # zxcvbn's time grows with the square of the length
_AT_ONCE = 2  # hashes that are computed at the same time, since each takes its memory
_PARALLEL, _PASSES = 4, 3  # of RFC 9106, section 4, second choice, for 64 MiB


class Passwords:
    """Computes and compares hashes; at most two at a time."""

    def __init__(self, memory_kib: int) -> None:
        lanes = min(_PARALLEL, memory_kib // 8)  # Argon2 takes at least 8 KiB for each
        self._hasher = PasswordHasher(_PASSES, memory_kib, lanes, type=Type.ID)
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Return the hash of a password with its parameters."""
        with self._free:
            return self._hasher.hash(password)

    def verify(self, hashed: str | None, password: str) -> bool:
        """Say whether it is the password of this hash; takes as long where there is no hash, and says no."""
        with self._free:
            try:
                return self._hasher.verify(hashed or self._nobodys, password[: LONGEST + 1]) and hashed is not None
            except (VerifyMismatchError, InvalidHashError):
                return False

    def outdated(self, hashed: str) -> bool:
        """Say whether a hash was made with other parameters than these."""
        return self._hasher.check_needs_rehash(hashed)


def check_new(password: str, name: str) -> None:
    """Raise InvalidAccount for a password that is too short, too long, or easily guessed by who knows the name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidAccount(
            _(
                "The password has %(found)s characters. It needs %(shortest)s to %(longest)s; four words that do not "
                "belong together are easy to remember.",
                found=len(password),
                shortest=SHORTEST,
                longest=LONGEST,
            )
        )
    judged: dict[str, Any] = zxcvbn(password[:_JUDGED], user_inputs=[name, "radiolens"])
    if judged["score"] < _LEAST_SCORE:
        raise InvalidAccount(
            _(
                "The password is easily guessed: it is a known one, a name, or a pattern. Take four words that do not "
                "belong together, or let a password manager make one."
            )
        )


def temporary() -> str:
    """Return a random password that can be read out, of 20 letters and digits in four groups: for the first sign-in."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
    return "-".join("".join(secrets.choice(letters) for _letter in range(5)) for _group in range(4))
